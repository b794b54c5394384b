/**
 * The store the engine speaks to: S3's verbs, plus what the store can do.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { wrapping } from "./internal/store-identity.ts"
import type { Capabilities } from "./Limits.ts"
import type { Activity } from "./platform/exchange.ts"
import type { UploadError } from "./UploadError.ts"

/** What is stored beside an object's bytes. */
export interface ObjectAttributes {
  readonly contentType?: string | undefined
  readonly cacheControl?: string | undefined
  readonly contentDisposition?: string | undefined
  readonly contentEncoding?: string | undefined
  readonly contentLanguage?: string | undefined
  /** User metadata; at most 2 KiB in all (S3 limit). Values are ASCII, being HTTP headers; percent-encode others. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** At most 10 (S3 limit). */
  readonly tags?: Readonly<Record<string, string>> | undefined
  /** `STANDARD`, `STANDARD_IA`, `GLACIER_IR`, … as the store names them. */
  readonly storageClass?: string | undefined
  /** Encryption by the store. */
  readonly encryption?: Encryption | undefined
}

/** Encryption by the store: SSE-S3 (AES256 with the store's own keys). */
export interface Encryption {
  readonly mode: "SSE-S3"
}

/** What may be demanded of the object that stands at the key when the upload completes. */
export interface WriteCondition {
  /** `"*"`: only if no object stands there. */
  readonly ifNoneMatch?: "*" | undefined
  /** Only if the object there has this ETag. */
  readonly ifMatch?: string | undefined
}

export type { Activity } from "./platform/exchange.ts"

/** CRC32 as it is declared on Create. */
export type ChecksumType = "FULL_OBJECT" | "COMPOSITE" | "none"

/** The checksums of S3 that the engine can be told to send; all but CRC32 need a package. */
export type ChecksumAlgorithm = "CRC32" | "CRC32C" | "CRC64NVME"

/** A checksum that goes to the store in the place of the CRC32. */
export interface OtherChecksum {
  readonly algorithm: Exclude<ChecksumAlgorithm, "CRC32">
  /** As in its header: base64, of a COMPOSITE one with `-` and the number of parts. */
  readonly value: string
}

/** The bytes of one request: a list of slices, sent in order without concatenation. */
export interface PartBody {
  readonly slices: ReadonlyArray<Uint8Array>
  /** Bytes in all. */
  readonly size: number
  /**
   * Set where the bytes are too many for memory: `slices` is empty, and each call gives them anew, a chunk at a time,
   * each valid until the next is asked for. Whoever iterates awaits `return`, whatever the end.
   */
  readonly open?: (() => AsyncIterable<Uint8Array>) | undefined
  /** Called as the socket accepts bytes, with the count since the last call. Never suspends. */
  readonly onAccepted?: ((bytes: number) => void) | undefined
}

/**
 * For calls that may be silent for long: told of every sign of life (connected, bytes taken, bytes answered),
 * and when a limit of the store's own `held` the bytes back and `freed` them, which is no silence.
 */
export interface Watched {
  readonly onActivity?: ((activity?: Activity) => void) | undefined
}

export interface CreateMultipartUpload extends ObjectAttributes, Watched {
  readonly key: string
  readonly checksum: ChecksumType
  /** Default CRC32. */
  readonly checksumAlgorithm?: ChecksumAlgorithm | undefined
}

export interface CreatedUpload {
  readonly uploadId: string
  /** The store's `x-amz-server-side-encryption`, as answered. */
  readonly encryption: string | undefined
}

export interface UploadPart extends Watched {
  readonly key: string
  readonly uploadId: string
  readonly partNumber: number
  readonly body: PartBody
  /** CRC32 of the body, sent as `x-amz-checksum-crc32` unless the store's `checksum` is `none`. */
  readonly crc32: number
  /** Sent instead of the CRC32. */
  readonly checksum?: OtherChecksum | undefined
  /** 1 for the first try. */
  readonly attempt: number
}

