/** How a store answers where stores differ. Everything that is not in here, every store must do alike. */
export interface Facts {
  /** Error code for bytes that do not match their `x-amz-checksum-*`. */
  readonly checksumMismatch: "BadDigest" | "XAmzContentChecksumMismatch"
  /** Error code of trailers that are not those announced. */
  readonly badTrailer: "MalformedTrailerError" | "BadRequest"
  /** Error code of a body in chunks that has more bytes than it said. */
  readonly tooManyBytes: "IncompleteBody" | "ExcessData"
  /** Status of AbortMultipartUpload for an upload that is gone. */
  readonly abortOfGoneUpload: 404 | 204
  /** Answer to the same Complete once more, as after a lost answer. */
  readonly repeatedComplete: "same answer" | "NoSuchUpload"
  /** Complete that lists one part twice. */
  readonly partListedTwice: "InvalidPartOrder" | "accepted"
  /** Error code of a Complete that lists no part. */
  readonly emptyComplete: "MalformedXML" | "InvalidRequest"
  /** Error code of part number 0. */
  readonly partNumberZero: "InvalidArgument" | "InvalidPart"
  /** `x-amz-mp-object-size` on Complete. */
  readonly declaredSize: "checked" | "ignored"
  /** Where the store says first that it will encrypt a multipart upload. */
  readonly encryptionEcho: "CreateMultipartUpload" | "UploadPart"
  /** Error code of an `x-amz-server-side-encryption` that does not exist. */
  readonly unknownEncryption: "InvalidEncryptionAlgorithmError" | "InvalidArgument"
  /** What ListMultipartUploads finds. */
  readonly openUploads: "by prefix" | "by exact key"
  /** Keys that a file system would read differently (`a//b`, `a/../b`). */
  readonly pathLikeKeys: "taken literally" | "refused"
  /** `x-amz-version-id` of a delete while versioning is suspended. */
  readonly nullVersion: "told" | "untold"
  /** DeleteBucket of a bucket that holds delete markers and nothing else. */
  readonly bucketOfMarkers: "kept" | "deleted"
  /** A date that does not hold beside an ETag that does, as the conditions of a copy (RFC 9110, section 13.2.2). */
  readonly dateBesideETag: "does not count" | "counts"
  /** Status of UploadPartCopy with a range that ends after its source. */
  readonly copyBeyondEnd: 400 | 416
  /** How many attributes the SDK can ask of GetObjectAttributes at once. */
  readonly attributesAtOnce: "several" | "one"
  /** How many parts GetObjectAttributes counts of an object of one put. */
  readonly partsOfOnePut: 0 | 1
  /** Error code of a read of a part that the object has not. */
  readonly partNotThere: "InvalidPartNumber" | "InvalidRange"
  /** What Create tells of the lifecycle rule that will abort the upload. */
  readonly abortDate: "its date and rule" | "nothing, for there is no such rule"
  /** SSE-KMS with a key that does not exist. */
  readonly unknownKmsKey: "400 KMS.NotFoundException" | "404 kms:KeyNotFound"
  /** A delete of a version that is locked, and a change that its lock forbids. */
  readonly lockedVersion: "403 AccessDenied" | "400 InvalidRequest"
  /** Status of NoSuchObjectLockConfiguration, of an object that never had a lock. */
  readonly withoutLock: 404 | 400
  /** Status of InvalidBucketState, for suspending the versions that locks need. */
  readonly lockedVersioning: 409 | 400
  /** `key-marker` of ListMultipartUploads, without an upload's id beside it. */
  readonly keyMarkerOfUploads: "counts" | "does not count"
  /** `x-amz-expected-bucket-owner`. */
  readonly expectedOwner: "compared" | "ignored"
}

/** What AWS documents; the embedded server gives these answers. */
const aws: Facts = {
  checksumMismatch: "BadDigest",
  badTrailer: "MalformedTrailerError",
  tooManyBytes: "IncompleteBody",
  abortOfGoneUpload: 404,
  repeatedComplete: "same answer",
  partListedTwice: "InvalidPartOrder",
  emptyComplete: "MalformedXML",
  partNumberZero: "InvalidArgument",
  declaredSize: "checked",
  encryptionEcho: "CreateMultipartUpload",
  unknownEncryption: "InvalidEncryptionAlgorithmError",
  openUploads: "by prefix",
  pathLikeKeys: "taken literally",
  nullVersion: "told",
  bucketOfMarkers: "kept",
  dateBesideETag: "does not count",
  copyBeyondEnd: 400,
  attributesAtOnce: "several",
  partsOfOnePut: 0,
  partNotThere: "InvalidPartNumber",
  abortDate: "its date and rule",
  unknownKmsKey: "400 KMS.NotFoundException",
  lockedVersion: "403 AccessDenied",
  withoutLock: 404,
  lockedVersioning: 409,
  keyMarkerOfUploads: "counts",
  expectedOwner: "compared"
}

/** Measured against MinIO v0.0.0-20260212201848-7aac2a2c5b7c, the last state of its archived source. */
const minio: Partial<Facts> = {
  // MinIO keeps its own code; BadDigest there only means Content-MD5.
  checksumMismatch: "XAmzContentChecksumMismatch",
  // "unsupported trailer header", as any request that its handlers cannot read.
  badTrailer: "BadRequest",
  tooManyBytes: "ExcessData",
  // Abort is idempotent: 204 also for an id that never was. An abort's status is no proof of anything.
  abortOfGoneUpload: 204,
  // It forgets an upload as soon as it is completed, so a lost answer has to be reconciled by HEAD.
  repeatedComplete: "NoSuchUpload",
  // It only asks that numbers do not descend, and stores the part twice.
  partListedTwice: "accepted",
  emptyComplete: "InvalidRequest",
  partNumberZero: "InvalidPart",
  // The header is not read: only the full-object checksum guards the whole there.
  declaredSize: "ignored",
  // Create answers without the SSE header even though it will encrypt; every UploadPart has it, Complete has not.
  encryptionEcho: "UploadPart",
  unknownEncryption: "InvalidArgument",
  // A prefix that is not an object's whole name finds nothing.
  openUploads: "by exact key",
  // XMinioInvalidObjectName, XMinioInvalidResourceName.
  pathLikeKeys: "refused",
  nullVersion: "untold",
  // Markers do not count as content.
  bucketOfMarkers: "deleted",
  dateBesideETag: "counts",
  // The SDK puts a space after each comma, which MinIO takes for part of the name.
  attributesAtOnce: "one",
  partsOfOnePut: 1,
  // AbortIncompleteMultipartUpload is not known there.
  abortDate: "nothing, for there is no such rule",
  unknownKmsKey: "404 kms:KeyNotFound",
  // "Object is WORM protected and cannot be overwritten".
  lockedVersion: "400 InvalidRequest",
  withoutLock: 400,
  lockedVersioning: 400,
  keyMarkerOfUploads: "does not count",
  // A request that names another owner is done.
  expectedOwner: "ignored"
}

/** Measured against versitygw v1.8.0 over its posix backend. */
const versitygw: Partial<Facts> = {
  // Markers do not count as content.
  bucketOfMarkers: "deleted",
  withoutLock: 400,
  lockedVersioning: 400
}

/** The one table of differences; what a store lacks altogether is in deviations.ts. */
export const differences = { embedded: {}, minio, versitygw, "s3s-fs": {}, seaweedfs: {} } satisfies Record<
  string,
  Partial<Facts>
>

/** The answers to expect from this store. */
export const factsOf = (store: keyof typeof differences): Facts => ({ ...aws, ...differences[store] })
