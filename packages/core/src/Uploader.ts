/**
 * The service that runs uploads: the only orchestrator.
 *
 * @module
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { EngineOptions } from "./Defaults.ts"
import type { ObjectAttributes, WriteCondition } from "./ObjectStore.ts"
import type { Source } from "./Source.ts"
import type { Proof, StoredObject } from "./StoredObject.ts"
import type { UploadError } from "./UploadError.ts"
import type { UploadEvent } from "./UploadEvent.ts"

/** One object on its way into the store. Engine options given here hold for this upload alone. */
export interface UploadRequest
  extends ObjectAttributes,
    WriteCondition,
    Partial<Pick<EngineOptions, "partSize" | "concurrency" | "multipart" | "multipartThreshold">> {
  readonly key: string
  readonly source: Source
  /** For sources of unknown length: no more bytes than this will come; makes all parts equal. */
  readonly maxSize?: number | undefined
  /** `source`: refuse a result whose bytes were not shown identical by a digest of ours. */
  readonly requireProof?: Proof | undefined
  /** Words for plugins (user id, tenant, …); not stored unless a plugin does so. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** Lets a running upload be paused and continued: no new part starts while paused; parts in flight finish. */
export interface PauseControl {
  readonly pause: () => void
  readonly resume: () => void
}

export interface UploaderApi {
  /**
   * Uploads one source and answers when the store holds it, shown identical.
   *
   * Interruption awaits what is in flight, aborts the multipart upload and proves it by ListParts.
   */
  readonly upload: (request: UploadRequest) => Effect.Effect<StoredObject, UploadError>
  /** The same upload as its events; ends after the terminal one, fails as `upload` does. */
  readonly stream: (request: UploadRequest) => Stream.Stream<UploadEvent, UploadError>
}

export class Uploader extends Context.Service<Uploader, UploaderApi>()("@sluice/core/Uploader") {}