export interface StoredPart {
  readonly etag: string
  /** The store's own CRC32 of what it stored, when it says so. */
  readonly crc32?: number | undefined
  /** The store's own word for the other checksum that was sent. */
  readonly checksum?: string | undefined
  /** Another digest of the sent bytes was compared with the store's and is equal: a `send` hook that compares says so. */
  readonly confirmed?: boolean | undefined
  /** The store's `x-amz-server-side-encryption`, as answered. */
  readonly encryption?: string | undefined
}

export interface CompleteMultipartUpload extends WriteCondition, Watched {
  readonly key: string
  readonly uploadId: string
  readonly parts: ReadonlyArray<{
    readonly partNumber: number
    readonly etag: string
    readonly crc32: number
    /** The other checksum that was sent with the part. */
    readonly checksum?: string | undefined
  }>
  readonly checksum: ChecksumType
  /** CRC32 of the whole object as stored; sent with a FULL_OBJECT checksum. */
  readonly crc32: number
  /** The other checksum, of the whole; sent instead of the CRC32. */
  readonly otherChecksum?: OtherChecksum | undefined
  /** Bytes of the whole object as stored, sent as `x-amz-mp-object-size`. */
  readonly size: number
}

export interface PutObject extends ObjectAttributes, WriteCondition, Watched {
  readonly key: string
  readonly body: PartBody
  readonly crc32: number
  /** Sent instead of the CRC32. */
  readonly checksum?: OtherChecksum | undefined
  readonly attempt: number
}

/** The object that is copied, of this bucket or another behind the same endpoint. */
export interface CopySource {
  readonly bucket: string
  readonly key: string
  readonly versionId?: string | undefined
  /** Only if it has this ETag; else `PreconditionFailed`. */
  readonly ifMatch: string
}

/** A copy that the store makes, of at most 5 GiB (S3). Its attributes are those given here. */
export interface CopyObject extends ObjectAttributes, WriteCondition, Watched {
  readonly key: string
  readonly source: CopySource
}

/** A part that the store copies. */
export interface UploadPartCopy extends Watched {
  readonly key: string
  readonly uploadId: string
  readonly partNumber: number
  readonly source: CopySource
  /** Bytes of the source. */
  readonly range: { readonly start: number; readonly end: number }
}

/** The store's word for a finished object. */
export interface WrittenObject {
  readonly etag: string
  readonly versionId: string | undefined
  readonly encryption: string | undefined
  readonly crc32?: number | undefined
  /** The checksum that the store keeps, of whatever kind. */
  readonly checksum?: StoredChecksum | undefined
  /** As in `StoredPart`. */
  readonly confirmed?: boolean | undefined
}

export interface ListedPart {
  readonly partNumber: number
  readonly size: number
  readonly etag: string
  readonly crc32: number | undefined
}

/** One page of an upload's parts. */
export interface ListedParts {
  readonly parts: ReadonlyArray<ListedPart>
  /** Marker of the following page. */
  readonly next: number | undefined
  /** How the upload was declared at Create, where the store says so. */
  readonly checksum: { readonly algorithm: string; readonly type: string | undefined } | undefined
}

/** A multipart upload that the store knows. */
export interface ListedUpload {
  readonly key: string
  readonly uploadId: string
  /** When Create was answered, by the store's clock. */
  readonly initiated: Date | undefined
}

/** One page of the multipart uploads below a prefix. */
export interface ListedUploads {
  readonly uploads: ReadonlyArray<ListedUpload>
  readonly next: UploadsMarker | undefined
}

/** Where the following page of uploads begins: S3's key and upload id markers. */
export interface UploadsMarker {
  readonly key: string
  readonly uploadId: string
}

/** Which uploads to list. MinIO answers only to exact keys as prefix. */
export interface ListMultipartUploads extends Watched {
  readonly prefix: string
  readonly after?: UploadsMarker | undefined
}

