import type { ObjectRecord, Version } from "./Records.ts"
import { S3Error } from "./S3Error.ts"

type Headers = Readonly<Record<string, string>>

/** Conditions of GET and HEAD in the order of RFC 9110 §13.2.2. */
export function assertReadable(headers: Headers, object: ObjectRecord): void {
  const ifMatch = headers["if-match"]
  const ifNoneMatch = headers["if-none-match"]
  if (ifMatch !== undefined) assertHolds("If-Match", matches(ifMatch, object.etag))
  else assertHolds("If-Unmodified-Since", !(seconds(object.modified) > dateOf(headers["if-unmodified-since"])))
  if (ifNoneMatch !== undefined) {
    if (matches(ifNoneMatch, object.etag)) throw new S3Error("NotModified")
  } else if (seconds(object.modified) <= dateOf(headers["if-modified-since"])) throw new S3Error("NotModified")
}

/** Conditions of PutObject and CompleteMultipartUpload: `If-None-Match: *`, or `If-Match` with an ETag. */
export function assertWritable(headers: Headers, current: ObjectRecord | undefined): void {
  const ifMatch = headers["if-match"]
  const ifNoneMatch = headers["if-none-match"]
  if (ifMatch !== undefined && ifNoneMatch !== undefined) throw new S3Error("NotImplemented")
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch !== "*") throw new S3Error("NotImplemented")
    assertHolds("If-None-Match", current === undefined)
  }
  if (ifMatch !== undefined) {
    if (current === undefined) throw new S3Error("NoSuchKey")
    assertHolds("If-Match", matches(ifMatch, current.etag))
  }
}

/** The condition of a delete: `If-Match` with an ETag, or `*` for any object (S3 user guide, "Conditional deletes"). */
export const assertDeletable =
  (ifMatch: string | undefined) =>
  (current: Version | undefined): void => {
    if (ifMatch === undefined) return
    if (current?.kind !== "object") throw new S3Error("NoSuchKey")
    assertHolds("If-Match", matches(ifMatch, current.etag))
  }

/** Conditions that CopyObject and UploadPartCopy put on their source. */
export function assertCopyable(headers: Headers, source: ObjectRecord): void {
  const prefix = "x-amz-copy-source-"
  const conditions: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(`${prefix}if-`)) conditions[name.slice(prefix.length)] = value
  }
  try {
    assertReadable(conditions, source)
  } catch (error) {
    // RFC 9110 has 304 for reads only.
    if (error instanceof S3Error && error.code === "NotModified") throw new S3Error("PreconditionFailed")
    throw error
  }
}

/** What lies in an archive has to be restored before it is read, and nothing here restores. */
export function assertNotArchived({ headers }: ObjectRecord): void {
  const storageClass = headers["x-amz-storage-class"] ?? ""
  if (!["GLACIER", "DEEP_ARCHIVE"].includes(storageClass)) return
  throw new S3Error("InvalidObjectState", undefined, { StorageClass: storageClass })
}

export const unquote = (etag: string): string => etag.replace(/^(?:W\/)?"(.*)"$/, "$1")

const matches = (list: string, etag: string): boolean =>
  list.split(",").some((item) => item.trim() === "*" || unquote(item.trim()) === etag)

function assertHolds(condition: string, holds: boolean): void {
  if (!holds) throw new S3Error("PreconditionFailed", undefined, { Condition: condition })
}

/** Dates in headers have whole seconds. */
const seconds = (millis: number): number => Math.floor(millis / 1000)
const dateOf = (text: string | undefined): number => seconds(Date.parse(text ?? ""))
