import { Bucket } from "./Bucket.ts"
import type { PartRecord, S3Record, UploadRecord } from "./Records.ts"

/** A multipart upload that is open. */
export interface Upload {
  readonly record: UploadRecord
  readonly parts: Map<number, PartRecord>
}

export interface Arranged {
  readonly buckets: Map<string, Bucket>
  readonly uploads: Map<string, Upload>
  /** What a crash left half removed. */
  readonly orphans: ReadonlyArray<S3Record>
  /** The highest of all versions. */
  readonly serial: number
}

/** Puts the records of a store together again, whatever the step at which its last process died. */
export function arrangeRecords(records: ReadonlyArray<S3Record>): Arranged {
  const buckets = new Map<string, Bucket>()
  const uploads = new Map<string, Upload>()
  const completed = new Set<string>()
  const orphans: Array<S3Record> = []
  let serial = 0
  for (const record of records) if (record.kind === "bucket") buckets.set(record.name, new Bucket(record))
  for (const record of records) {
    if (record.kind !== "object" && record.kind !== "marker") continue
    const bucket = buckets.get(record.bucket)
    if (bucket === undefined) orphans.push(record)
    else bucket.add(record)
    serial = Math.max(serial, record.serial ?? 0)
    if (record.kind === "object" && record.uploadId !== undefined) completed.add(record.uploadId)
  }
  for (const record of records) {
    if (record.kind !== "upload") continue
    // The process died between saving the object and removing its upload: Complete had happened.
    if (completed.has(record.uploadId) || !buckets.has(record.bucket)) orphans.push(record)
    else uploads.set(record.uploadId, { record, parts: new Map() })
  }
  for (const record of records) {
    if (record.kind !== "part") continue
    const upload = uploads.get(record.uploadId)
    if (upload === undefined) orphans.push(record)
    else upload.parts.set(record.partNumber, record)
  }
  return { buckets, uploads, orphans, serial }
}