/** An object as a listing tells of it. */
export interface ListedObject {
  readonly key: string
  /** Bytes. */
  readonly size: number
  readonly etag: string
  readonly lastModified: Date | undefined
  /** `STANDARD`, `GLACIER`, … where the store says so. */
  readonly storageClass: string | undefined
}

/** One page of the objects below a prefix, by key. */
export interface ListedObjects {
  readonly objects: ReadonlyArray<ListedObject>
  /** The store's token for the following page. */
  readonly next: string | undefined
}

/** Which objects to list: ListObjectsV2, the newest version of each. */
export interface ListObjects extends Watched {
  readonly prefix: string
  /** Token of the page, as the page before it told. */
  readonly after?: string | undefined
  /** At most so many a page; a store gives at most 1,000 (S3 limit). */
  readonly limit?: number | undefined
}

/** A version of an object, or a delete marker: what a DELETE without a version id leaves above the versions. */
export interface ListedVersion {
  readonly key: string
  /** `null` for what was written while the bucket kept no versions (S3's own word). */
  readonly versionId: string
  readonly isLatest: boolean
  readonly deleteMarker: boolean
  /** Bytes; 0 of a delete marker. */
  readonly size: number
  /** Empty of a delete marker. */
  readonly etag: string
  readonly lastModified: Date | undefined
  readonly storageClass: string | undefined
}

/** One page of versions: by key, and the newest of a key first. */
export interface ListedVersions {
  readonly versions: ReadonlyArray<ListedVersion>
  readonly next: VersionsMarker | undefined
}

/** Where the following page of versions begins: S3's key and version id markers. */
export interface VersionsMarker {
  readonly key: string
  /** Undefined: behind all versions of the key. */
  readonly versionId: string | undefined
}

/** Which versions to list. */
export interface ListObjectVersions extends Watched {
  readonly prefix: string
  readonly after?: VersionsMarker | undefined
  /** At most so many a page; a store gives at most 1,000 (S3 limit). */
  readonly limit?: number | undefined
}

/** A checksum as the store keeps it. */
export interface StoredChecksum {
  readonly algorithm: "CRC32" | "CRC32C" | "CRC64NVME" | "SHA1" | "SHA256"
  /** Base64; of a COMPOSITE one, with `-` and the number of parts. */
  readonly value: string
  readonly type: "FULL_OBJECT" | "COMPOSITE"
}

/** Which object to look at. */
export interface HeadObject {
  readonly key: string
  /** An older version; without it, the newest. */
  readonly versionId?: string | undefined
  /** Asks for one part of what was a multipart upload: the answer's `size` is that part's, and `parts` is known. */
  readonly partNumber?: number | undefined
}

export interface DeleteObject {
  readonly key: string
  /** Deletes this version for good; without it, a versioned bucket keeps the object below a delete marker. */
  readonly versionId?: string | undefined
}

export interface ObjectHead extends ObjectAttributes {
  readonly key: string
  /** Bytes. */
  readonly size: number
  /** Parts of the multipart upload that it came from, where they were asked for. */
  readonly parts?: number | undefined
  /** The checksum that the store keeps, of whatever kind. */
  readonly checksum?: StoredChecksum | undefined
  readonly etag: string
  readonly versionId: string | undefined
  readonly lastModified: Date | undefined
  /** The full-object CRC32, when the store keeps one. */
  readonly crc32: number | undefined
  /** The store's `x-amz-server-side-encryption`, as answered. */
  readonly serverSideEncryption: string | undefined
}

/** Inclusive byte positions, as in an HTTP Range: `{ start: 0, end: 499 }`, `{ start: 500 }`, or `{ suffix: 500 }`. */
export type ByteRange = { readonly start: number; readonly end?: number } | { readonly suffix: number }

export interface GetObject extends Watched {
  readonly key: string
  /** An older version; without it, the newest. */
  readonly versionId?: string | undefined
  readonly range?: ByteRange | undefined
  readonly ifMatch?: string | undefined
}

