import type { Bucket } from "../Bucket.ts"
import { declaredAlgorithm } from "../integrity/Integrity.ts"
import type { ObjectRecord, Version } from "../Records.ts"
import type { S3Call } from "../S3Call.ts"
import { S3Error } from "../S3Error.ts"

type Headers = Readonly<Record<string, string>>

const MODE = "x-amz-object-lock-mode"
const UNTIL = "x-amz-object-lock-retain-until-date"
const HOLD = "x-amz-object-lock-legal-hold"

const modes = ["GOVERNANCE", "COMPLIANCE"] as const

/** Until when a version stays, and whether who may lift GOVERNANCE can shorten that. */
export interface Retention {
  readonly mode: (typeof modes)[number]
  /** Milliseconds since the epoch. */
  readonly until: number
}

export const retentionMode = (text: string): Retention["mode"] | undefined => modes.find((mode) => mode === text)

/** A lock is kept among the object's headers, as it is told. */
export const retentionHeaders = ({ mode, until }: Retention): Headers => ({
  [MODE]: mode,
  [UNTIL]: new Date(until).toISOString()
})
export const holdHeaders = (status: "ON" | "OFF"): Headers => ({ [HOLD]: status })

export function retentionOf({ headers }: Pick<ObjectRecord, "headers">): Retention | undefined {
  const mode = retentionMode(headers[MODE] ?? "")
  return mode === undefined ? undefined : { mode, until: Date.parse(headers[UNTIL] ?? "") }
}
export const holdOf = ({ headers }: Pick<ObjectRecord, "headers">): string | undefined => headers[HOLD]

export function withoutRetention({ [MODE]: _mode, [UNTIL]: _until, ...headers }: Headers): Headers {
  return headers
}

/** The lock that a write asks for, or S3's refusal of it. */
export function lockOf(headers: Headers, bucket: Bucket, now: number): Headers {
  const names = Object.keys(headers).filter((name) => name.startsWith("x-amz-object-lock-"))
  const unknown = names.find((name) => ![MODE, UNTIL, HOLD].includes(name))
  if (unknown !== undefined) throw new S3Error("NotImplemented", `${unknown} is not implemented here.`)
  if (names.length === 0) return {}
  const { [MODE]: mode, [UNTIL]: until, [HOLD]: hold } = headers
  if ((mode === undefined) !== (until === undefined)) {
    const missing = mode === undefined ? MODE : UNTIL
    throw refusal(missing, `${UNTIL} and ${MODE} must both be supplied`)
  }
  if (hold !== undefined && hold !== "ON" && hold !== "OFF") {
    throw refusal(HOLD, "Legal Hold must be either of 'ON' or 'OFF'")
  }
  const lock = {
    ...(hold === undefined ? {} : holdHeaders(hold)),
    ...(mode === undefined || until === undefined ? {} : retentionHeaders(askedRetention(mode, until, now)))
  }
  // Of writes S3 says it without the spaces (versity/versitygw#1751).
  assertLockable(bucket, "Bucket is missing ObjectLockConfiguration")
  return lock
}

function askedRetention(name: string, date: string, now: number): Retention {
  const mode = retentionMode(name)
  if (mode === undefined) throw refusal(MODE, "Unknown wormMode directive.")
  const until = Date.parse(date)
  if (Number.isNaN(until)) throw refusal(UNTIL, "The retain until date must be provided in ISO 8601 format")
  assertFuture(until, now)
  return { mode, until }
}

export function assertFuture(until: number, now: number): void {
  if (until <= now) throw refusal(UNTIL, "The retain until date must be in the future!")
}

const refusal = (ArgumentName: string, message: string): S3Error =>
  new S3Error("InvalidArgument", message, { ArgumentName })

/** Locks are for buckets that were told to have them. */
export function assertLockable({ settings }: Bucket, message = "Bucket is missing Object Lock Configuration"): void {
  if (settings["object-lock"] === undefined) throw new S3Error("InvalidRequest", message)
}

/** A new version with its bucket's default retention, unless it brings its own. */
export function withDefaultRetention<A extends Version>(version: A, { settings }: Bucket): A {
  if (version.kind !== "object" || retentionOf(version) !== undefined) return version
  const retention = settings["object-lock"]?.defaultRetention?.(version.modified)
  return retention === undefined
    ? version
    : { ...version, headers: { ...version.headers, ...retentionHeaders(retention) } }
}

/** Bytes that cannot be deleted must be known to be right (API reference, PutObject and UploadPart). */
export function assertDigest(call: S3Call, attributes: Headers, { settings }: Bucket): void {
  const locked = [MODE, HOLD].some((name) => attributes[name] !== undefined)
  if (!locked && settings["object-lock"]?.defaultRetention === undefined) return
  if (call.headers["content-md5"] !== undefined || declaredAlgorithm(call) !== undefined) return
  const what = call.op === "UploadPart" ? "Put Part" : "Put Object"
  throw new S3Error(
    "InvalidRequest",
    `Content-MD5 OR x-amz-checksum- HTTP header is required for ${what} requests with Object Lock parameters`
  )
}

/** Whether a version may not be removed: a legal hold, or a retention that runs and is not lifted. */
export function isLocked(version: Version | undefined, now: number, lifts = false): boolean {
  if (version?.kind !== "object") return false
  const retention = retentionOf(version)
  const retained = retention !== undefined && retention.until > now
  return holdOf(version) === "ON" || (retained && !(lifts && retention.mode === "GOVERNANCE"))
}

/** A retention may be made longer by anybody; shorter, weaker or none only where GOVERNANCE is lifted. */
export function assertRetainable(object: ObjectRecord, next: Retention | undefined, now: number, lifts: boolean): void {
  const current = retentionOf(object)
  if (current === undefined || current.until <= now || (lifts && current.mode === "GOVERNANCE")) return
  if (next?.mode !== current.mode || next.until < current.until) throw protectedByLock()
}

export const protectedByLock = (): S3Error =>
  new S3Error("AccessDenied", "Access Denied because object protected by object lock.")

/** Whether the request lifts GOVERNANCE; who may, `authorize` has seen to. */
export const liftsGovernance = (headers: Headers): boolean =>
  headers["x-amz-bypass-governance-retention"]?.toLowerCase() === "true"

/** What of somebody's rights a request needs beside its operation. */
export function lockRights(headers: Headers): ReadonlyArray<LockRight> {
  return [
    ...(headers[MODE] === undefined ? [] : (["PutObjectRetention"] as const)),
    ...(headers[HOLD] === undefined ? [] : (["PutObjectLegalHold"] as const)),
    ...(liftsGovernance(headers) ? (["BypassGovernanceRetention"] as const) : [])
  ]
}
export type LockRight = "PutObjectRetention" | "PutObjectLegalHold" | "BypassGovernanceRetention"
