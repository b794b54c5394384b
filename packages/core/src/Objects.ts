/**
 * The service for what stands in a store: read, download, copy, look at, remove.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { EngineOptions, OnFailure } from "./Defaults.ts"
import type { ListedPage } from "./internal/list-pages.ts"
import { makeObjects } from "./internal/make-objects.ts"
import type { Journal } from "./Journal.ts"
import type {
  ByteRange,
  ListedObject,
  ListedUpload,
  ListedVersion,
  ObjectAttributes,
  ObjectHead,
  ObjectStore,
  ObjectStoreApi,
  UploadsMarker,
  VersionsMarker,
  WriteCondition
} from "./ObjectStore.ts"
import type { Plugin } from "./Plugin.ts"
import { type Source, sourceFailed } from "./Source.ts"
import type { Proof, StoredObject } from "./StoredObject.ts"
import type { UploadError } from "./UploadError.ts"
import { type UploadControl, Uploader } from "./Uploader.ts"

/** An object, or one version of it. */
export interface ObjectName {
  readonly key: string
  /** An older version; without it, the newest. */
  readonly versionId?: string | undefined
}

/** What to read of an object. Engine options given here hold for this reading alone. */
export interface ReadRequest extends ObjectName, Partial<Pick<EngineOptions, "concurrency">> {
  /** Bytes a range, 64 KiB at least. Default: those of a part. */
  readonly partSize?: number | undefined
  /** Of the bytes that were meant, not of those that a plugin made of them. Default: all. */
  readonly range?: ByteRange | undefined
  /** The stored bytes as they are: no plugin decrypts or decompresses them. Default false. */
  readonly raw?: boolean | undefined
}

/** Where to put an object. */
export interface DownloadRequest extends ReadRequest {
  /** Path of the file. It is there when it is whole; until then its bytes are in `<to>.sluice-part`. */
  readonly to: string
  /**
   * What becomes of the bytes when the download does not end. `abort`: nothing is left. `keep`: they stay, and the same
   * call continues. `auto`, the default: as `keep` after trouble that may pass or be mended, else as `abort`. Bytes that
   * are not the object's, or fill the disk, never stay.
   */
  readonly onFailure?: OnFailure | undefined
}

/** How far a reading is. */
export interface ReadProgress {
  /** Bytes that are wanted, where that is known before. */
  readonly total: number | undefined
  /** Bytes that are here. Never falls. */
  readonly received: number
  /** Bytes among them that an earlier run had left on disk. */
  readonly found: number
  /** 0 … 100; undefined while the total is unknown. */
  readonly percent: number | undefined
  readonly retries: number
}

export interface ReadControl {
  /** Told of every 256 KiB or more, and of retries. Keep it short; what it throws is ignored. */
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined
}

/** An object that is being read. */
export interface ReadObject {
  readonly head: ObjectHead
  /** Bytes that will come, where that is known before. */
  readonly size: number | undefined
  /** Bytes of the whole object as it was meant, of which `range` is a part; undefined where a plugin does not know before. */
  readonly wholeSize: number | undefined
  /**
   * The bytes, once. Fails with `PreconditionFailed` when the object is replaced meanwhile, and at its end with
   * `ChecksumMismatch` when what came is not what the store says it has.
   */
  readonly stream: Stream.Stream<Uint8Array, UploadError>
  /** What the bytes have shown: `source` once all came and have the digest that the store shows. */
  readonly proof: () => Proof
}

/** A file that is an object, byte for byte. */
export interface DownloadedObject {
  readonly bucket: string
  readonly key: string
  readonly path: string
  /** Bytes of the file. */
  readonly size: number
  /** Bytes that an earlier run had left on disk: compared, and not fetched again. */
  readonly found: number
  readonly etag: string
  readonly versionId: string | undefined
  /** `source`: the bytes have the digest that the store shows. */
  readonly proof: Proof
}

/** What is copied, and where to. Attributes that are not given are those of the source, but for its storage class. */
export interface CopyRequest
  extends Partial<Pick<EngineOptions, "partSize" | "concurrency" | "multipartThreshold" | "onFailure">> {
  readonly from: ObjectName & {
    /** The stored bytes as they are: no plugin decrypts or decompresses them on the way. Default false. */
    readonly raw?: boolean | undefined
    /** Where it stands, if that is another store. */
    readonly in?: Pick<ObjectsApi, "head" | "source" | "store"> | undefined
  }
  readonly to: ObjectAttributes & WriteCondition & { readonly key: string }
}

export interface CopyControl extends ReadControl, Pick<UploadControl, "cancelled"> {}

/** A copy that is complete. */
export interface CopiedObject extends Pick<StoredObject, "bucket" | "key" | "uri" | "size" | "etag" | "versionId"> {
  /** `source`: the copy has the digest of what it is of. */
  readonly proof: Proof
  /** Who moved the bytes: the store among its own, or this process. */
  readonly by: "store" | "transfer"
}

/** A version of an object, or a delete marker. */
export type ObjectVersion = ListedVersion

/** Which version is to be the newest again. */
export interface RestoreRequest
  extends Partial<Pick<EngineOptions, "partSize" | "concurrency" | "multipartThreshold">> {
  readonly key: string
  readonly versionId: string
}

/** An object that is, again, what one of its versions was. */
export interface RestoredObject
  extends Pick<CopiedObject, "bucket" | "key" | "uri" | "size" | "etag" | "versionId" | "proof"> {
  /** The version that was restored. It is still there. */
  readonly from: string
  /** False: it was the newest already, and nothing was written. */
  readonly written: boolean
}

