/**
 * The service that runs uploads: the only orchestrator.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { EngineOptions } from "./Defaults.ts"
import type { Description } from "./Description.ts"
import { makeUploads } from "./internal/make-uploads.ts"
import type { Priority } from "./internal/turn-queue.ts"
import type { Journal } from "./Journal.ts"
import type { ObjectAttributes, ObjectStore, WriteCondition } from "./ObjectStore.ts"
import type { Plugin } from "./Plugin.ts"
import type { Session } from "./Session.ts"
import type { Source } from "./Source.ts"
import type { Proof, StoredObject } from "./StoredObject.ts"
import type { UploadError } from "./UploadError.ts"
import type { UploadEvent } from "./UploadEvent.ts"

export type { Priority } from "./internal/turn-queue.ts"

/** One object on its way into the store. Engine options given here hold for this upload alone. */
export interface UploadRequest
  extends ObjectAttributes,
    WriteCondition,
    Partial<Pick<EngineOptions, "partSize" | "concurrency" | "multipart" | "multipartThreshold" | "onFailure">> {
  readonly key: string
  readonly source: Source
  /** For sources of unknown length: no more bytes than this will come; makes all parts equal. */
  readonly maxSize?: number | undefined
  /** `source`: refuse a result whose bytes were not shown identical by a digest of ours. */
  readonly requireProof?: Proof | undefined
  /**
   * `metadata`: the source's SHA-256 is stored as `x-amz-meta-sha256`, in hex. It is taken before the upload begins,
   * in a pass of its own; for a stream it must be declared by `expectSha256`.
   */
  readonly sha256?: "metadata" | undefined
  /** The SHA-256 that the source must have, in hex. Another ends the upload before Complete: `ChecksumMismatch`. */
  readonly expectSha256?: string | undefined
  /**
   * Whose turn it is where uploads wait for each other: to run (`maxUploads`), and to send while the store
   * throttles. Default `normal`. A lower one waits longer, but not for ever.
   */
  readonly priority?: Priority | undefined
  /** Words for plugins (user id, tenant, …); not stored unless a plugin does so. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/**
 * The upload to resume: our session id; or the store's multipart id, or the key alone, where no journal knows the
 * upload any more. A key alone means the newest session of it, else the only open upload of it in the store.
 */
export type ResumeTarget =
  | string
  | { readonly bucket?: string | undefined; readonly key: string; readonly uploadId?: string | undefined }

/** An earlier upload, continued. What the first run decided (key, headers, part sizes) stays as it was. */
export interface ResumeRequest extends Partial<Pick<EngineOptions, "concurrency" | "onFailure">> {
  /** The same bytes as before, from the first on: those that are stored are compared, not sent. */
  readonly source: Source
  readonly requireProof?: Proof | undefined
  /** As in `UploadRequest`. */
  readonly expectSha256?: string | undefined
  /** As in `UploadRequest`. */
  readonly priority?: Priority | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** Strings attached to a running upload. */
export interface UploadControl {
  /** Told of every event, in order, at once. Keep it short; what it throws is ignored. */
  readonly onEvent?: ((event: UploadEvent) => void) | undefined
  /** While it is closed, no new part starts; parts in flight finish. */
  readonly gate?: Latch.Latch | undefined
  /** Asked when the upload is interrupted: true ends it for good, whatever `onFailure` says. */
  readonly cancelled?: (() => boolean) | undefined
}

export interface UploaderApi {
  /**
   * Uploads one source and answers when the store holds it, shown identical.
   *
   * Begins when fewer than `maxUploads` run; until then there are no events. Fails at once with `Rejected`
   * (status 429) when `maxQueuedUploads` wait already.
   *
   * Interruption awaits what is in flight. Then the upload is kept for `resume`, as `onFailure` says, or the
   * multipart upload is aborted, proven by ListParts.
   */
  readonly upload: (request: UploadRequest, control?: UploadControl) => Effect.Effect<StoredObject, UploadError>
  /** The same upload as its events; ends after the terminal one, fails as `upload` does. */
  readonly stream: (request: UploadRequest) => Stream.Stream<UploadEvent, UploadError>
  /**
   * Continues an earlier upload. The source is read from its start and every part that is stored is compared
   * with it; only what the store does not have is sent.
   *
   * Fails with `SessionNotFound`; `SessionBusy` while somebody else works on it; `ResumeMismatch` for other
   * plugins or an upload that cannot be continued; `SourceChanged` when it is not the source of the first run.
   */
  readonly resume: (
    target: ResumeTarget,
    request: ResumeRequest,
    control?: UploadControl
  ) => Effect.Effect<StoredObject, UploadError>
  /**
   * Ends an upload for good, wherever it runs: what is in flight is awaited, the multipart upload aborted and
   * proven gone by ListParts, the session forgotten. Fails with `SessionNotFound`, and with the store's trouble when
   * the end could not be proven: the journal still names the upload then.
   */
  readonly cancel: (sessionId: string) => Effect.Effect<void, UploadError>
  /** The uploads in the journal that have not ended, and what is left of those that have. */
  readonly list: Effect.Effect<ReadonlyArray<Session>, UploadError>
  /** What the plugins do: those of the list, with the hooks of the upload that was opened last. Opens nothing. */
  readonly describe: Effect.Effect<Description>
}

/** Options of an uploader: the engine's knobs and the plugins, in order. */
export interface UploaderOptions<R = never> extends Partial<EngineOptions> {
  readonly plugins?: ReadonlyArray<Plugin<R>> | undefined
}

/** Runs uploads. */
export class Uploader extends Context.Service<Uploader, UploaderApi>()("@sluice/core/Uploader") {
  /**
   * An uploader over the store and the journal at hand.
   *
   * Fails with `InvalidRequest`, naming every option that makes no sense.
   *
   * ```ts
   * import * as Layer from "effect/Layer"
   * import * as Journal from "@sluice/core/Journal"
   * import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
   * import { Uploader } from "@sluice/core/Uploader"
   *
   * const Live = Uploader.layer({ concurrency: 6 }).pipe(
   *   Layer.provide([S3ObjectStore.layer({ bucket: "media" }), Journal.layerMemory])
   * )
   * ```
   */
  static readonly layer = <const Needs extends ReadonlyArray<unknown> = []>(
    options: Partial<EngineOptions> & {
      /** In order. */
      readonly plugins?: { readonly [K in keyof Needs]: Plugin<Needs[K]> } | undefined
    } = {}
  ): Layer.Layer<Uploader, UploadError, ObjectStore | Journal | Exclude<Needs[number], Scope.Scope>> =>
    Layer.effect(Uploader, make<Needs[number]>(options))
}

const make = <R>(
  options: UploaderOptions<R>
): Effect.Effect<UploaderApi, UploadError, ObjectStore | Journal | R | Scope.Scope> =>
  Effect.map(makeUploads(options), (uploads) => ({
    ...uploads,
    stream: (request) =>
      Stream.callback((queue) =>
        uploads.upload(request, { onEvent: (event) => Queue.offerUnsafe(queue, event) }).pipe(
          Effect.flatMap(() => Queue.end(queue)),
          Effect.catch((error) => Queue.fail(queue, error))
        )
      )
  }))
