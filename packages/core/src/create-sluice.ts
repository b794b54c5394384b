/**
 * The same engine without Effect: promises, `AbortSignal`, async iterators. Over a store of the caller's: `promise.ts`
 * adds the one over `@aws-sdk/client-s3`, which this module does not load.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type { BatchItems, BatchOptions, BatchSummary } from "./Batch.ts"
import { defaults, type EngineOptions, engineOptions } from "./Defaults.ts"
import type * as Description from "./Description.ts"
import { makeEventHistory } from "./internal/event-history.ts"
import { guardedCall, watchedCall } from "./internal/guarded-call.ts"
import { allPages, objectsPage, uploadsPage } from "./internal/list-pages.ts"
import type { StoredObjects } from "./internal/make-objects.ts"
import { UploadsService } from "./internal/make-uploads.ts"
import { webStream } from "./internal/web-stream.ts"
import { type Journal, layerMemory } from "./Journal.ts"
import {
  type ByteRange,
  type ListedObject,
  type ListedUpload,
  type ListedUploads,
  type ListedVersions,
  type ObjectContent,
  type ObjectHead,
  ObjectStore,
  type ObjectStoreApi,
  type VersionsMarker
} from "./ObjectStore.ts"
import type {
  CopiedObject,
  CopyRequest,
  DownloadedObject,
  DownloadRequest,
  ObjectName,
  ObjectVersion,
  ReadControl,
  ReadRequest,
  RestoredObject,
  RestoreRequest
} from "./Objects.ts"
import type { Plugin } from "./Plugin.ts"
import { initial, next, type Progress } from "./Progress.ts"
import { metadataToken, type Session } from "./Session.ts"
import { type Body, from, type Source } from "./Source.ts"
import type { Proof, StoredObject } from "./StoredObject.ts"
import { StoreDefaults } from "./s3/S3Options.ts"
import { isUploadError, type UploadError } from "./UploadError.ts"
import { isTerminal, type UploadEvent } from "./UploadEvent.ts"
import type { ResumeRequest, ResumeTarget, UploadControl, UploadRequest } from "./Uploader.ts"
import type { Verification, VerifyRequest } from "./Verification.ts"

export type { Bandwidth, BandwidthSchedule, BandwidthWindow } from "./Bandwidth.ts"
export type { BatchItems, BatchResult, BatchSummary } from "./Batch.ts"
export { defaults, presets } from "./Defaults.ts"
export * as Description from "./Description.ts"
export type {
  ByteRange,
  ListedObject,
  ListedUpload,
  ObjectAttributes,
  ObjectContent,
  ObjectHead
} from "./ObjectStore.ts"
export type { CopiedObject, DownloadedObject, ObjectVersion, ReadProgress, RestoredObject } from "./Objects.ts"
export type { Plugin } from "./Plugin.ts"
export type { Progress } from "./Progress.ts"
export type { Session } from "./Session.ts"
export * as Source from "./Source.ts"
export type { Proof, StoredObject } from "./StoredObject.ts"
export { isUploadError, type Reason, type ReasonTag, reject, UploadError } from "./UploadError.ts"
export type { UploadEvent } from "./UploadEvent.ts"
export type { Priority, ResumeTarget } from "./Uploader.ts"
export type { Verification } from "./Verification.ts"

/** An object to compare, and with what. */
export interface VerifyOptions extends Omit<VerifyRequest, "source"> {
  /** What can be read twice: bytes, a Blob or File, or a replayable `Source`. */
  readonly body: Body
  readonly signal?: AbortSignal | undefined
}

/** One reading, as the promise API takes it. */
export interface ReadOptions extends ReadRequest, ReadControl {
  /** Aborting it ends the reading. */
  readonly signal?: AbortSignal | undefined
}

/** One download, as the promise API takes it. */
export interface DownloadOptions extends DownloadRequest, ReadControl {
  readonly signal?: AbortSignal | undefined
}

/** One copy, as the promise API takes it. */
export interface CopyOptions extends Omit<CopyRequest, "from">, ReadControl {
  readonly from: Omit<CopyRequest["from"], "in"> & {
    /** Where it stands, if that is another store. */
    readonly sluice?: Sluice | undefined
  }
  readonly signal?: AbortSignal | undefined
}