/** Which part of a bucket to list. */
export interface ListRequest {
  /** Keys that begin so. Default: all. */
  readonly prefix?: string | undefined
}

export interface ObjectsApi {
  readonly store: ObjectStoreApi
  /** Fails with `NoSuchKey` when no object stands there. */
  readonly head: (name: ObjectName) => Effect.Effect<ObjectHead, UploadError>
  /**
   * Opens an object: its bytes come in parallel ranges, in order, each retried from where it broke, all of the object
   * that `head` shows. A slow reader holds no more than what was read ahead.
   */
  readonly read: (request: ReadRequest, control?: ReadControl) => Effect.Effect<ReadObject, UploadError, Scope.Scope>
  /**
   * Writes an object to a file: parallel ranges, a record of the finished ones beside the file, so that the same call
   * continues after a crash; shown by its digest, synced, and only then under its name.
   */
  readonly download: (request: DownloadRequest, control?: ReadControl) => Effect.Effect<DownloadedObject, UploadError>
  /** An object as a source that can be read again: what is uploaded from it is a copy, resumable as any upload. */
  readonly source: (request: Omit<ReadRequest, "range">) => Effect.Effect<Source, UploadError>
  /**
   * Copies an object. The store does so itself where both stand behind one endpoint and no plugin must see the bytes;
   * where it does not, or may not, they are read and uploaded. Fails with `PreconditionFailed` when the source is
   * replaced meanwhile.
   */
  readonly copy: (request: CopyRequest, control?: CopyControl) => Effect.Effect<CopiedObject, UploadError>
  /** What the bucket keeps of an object, delete markers included, the newest first; none where nothing was ever there. */
  readonly versions: (key: string) => Stream.Stream<ObjectVersion, UploadError>
  /**
   * Makes an older version the newest again, also from below a delete marker: the store copies it above the others, and
   * the copy is compared. Nothing is deleted. Fails with `NoSuchKey` where there is no such version, and with
   * `InvalidRequest` where it is a delete marker.
   */
  readonly restore: (request: RestoreRequest, control?: ReadControl) => Effect.Effect<RestoredObject, UploadError>
  /** Deletes the object, or one version for good; deleting what is not there succeeds (S3). */
  readonly remove: (name: ObjectName) => Effect.Effect<void, UploadError>
  /** The objects of the bucket, by key, a page at a time. */
  readonly list: (request?: ListRequest) => Stream.Stream<ListedObject, UploadError>
  /** The multipart uploads that are open in the bucket, whoever began them. MinIO answers only to exact keys. */
  readonly openUploads: (request?: ListRequest) => Stream.Stream<ListedUpload, UploadError>
}

/** Reads, copies and removes what stands in a store. */
export class Objects extends Context.Service<Objects, ObjectsApi>()("@sluice/core/Objects") {
  /**
   * Over the store and the uploader at hand. Plugins: those of the uploader; their `read` hooks are used.
   *
   * ```ts
   * import * as Layer from "effect/Layer"
   * import * as Journal from "@sluice/core/Journal"
   * import { Objects } from "@sluice/core/Objects"
   * import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
   * import { Uploader } from "@sluice/core/Uploader"
   *
   * const Live = Objects.layer().pipe(
   *   Layer.provideMerge(Uploader.layer()),
   *   Layer.provide([S3ObjectStore.layer({ bucket: "media" }), Journal.layerMemory])
   * )
   * ```
   */
  static readonly layer = <const Needs extends ReadonlyArray<unknown> = []>(
    options: Partial<EngineOptions> & {
      readonly plugins?: { readonly [K in keyof Needs]: Plugin<Needs[K]> } | undefined
    } = {}
  ): Layer.Layer<Objects, UploadError, ObjectStore | Journal | Uploader | Exclude<Needs[number], Scope.Scope>> =>
    Layer.effect(Objects, make<Needs[number]>(options))
}

/** All pages, each asked for when the one before it is gone through. */
const paged = <A, Marker>(
  page: (after: Marker | undefined) => Effect.Effect<ListedPage<A, Marker>, UploadError>
): Stream.Stream<A, UploadError> =>
  Stream.paginate<Marker | undefined, A, UploadError>(undefined, (after) =>
    Effect.map(page(after), ({ items, next }) => [items, next === undefined ? Option.none() : Option.some(next)])
  )

const make = Effect.fnUntraced(function* <R>(
  options: Partial<EngineOptions> & { readonly plugins?: ReadonlyArray<Plugin<R>> | undefined }
): Effect.fn.Return<ObjectsApi, UploadError, ObjectStore | Journal | Uploader | R | Scope.Scope> {
  const { objectsPage, uploadsPage, versionsPage, ...objects } = yield* makeObjects(options, yield* Uploader)
  return {
    ...objects,
    list: (request = {}) => paged((after: string | undefined) => objectsPage(request, after)),
    openUploads: (request = {}) => paged((after: UploadsMarker | undefined) => uploadsPage(request, after)),
    versions: (key) => paged((after: VersionsMarker | undefined) => versionsPage(key, after)),
    read: (request, control) =>
      Effect.map(
        Effect.acquireRelease(objects.read(request, control), ({ close }) => Effect.promise(close)),
        ({ bytes, head, proof, size, wholeSize }) => ({
          head,
          size,
          wholeSize,
          proof,
          stream: Stream.fromAsyncIterable(bytes, sourceFailed)
        })
      )
  }
})
