import { receiveText } from "../receive.ts"
import { okXml } from "../respond.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import { childText, parseXml } from "../Xml.ts"

const MAX_KEYS = 1000

export const deleteObjects: Handler = async (call, { model }) => {
  model.bucket(call.bucket)
  const root = parseXml(await receiveText(call))
  const objects = root.children.filter(({ name }) => name === "Object")
  if (root.name !== "Delete" || objects.length === 0 || objects.length > MAX_KEYS) throw new S3Error("MalformedXML")
  const keys = objects.map((object) => childText(object, "Key"))
  for (const key of keys) await model.deleteObject(call.bucket, key)
  return okXml(
    "DeleteResult",
    childText(root, "Quiet", "false") === "true" ? {} : { Deleted: keys.map((Key) => ({ Key })) }
  )
}