/** One restoring, as the promise API takes it. */
export interface RestoreOptions extends Omit<RestoreRequest, "key" | "versionId">, ReadControl {
  readonly signal?: AbortSignal | undefined
}

/** An object that is being read. */
export interface ReadObject {
  readonly head: ObjectHead
  /** Bytes that will come, where that is known before. */
  readonly size: number | undefined
  /** Bytes of the whole object as it was meant, of which `range` is a part; undefined where a plugin does not know before. */
  readonly wholeSize: number | undefined
  /**
   * The bytes, once; also an async iterable. Errors with `PreconditionFailed` when the object is replaced meanwhile, and
   * at its end with `ChecksumMismatch` when what came is not what the store says it has. Read it or cancel it.
   */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>
  /** What the bytes have shown: `source` once all came and have the digest that the store shows. */
  readonly proof: () => Proof
}

/** Where objects go. */
export type Store = Layer.Layer<ObjectStore, UploadError>

/** The bytes of an upload, and who is told of it. */
export interface BodyOptions {
  /** Bytes, Blob, File, web stream, async iterable, Node Readable, or a `Source`. A string is refused. */
  readonly body: Body
  /** Bytes of a stream, when known; checked. */
  readonly size?: number | undefined
  /** File name of a stream, for the content type. */
  readonly name?: string | undefined
  /** Called at every event: at most every 100 ms while bytes move, at each part and retry, and once at the end. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Aborting it is `abort()`. */
  readonly signal?: AbortSignal | undefined
}

/** One upload, as the promise API takes it. */
export interface UploadOptions extends BodyOptions, Omit<UploadRequest, "source"> {}

/** One of many uploads. */
export interface UploadItem extends Omit<UploadOptions, "signal"> {}

/** Many uploads, as the promise API takes them. */
export interface UploadAllOptions<I> extends BatchOptions<I> {
  /** Asked before an item is uploaded: true skips it. */
  readonly skip?: ((item: I) => boolean | PromiseLike<boolean>) | undefined
  /** Aborting it ends every upload that runs for good, and begins no other. */
  readonly signal?: AbortSignal | undefined
}

