import * as Schema from "effect/Schema"
import { CustomerKey } from "./encryption/CustomerKey.ts"
import { ChecksumAlgorithm, ChecksumType } from "./integrity/Checksum.ts"

/** A run of bytes inside one blob of the store. An object is a list of them: Complete and Copy move no bytes. */
export const Segment = Schema.Struct({ blob: Schema.String, offset: Schema.Number, length: Schema.Number })
export type Segment = typeof Segment.Type

const Checksum = Schema.Struct({ algorithm: ChecksumAlgorithm, value: Schema.String })

const BucketRecord = Schema.Struct({
  kind: Schema.Literal("bucket"),
  name: Schema.String,
  created: Schema.Number,
  /** Absent until it was first enabled; from then on a bucket can only be suspended. */
  versioning: Schema.optionalKey(Schema.Literals(["Enabled", "Suspended"])),
  /** Sub-resource (`cors`, `lifecycle`…) → the XML document that set it. */
  settings: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
})
export type BucketRecord = typeof BucketRecord.Type

const PartRecord = Schema.Struct({
  kind: Schema.Literal("part"),
  uploadId: Schema.String,
  partNumber: Schema.Number,
  size: Schema.Number,
  /** MD5 in hex, or opaque where the encryption has it so; unquoted. */
  etag: Schema.String,
  checksum: Schema.optionalKey(Checksum),
  /** S3's own checksum, where it takes one. */
  byDefault: Schema.optionalKey(Schema.String),
  /** Milliseconds since the epoch, as all times here. */
  modified: Schema.Number,
  segments: Schema.Array(Segment)
})
export type PartRecord = typeof PartRecord.Type

const UploadRecord = Schema.Struct({
  kind: Schema.Literal("upload"),
  uploadId: Schema.String,
  bucket: Schema.String,
  key: Schema.String,
  initiated: Schema.Number,
  /** Headers kept for the object: content-*, x-amz-meta-*, storage class, tagging, encryption. */
  headers: Schema.Record(Schema.String, Schema.String),
  customerKey: Schema.optionalKey(CustomerKey),
  checksum: Schema.optionalKey(Schema.Struct({ algorithm: ChecksumAlgorithm, type: ChecksumType }))
})
export type UploadRecord = typeof UploadRecord.Type

/** What makes a record one of several under its key. */
const versionFields = {
  bucket: Schema.String,
  key: Schema.String,
  /** Absent of the null version, the only one of a bucket without versioning. */
  versionId: Schema.optionalKey(Schema.String),
  /** Higher is newer; absent is the oldest, from before versioning. */
  serial: Schema.optionalKey(Schema.Number)
}

const ObjectRecord = Schema.Struct({
  kind: Schema.Literal("object"),
  ...versionFields,
  size: Schema.Number,
  /** MD5 in hex, or MD5 of the parts' ETags with `-N`, or opaque where the encryption has it so; unquoted. */
  etag: Schema.String,
  modified: Schema.Number,
  headers: Schema.Record(Schema.String, Schema.String),
  customerKey: Schema.optionalKey(CustomerKey),
  checksum: Schema.optionalKey(
    Schema.Struct({ algorithm: ChecksumAlgorithm, type: ChecksumType, value: Schema.String })
  ),
  segments: Schema.Array(Segment),
  /** Of the multipart upload it came from: the upload's own records are void once this one is saved. */
  uploadId: Schema.optionalKey(Schema.String),
  partSizes: Schema.optionalKey(Schema.Array(Schema.Number)),
  /** By the object's algorithm, where the parts had one; as many as there are sizes. */
  partChecksums: Schema.optionalKey(Schema.Array(Schema.String))
})
export type ObjectRecord = typeof ObjectRecord.Type

/** A delete marker: the newest version of a key that reads as absent. */
const MarkerRecord = Schema.Struct({
  kind: Schema.Literal("marker"),
  ...versionFields,
  modified: Schema.Number
})
export type MarkerRecord = typeof MarkerRecord.Type

/** What can be the newest under a key. */
export type Version = ObjectRecord | MarkerRecord

/** All that a store keeps beside bytes. */
export const S3Record = Schema.Union([BucketRecord, ObjectRecord, MarkerRecord, UploadRecord, PartRecord])
export type S3Record = typeof S3Record.Type

/** One name per thing: saving a record replaces the earlier one of the same name. */
export function recordName(record: S3Record): string {
  switch (record.kind) {
    case "bucket":
      return `bucket/${record.name}`
    case "object":
    case "marker":
      // A null version replaces the null version before it, be it object or marker, in the one save.
      return record.versionId === undefined ? `object/${record.bucket}/${record.key}` : `version/${record.versionId}`
    case "upload":
      return `upload/${record.uploadId}`
    case "part":
      return `part/${record.uploadId}/${record.partNumber}`
  }
}
