import { receiveText } from "../receive.ts"
import { ok, okXml } from "../respond.ts"
import type { S3Call } from "../S3Call.ts"
import type { Handler } from "../S3Context.ts"
import type { S3Model } from "../S3Model.ts"
import { type Tag, tagHeader, tagSet, tagsFromXml, tagsOf } from "../Tags.ts"
import { requestedObject, versionHeaders } from "../versions.ts"
import { parseXml } from "../Xml.ts"

export const getObjectTagging: Handler = async (call, { model }) => {
  const object = requestedObject(call, model)
  const tags = tagsOf(object.headers["x-amz-tagging"])
  return okXml("Tagging", tagSet(tags), versionHeaders(model.bucket(call.bucket), object))
}

export const putObjectTagging: Handler = async (call, { model }) => {
  requestedObject(call, model)
  return ok(await setTags(call, model, tagsFromXml(parseXml(await receiveText(call)))))
}

export const deleteObjectTagging: Handler = async (call, { model }) => ({
  status: 204,
  headers: await setTags(call, model, [])
})

/** Tags belong to a version, and change without making a new one. */
async function setTags(call: S3Call, model: S3Model, tags: ReadonlyArray<Tag>): Promise<Record<string, string>> {
  const object = requestedObject(call, model)
  await model.updateObject(object, (record) => {
    const { "x-amz-tagging": _, ...headers } = record.headers
    return { ...record, headers: tags.length === 0 ? headers : { ...headers, "x-amz-tagging": tagHeader(tags) } }
  })
  return versionHeaders(model.bucket(call.bucket), object)
}
