/**
 * The same engine without Effect: promises, `AbortSignal`, async iterators.
 *
 * @module
 */
import type * as Layer from "effect/Layer"
import type { EngineOptions } from "./Defaults.ts"
import type { ByteRange, ObjectContent, ObjectHead, ObjectStore } from "./ObjectStore.ts"
import type { Plugin } from "./Plugin.ts"
import type { Progress } from "./Progress.ts"
import type { Body } from "./Source.ts"
import type { StoredObject } from "./StoredObject.ts"
import type { S3Options } from "./s3/S3ObjectStore.ts"
import type { UploadError } from "./UploadError.ts"
import type { UploadEvent } from "./UploadEvent.ts"
import type { UploadRequest } from "./Uploader.ts"

export { defaults } from "./Defaults.ts"
export type { ByteRange, ObjectAttributes, ObjectContent, ObjectHead } from "./ObjectStore.ts"
export type { Plugin } from "./Plugin.ts"
export type { Progress } from "./Progress.ts"
export * as Source from "./Source.ts"
export type { Proof, StoredObject } from "./StoredObject.ts"
export { isUploadError, type Reason, type ReasonTag, reject, UploadError } from "./UploadError.ts"
export type { UploadEvent } from "./UploadEvent.ts"

/** Where objects go. */
export type Store = Layer.Layer<ObjectStore, UploadError>

/** One upload, as the promise API takes it. */
export interface UploadOptions extends Omit<UploadRequest, "source"> {
  /** Bytes, Blob, File, web stream, async iterable, Node Readable, or a `Source`. A string is refused. */
  readonly body: Body
  /** Bytes of a stream, when known; checked. */
  readonly size?: number | undefined
  /** File name of a stream, for the content type. */
  readonly name?: string | undefined
  /** Called at most every 100 ms and once at the end. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Aborting it is `abort()`. */
  readonly signal?: AbortSignal | undefined
}

/** A running upload. It started when it was made. */
export interface Upload {
  /** The result; memoised. A failure that nobody awaits is no unhandled rejection. */
  readonly done: () => Promise<StoredObject>
  /** Ends the upload; resolves when no socket is open and nothing of it is left in the store. */
  readonly abort: () => Promise<void>
  /** No new part starts; parts in flight finish. */
  readonly pause: () => void
  readonly resume: () => void
  /** All events from the first on (the newest 1,024 for a late listener); ends after the terminal one. */
  readonly events: () => AsyncIterable<UploadEvent>
  /** The newest snapshot. */
  readonly progress: () => Progress
}

export interface Sluice extends AsyncDisposable {
  readonly upload: (options: UploadOptions) => Upload
  /** Rejects with `NoSuchKey` when no object stands there. */
  readonly head: (key: string) => Promise<ObjectHead>
  /** The object's bytes, or a range of them. Consume or cancel the body. */
  readonly get: (
    key: string,
    options?: {
      readonly range?: ByteRange | undefined
      readonly ifMatch?: string | undefined
      readonly signal?: AbortSignal | undefined
    }
  ) => Promise<ObjectContent>
  /** Deletes the object; deleting what is not there succeeds (S3). */
  readonly remove: (key: string) => Promise<void>
  /** Rejects when the bucket cannot be used, saying why. */
  readonly ready: () => Promise<void>
  /** The bucket's name. */
  readonly bucket: () => Promise<string>
  /** Aborts what runs and frees every connection. */
  readonly dispose: () => Promise<void>
}

export interface SluiceOptions extends Partial<EngineOptions> {
  readonly store: Store
  /** In order. Only plugins that need no services, checked by the compiler. */
  readonly plugins?: ReadonlyArray<Plugin> | undefined
}

export declare const s3: (options: S3Options) => Store
export declare const createSluice: (options: SluiceOptions) => Sluice