export interface ObjectContent extends ObjectHead {
  /** The bytes asked for; cancel it to free the connection. */
  readonly body: ReadableStream<Uint8Array>
  /** Bytes in `body`. */
  readonly contentLength: number
  /** `bytes 0-499/1000` when a range was answered. */
  readonly contentRange: string | undefined
}

/** S3's verbs over one bucket. Each fails with `UploadError` and makes one attempt: the engine retries. */
export interface ObjectStoreApi {
  readonly bucket: string
  readonly capabilities: Capabilities
  /** The URL of a key at this store, without credentials. */
  readonly location: (key: string) => string
  readonly createMultipartUpload: (input: CreateMultipartUpload) => Effect.Effect<CreatedUpload, UploadError>
  readonly uploadPart: (input: UploadPart) => Effect.Effect<StoredPart, UploadError>
  readonly completeMultipartUpload: (input: CompleteMultipartUpload) => Effect.Effect<WrittenObject, UploadError>
  readonly abortMultipartUpload: (input: UploadIdentity) => Effect.Effect<void, UploadError>
  /** One page: parts above `after`, ascending; `next` is the marker of the following page. */
  readonly listParts: (
    input: UploadIdentity & { readonly after?: number | undefined }
  ) => Effect.Effect<ListedParts, UploadError>
  /** One page of open multipart uploads, by key and then by age. */
  readonly listMultipartUploads: (input: ListMultipartUploads) => Effect.Effect<ListedUploads, UploadError>
  /** One page of objects. Stores without it cannot list. */
  readonly listObjects?: ((input: ListObjects) => Effect.Effect<ListedObjects, UploadError>) | undefined
  /** One page of versions and delete markers. Stores without it cannot list them. */
  readonly listObjectVersions?: ((input: ListObjectVersions) => Effect.Effect<ListedVersions, UploadError>) | undefined
  readonly putObject: (input: PutObject) => Effect.Effect<WrittenObject, UploadError>
  readonly headObject: (input: HeadObject) => Effect.Effect<ObjectHead, UploadError>
  readonly getObject: (input: GetObject) => Effect.Effect<ObjectContent, UploadError>
  readonly deleteObject: (input: DeleteObject) => Effect.Effect<void, UploadError>
  /** Where it is a folder of a bucket: what stands before each of its keys there, with a slash at its end. */
  readonly folder?: string | undefined
  /** Where several endpoints lead to it. */
  readonly ways?: StoreWays | undefined
  /** What stands behind one endpoint can be copied there. Stores without it cannot copy. */
  readonly endpoint?: string | undefined
  readonly copyObject?: ((input: CopyObject) => Effect.Effect<WrittenObject, UploadError>) | undefined
  readonly uploadPartCopy?: ((input: UploadPartCopy) => Effect.Effect<StoredPart, UploadError>) | undefined
  /** Fails with `NoSuchBucket`, `AccessDenied`, … when the bucket cannot be used. */
  readonly headBucket: () => Effect.Effect<void, UploadError>
}

/** Several endpoints of one store. An upload takes one of them when it begins, and keeps it. */
export interface StoreWays {
  /** The first that answers, for a new upload. */
  readonly choose: Effect.Effect<ObjectStoreApi>
  /** The one with this `endpoint`. */
  readonly at: (endpoint: string) => ObjectStoreApi | undefined
}

/** `s3://bucket/key`, as everybody else names the object. */
export const uriOf = ({ bucket, folder = "" }: Pick<ObjectStoreApi, "bucket" | "folder">, key: string): string =>
  `s3://${bucket}/${folder}${key}`

/** Names one multipart upload. */
export interface UploadIdentity extends Watched {
  readonly key: string
  readonly uploadId: string
}