/** Which part of a bucket to list. */
export interface ListOptions {
  /** Keys that begin so. Default: all. */
  readonly prefix?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** An earlier upload, continued; see `Uploader.resume`. */
export interface ResumeOptions extends BodyOptions, Omit<ResumeRequest, "source"> {}

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
  /**
   * Uploads all items under one limit; small ones are not kept waiting behind large ones. Answers when all have ended,
   * whatever became of each: `onItem` is told. Rejects where the items themselves end in an error, or with the first
   * failure if `continueOnError` is false.
   */
  readonly uploadAll: <I extends UploadItem>(
    items: BatchItems<I>,
    options?: UploadAllOptions<I>
  ) => Promise<BatchSummary>
  /**
   * Continues an earlier upload, by its session id, or by its key (and the store's uploadId). The body is read from
   * its start; what the store has is compared and not sent again. `done()` rejects with `SessionNotFound`,
   * `SessionBusy`, `ResumeMismatch` or `SourceChanged`.
   */
  readonly resume: (target: ResumeTarget, options: ResumeOptions) => Upload
  /** Ends an upload for good, wherever it runs; resolves when nothing of it is left in the store. */
  readonly cancel: (sessionId: string) => Promise<void>
  /** The uploads in the journal. */
  readonly sessions: () => Promise<ReadonlyArray<Session>>
  /** Rejects with `NoSuchKey` when no object stands there. */
  readonly head: (key: string, options?: Omit<ObjectName, "key">) => Promise<ObjectHead>
  /**
   * An object's bytes, or a range of them, through the plugins that made it: parallel ranges in order, each retried from
   * where it broke, compared with the digest that the store shows.
   */
  readonly read: (options: ReadOptions) => Promise<ReadObject>
  /**
   * An object into a file, which is there when it is whole and shown by its digest. The same call continues what a crash
   * or a failure ended.
   */
  readonly download: (options: DownloadOptions) => Promise<DownloadedObject>
  /** An object as a body for `upload`, of this or another store: replayable, so that such uploads can be resumed. */
  readonly source: (request: Omit<ReadRequest, "range">) => Promise<Source>
  /** Copies an object: by the store among its own where it can, else read and uploaded. */
  readonly copy: (options: CopyOptions) => Promise<CopiedObject>
  /** What the bucket keeps of an object, delete markers included, the newest first; asked for a page at a time. */
  readonly versions: (key: string) => AsyncIterable<ObjectVersion>
  /**
   * Makes an older version the newest again, also from below a delete marker: the store copies it above the others, and
   * the copy is compared. Nothing is deleted. Rejects with `NoSuchKey` where there is no such version, and with
   * `InvalidRequest` where it is a delete marker.
   */
  readonly restore: (key: string, versionId: string, options?: RestoreOptions) => Promise<RestoredObject>
  /** One GET of the stored bytes, as the store answers it: neither retried on the way nor compared. Consume or cancel it. */
  readonly get: (
    key: string,
    options?: {
      readonly versionId?: string | undefined
      readonly range?: ByteRange | undefined
      readonly ifMatch?: string | undefined
      readonly signal?: AbortSignal | undefined
    }
  ) => Promise<ObjectContent>
  /**
   * Whether an object has the bytes of a file, Blob or `Uint8Array`, by the cheapest evidence that is sound; `unknown`
   * where the store shows none and `download` is not set. Rejects with `NoSuchKey`.
   */
  readonly verify: (options: VerifyOptions) => Promise<Verification>
  /** Deletes the object, or one version for good; deleting what is not there succeeds (S3). */
  readonly remove: (key: string, options?: Omit<ObjectName, "key">) => Promise<void>
  /** The objects of the bucket, by key, a page at a time. */
  readonly list: (options?: ListOptions) => AsyncIterable<ListedObject>
  /** The multipart uploads that are open in the bucket, whoever began them. MinIO answers only to exact keys. */
  readonly openUploads: (options?: ListOptions) => AsyncIterable<ListedUpload>
  /**
   * What the plugins do, in which order: those of the list, with the hooks of the upload that was opened last. Opens
   * nothing, asks nobody; `Description.render` says it in words.
   */
  readonly describe: () => Promise<Description.Description>
  /** Rejects when the bucket cannot be used, saying why. */
  readonly ready: () => Promise<void>
  /** The bucket's name. */
  readonly bucket: () => Promise<string>
  /** Aborts what runs and frees every connection. */
  readonly dispose: () => Promise<void>
}

export interface SluiceOptions extends Partial<EngineOptions> {
  readonly store: Store
  /**
   * Where sessions are kept. Default: in memory, so that what fails is aborted. A durable one
   * (`FileJournal.layer`) keeps failed uploads for `resume`, in this process or the next.
   */
  readonly journal?: Layer.Layer<Journal, UploadError> | undefined
  /** In order. Only plugins that need no services, checked by the compiler. */
  readonly plugins?: ReadonlyArray<Plugin> | undefined
}

/** An upload that runs from now on, on `runtime`. */
const start = (
  runtime: ManagedRuntime.ManagedRuntime<UploadsService, UploadError>,
  { body, size, name, contentType, onProgress, signal }: BodyOptions & { readonly contentType?: string | undefined },
  eventBuffer: number,
  work: (
    uploads: UploadsService["Service"],
    source: Source,
    control: UploadControl
  ) => Effect.Effect<StoredObject, UploadError>
): Upload => {
  const history = makeEventHistory(eventBuffer)
  const gate = Latch.makeUnsafe(true)
  let progress = initial

  const onEvent = (event: UploadEvent): void => {
    progress = next(progress, event)
    history.add(event)
    if (isTerminal(event)) history.end()
    onProgress?.(progress)
  }

  const source = from(body, { size, name, contentType })
  let aborted = false
  const fiber = runtime.runFork(
    isUploadError(source)
      ? Effect.fail(source)
      : Effect.flatMap(UploadsService, (uploads) => work(uploads, source, { onEvent, gate, cancelled: () => aborted }))
  )
  const abort = (): Promise<void> => {
    aborted = true
    return Effect.runPromise(Fiber.interrupt(fiber))
  }
  const onAbort = (): void => void abort()
  const done = new Promise<StoredObject>((resolve, reject) => {
    fiber.addObserver((exit) => {
      // Failures before the first event (options, plugins) end the event stream too.
      history.end()
      signal?.removeEventListener("abort", onAbort)
      if (Exit.isSuccess(exit)) resolve(exit.value)
      else if (Cause.hasInterruptsOnly(exit.cause)) reject(new DOMException("the upload was aborted", "AbortError"))
      else reject(Cause.squash(exit.cause))
    })
  })
  // A failure that nobody awaits is no unhandled rejection; `done()` still rejects.
  done.catch(() => undefined)

  if (signal?.aborted === true) onAbort()
  else signal?.addEventListener("abort", onAbort, { once: true })

  return {
    done: () => done,
    abort,
    pause: () => void Latch.closeUnsafe(gate),
    resume: () => void Latch.openUnsafe(gate),
    progress: () => progress,
    events: history.follow
  }
}

