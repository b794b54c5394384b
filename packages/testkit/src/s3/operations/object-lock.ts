import {
  assertFuture,
  assertLockable,
  assertRetainable,
  holdHeaders,
  holdOf,
  liftsGovernance,
  type Retention,
  retentionHeaders,
  retentionMode,
  retentionOf,
  withoutRetention
} from "../lock/ObjectLock.ts"
import type { ObjectRecord } from "../Records.ts"
import { receiveText } from "../receive.ts"
import { ok, okXml } from "../respond.ts"
import type { S3Call } from "../S3Call.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import type { S3Model } from "../S3Model.ts"
import { requestedObject } from "../versions.ts"
import { assertChildren, childText, parseXml, type XmlElement } from "../Xml.ts"
import { putSetting } from "./settings.ts"

/** What can be locked are versions: the bucket must have them, and keeps them from then on. */
export const putObjectLockConfiguration: Handler = putSetting("object-lock", ({ versioning }) => {
  if (versioning === "Enabled") return
  throw new S3Error(
    "InvalidBucketState",
    "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
  )
})

export const getObjectRetention: Handler = async (call, { model }) => {
  const retention = retentionOf(lockable(call, model))
  if (retention === undefined) throw new S3Error("NoSuchObjectLockConfiguration")
  return okXml("Retention", { Mode: retention.mode, RetainUntilDate: new Date(retention.until).toISOString() })
}

export const putObjectRetention: Handler = async (call, { model, clock }) => {
  const now = clock()
  const next = parseRetention(parseXml(await receiveText(call)), now)
  const object = lockable(call, model)
  await model.updateObject(object, (current) => {
    assertRetainable(current, next, now, liftsGovernance(call.headers))
    const headers = withoutRetention(current.headers)
    return { ...current, headers: next === undefined ? headers : { ...headers, ...retentionHeaders(next) } }
  })
  return ok({})
}

/** An empty document ends a retention, where it may be ended. */
function parseRetention(root: XmlElement, now: number): Retention | undefined {
  if (root.name !== "Retention") throw new S3Error("MalformedXML")
  assertChildren(root, "Mode", "RetainUntilDate")
  if (root.children.length === 0) return undefined
  const mode = retentionMode(childText(root, "Mode").trim())
  const until = Date.parse(childText(root, "RetainUntilDate").trim())
  if (mode === undefined || Number.isNaN(until)) throw new S3Error("MalformedXML")
  assertFuture(until, now)
  return { mode, until }
}

export const getObjectLegalHold: Handler = async (call, { model }) => {
  const status = holdOf(lockable(call, model))
  if (status === undefined) throw new S3Error("NoSuchObjectLockConfiguration")
  return okXml("LegalHold", { Status: status })
}

export const putObjectLegalHold: Handler = async (call, { model }) => {
  const root = parseXml(await receiveText(call))
  const status = childText(root, "Status").trim()
  if (root.name !== "LegalHold" || (status !== "ON" && status !== "OFF")) throw new S3Error("MalformedXML")
  const object = lockable(call, model)
  await model.updateObject(object, (current) => ({
    ...current,
    headers: { ...current.headers, ...holdHeaders(status) }
  }))
  return ok({})
}

function lockable(call: S3Call, model: S3Model): ObjectRecord {
  const object = requestedObject(call, model)
  assertLockable(model.bucket(call.bucket))
  return object
}