/** One call to the store, as `around` sees it. */
export type StoreOperation =
  | { readonly _tag: "CreateMultipartUpload"; readonly input: CreateMultipartUpload }
  | { readonly _tag: "UploadPart"; readonly input: UploadPart }
  | { readonly _tag: "CompleteMultipartUpload"; readonly input: CompleteMultipartUpload }
  | { readonly _tag: "AbortMultipartUpload"; readonly input: UploadIdentity }
  | { readonly _tag: "ListParts"; readonly input: UploadIdentity & { readonly after?: number | undefined } }
  | { readonly _tag: "ListMultipartUploads"; readonly input: ListMultipartUploads }
  | { readonly _tag: "ListObjects"; readonly input: ListObjects }
  | { readonly _tag: "ListObjectVersions"; readonly input: ListObjectVersions }
  | { readonly _tag: "PutObject"; readonly input: PutObject }
  | { readonly _tag: "HeadObject"; readonly input: HeadObject }
  | { readonly _tag: "GetObject"; readonly input: GetObject }
  | { readonly _tag: "DeleteObject"; readonly input: DeleteObject }
  | { readonly _tag: "CopyObject"; readonly input: CopyObject }
  | { readonly _tag: "UploadPartCopy"; readonly input: UploadPartCopy }
  | { readonly _tag: "HeadBucket"; readonly input: Record<never, never> }

/** What `around` is given: sees every call, may delay, fail or record it. */
export type Interceptor = <A>(
  operation: StoreOperation,
  run: Effect.Effect<A, UploadError>
) => Effect.Effect<A, UploadError>

/** The service the engine speaks to. */
export class ObjectStore extends Context.Service<ObjectStore, ObjectStoreApi>()("@sluice/core/ObjectStore") {}

/**
 * The operators' seam: a store whose every call goes through `interceptor` (tracing, limits, faults).
 *
 * A plain function, not a Layer over the same tag: `Layer.mergeAll` silently drops such a wrapper.
 */
export const around = (store: ObjectStoreApi, interceptor: Interceptor): ObjectStoreApi => {
  const { copyObject, listObjects, listObjectVersions, uploadPartCopy, ways } = store
  return wrapping(store, {
    bucket: store.bucket,
    capabilities: store.capabilities,
    location: store.location,
    createMultipartUpload: (input) =>
      interceptor({ _tag: "CreateMultipartUpload", input }, store.createMultipartUpload(input)),
    uploadPart: (input) => interceptor({ _tag: "UploadPart", input }, store.uploadPart(input)),
    completeMultipartUpload: (input) =>
      interceptor({ _tag: "CompleteMultipartUpload", input }, store.completeMultipartUpload(input)),
    abortMultipartUpload: (input) =>
      interceptor({ _tag: "AbortMultipartUpload", input }, store.abortMultipartUpload(input)),
    listParts: (input) => interceptor({ _tag: "ListParts", input }, store.listParts(input)),
    listMultipartUploads: (input) =>
      interceptor({ _tag: "ListMultipartUploads", input }, store.listMultipartUploads(input)),
    listObjects: listObjects && ((input) => interceptor({ _tag: "ListObjects", input }, listObjects(input))),
    listObjectVersions:
      listObjectVersions && ((input) => interceptor({ _tag: "ListObjectVersions", input }, listObjectVersions(input))),
    putObject: (input) => interceptor({ _tag: "PutObject", input }, store.putObject(input)),
    headObject: (input) => interceptor({ _tag: "HeadObject", input }, store.headObject(input)),
    getObject: (input) => interceptor({ _tag: "GetObject", input }, store.getObject(input)),
    deleteObject: (input) => interceptor({ _tag: "DeleteObject", input }, store.deleteObject(input)),
    headBucket: () => interceptor({ _tag: "HeadBucket", input: {} }, store.headBucket()),
    endpoint: store.endpoint,
    folder: store.folder,
    ways: ways && {
      choose: Effect.map(ways.choose, (way) => around(way, interceptor)),
      at: (endpoint) => {
        const way = ways.at(endpoint)
        return way && around(way, interceptor)
      }
    },
    copyObject: copyObject && ((input) => interceptor({ _tag: "CopyObject", input }, copyObject(input))),
    uploadPartCopy: uploadPartCopy && ((input) => interceptor({ _tag: "UploadPartCopy", input }, uploadPartCopy(input)))
  })
}