/** What copies between two of them need to know of the other. */
const objectsOf = new WeakMap<Sluice, () => Promise<StoredObjects>>()

/** The caller's metadata alone: the write token is the engine's own mark. */
const withoutToken = <H extends ObjectHead>(head: H): H => {
  if (head.metadata?.[metadataToken] === undefined) return head
  const { [metadataToken]: _, ...metadata } = head.metadata
  return { ...head, metadata }
}

/** Answers of the store as promises: an aborted signal interrupts the request and awaits its end. */
const settle = <A>(exit: Exit.Exit<A, UploadError>): A => {
  if (Exit.isSuccess(exit)) return exit.value
  if (Cause.hasInterruptsOnly(exit.cause)) throw new DOMException("the request was aborted", "AbortError")
  throw Cause.squash(exit.cause)
}

/**
 * The engine without Effect.
 *
 * ```ts
 * import { createSluice, s3, Source } from "@sluice/core/promise"
 *
 * await using sluice = createSluice({ store: s3({ bucket: "media", region: "eu-west-1" }) })
 * const upload = sluice.upload({ key: "talks/intro.mp4", body: Source.file("intro.mp4") })
 * const stored = await upload.done()
 * ```
 */
export const createSluice = ({ store, journal = layerMemory, plugins = [], ...options }: SluiceOptions): Sluice => {
  const runtime = ManagedRuntime.make(
    UploadsService.layer({ ...options, plugins }).pipe(
      Layer.provideMerge(Layer.merge(Layer.provide(store, Layer.succeed(StoreDefaults, options)), journal))
    )
  )
  const eventBuffer = options.eventBuffer ?? defaults.eventBuffer
  const ask = async <A>(
    question: (store: ObjectStoreApi, engine: EngineOptions) => Effect.Effect<A, UploadError>,
    signal?: AbortSignal | undefined
  ): Promise<A> =>
    settle(
      await runtime.runPromiseExit(
        Effect.gen(function* () {
          return yield* question(yield* ObjectStore, yield* Effect.fromResult(engineOptions(options)))
        }),
        signal === undefined ? {} : { signal }
      )
    )
  let made: Promise<StoredObjects> | undefined
  const objects = (): Promise<StoredObjects> => {
    // Loaded where it is needed: most programs only upload.
    const make = Effect.gen(function* () {
      const { makeObjects } = yield* Effect.promise(() => import("./internal/make-objects.ts"))
      return yield* makeObjects({ ...options, plugins }, yield* UploadsService)
    })
    made ??= runtime.runPromiseExit(make).then(settle)
    return made
  }
  const asking = async <A>(
    question: (objects: StoredObjects) => Effect.Effect<A, UploadError>,
    signal?: AbortSignal | undefined
  ): Promise<A> =>
    settle(await runtime.runPromiseExit(question(await objects()), signal === undefined ? {} : { signal }))
  /** What is being read. */
  const readings = new Set<() => Promise<void>>()
  const dispose = async (): Promise<void> => {
    await Promise.all([...readings].map((close) => close()))
    await runtime.dispose()
  }
  const sluice: Sluice = {
    upload: (request) =>
      start(runtime, request, eventBuffer, (uploads, source, control) =>
        uploads.upload({ ...request, source }, control)
      ),
    uploadAll: async (items, batch = {}) => {
      // Loaded where it is needed: most programs upload one by one.
      const { uploadItems } = await import("./internal/upload-items.ts")
      const { signal } = batch
      const all = Effect.flatMap(UploadsService, (uploads) => uploadItems(uploads, items, batch))
      return settle(await runtime.runPromiseExit(all, signal === undefined ? {} : { signal }))
    },
    resume: (target, request) =>
      start(runtime, request, eventBuffer, (uploads, source, control) =>
        uploads.resume(target, { ...request, source }, control)
      ),
    cancel: async (sessionId) =>
      settle(await runtime.runPromiseExit(Effect.flatMap(UploadsService, (uploads) => uploads.cancel(sessionId)))),
    sessions: async () => settle(await runtime.runPromiseExit(Effect.flatMap(UploadsService, ({ list }) => list))),
    head: async (key, { versionId } = {}) =>
      withoutToken(
        await ask((store, engine) => guardedCall(engine, "HeadObject", store.headObject({ key, versionId })))
      ),
    read: async ({ onProgress, signal, ...request }) => {
      const { bytes, close, head, proof, size, wholeSize } = await asking(
        ({ read }) => read(request, { onProgress }),
        signal
      )
      const end = (): Promise<void> => {
        readings.delete(end)
        return close()
      }
      readings.add(end)
      return { head: withoutToken(head), size, wholeSize, proof, stream: webStream(bytes, end, signal) }
    },
    download: ({ onProgress, signal, ...request }) =>
      asking(({ download }) => download(request, { onProgress }), signal),
    source: (request) => asking(({ source }) => source(request)),
    copy: async ({ from: { sluice: other, ...from }, onProgress, signal, ...request }) => {
      const elsewhere = other === undefined ? undefined : await objectsOf.get(other)?.()
      return asking(
        ({ copy }) =>
          copy(
            { ...request, from: { ...from, ...(elsewhere === undefined ? {} : { in: elsewhere }) } },
            { onProgress, cancelled: () => signal?.aborted === true }
          ),
        signal
      )
    },
    versions: async function* (key) {
      let after: VersionsMarker | undefined
      do {
        const page: ListedVersions = await asking(({ versionsPage }) => versionsPage(key, after))
        yield* page.versions
        after = page.next
      } while (after !== undefined)
    },
    restore: (key, versionId, { onProgress, signal, ...options } = {}) =>
      asking(({ restore }) => restore({ ...options, key, versionId }, { onProgress }), signal),
    get: async (key, { versionId, range, ifMatch, signal } = {}) =>
      withoutToken(
        await ask(
          (store, engine) => guardedCall(engine, "GetObject", store.getObject({ key, versionId, range, ifMatch })),
          signal
        )
      ),
    verify: async ({ body, signal, ...request }) => {
      const source = from(body)
      if (isUploadError(source)) throw source
      // Loaded where it is needed: most programs only upload.
      const { verifyObject } = await import("./internal/verify-object.ts")
      return ask((store, engine) => verifyObject(store, engine, { ...request, source }), signal)
    },
    remove: (key, { versionId } = {}) =>
      ask((store, engine) => guardedCall(engine, "DeleteObject", store.deleteObject({ key, versionId }))),
    list: ({ prefix = "", signal } = {}) =>
      allPages((after: string | undefined) =>
        ask((store, engine) => guardedCall(engine, "ListObjectsV2", objectsPage(store, prefix, after)), signal)
      ),
    openUploads: ({ prefix = "", signal } = {}) =>
      allPages((after: ListedUploads["next"]) =>
        ask((store, engine) => guardedCall(engine, "ListMultipartUploads", uploadsPage(store, prefix, after)), signal)
      ),
    describe: async () =>
      settle(await runtime.runPromiseExit(Effect.flatMap(UploadsService, ({ describe }) => describe))),
    ready: () => ask((store, engine) => watchedCall(engine, "HeadBucket", store.headBucket())),
    bucket: () => ask((store) => Effect.succeed(store.bucket)),
    dispose,
    [Symbol.asyncDispose]: dispose
  }
  objectsOf.set(sluice, objects)
  return sluice
}
