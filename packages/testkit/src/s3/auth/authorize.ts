import { type LockRight, lockRights } from "../lock/ObjectLock.ts"
import { peekText } from "../receive.ts"
import type { S3Call } from "../S3Call.ts"
import { S3Error } from "../S3Error.ts"
import { parseTarget } from "../Target.ts"
import { childText, parseXml } from "../Xml.ts"
import { type Access, everything, mayDo } from "./Principal.ts"

/** Refuses what a caller may not do: the operation itself, reading a copy's source, deleting each of many keys. */
export async function authorize(call: S3Call, access: Access): Promise<S3Call> {
  if (access.allow === everything.allow) return call
  const demand = (...[op, bucket, key]: Parameters<Demand>): void => {
    if (!mayDo(access, op, bucket, key)) throw new S3Error("AccessDenied")
  }
  const rights = lockRights(call.headers)
  if (call.op === "DeleteObjects") return authorizeDeletes(call, ["DeleteObject", ...rights], demand)
  for (const right of [call.op, ...rights]) demand(right, call.bucket, call.key)
  const source = call.headers["x-amz-copy-source"]
  if (source !== undefined) {
    const { bucket = "", key = "" } = parseTarget(source.startsWith("/") ? source : `/${source}`)
    demand("GetObject", bucket, key)
  }
  return call
}

type Demand = (op: S3Call["op"] | LockRight, bucket: string, key: string) => void

/** Its keys stand in its body: one that may not be deleted refuses them all. */
async function authorizeDeletes(
  call: S3Call,
  rights: ReadonlyArray<Parameters<Demand>[0]>,
  demand: Demand
): Promise<S3Call> {
  const { text, again } = await peekText(call)
  for (const object of parseXml(text).children) {
    if (object.name !== "Object") continue
    for (const right of rights) demand(right, call.bucket, childText(object, "Key"))
  }
  return again
}
