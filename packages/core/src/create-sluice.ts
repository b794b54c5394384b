/**
 * The same engine without Effect: promises, `AbortSignal`, async iterators. Over a store of the caller's: `promise.ts`
 * adds the one over `@aws-sdk/client-s3`, which this module does not load.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { defaults } from "./Defaults.ts"
import { bucketMethods } from "./internal/bucket-methods.ts"
import { UploadsService } from "./internal/make-uploads.ts"
import { objectMethods, objectsOf } from "./internal/object-methods.ts"
import { makeRunPromise } from "./internal/run-promise.ts"
import { startUpload } from "./internal/start-upload.ts"
import { withConcurrency } from "./internal/with-concurrency.ts"
import { layerMemory } from "./Journal.ts"
import type { Sluice } from "./Sluice.ts"
import type { SluiceOptions } from "./SluiceOptions.ts"
import { StoreDefaults } from "./s3/S3Options.ts"
import { isUploadError } from "./UploadError.ts"

export type { Advice } from "./Advice.ts"
export type { Bandwidth, BandwidthSchedule, BandwidthWindow } from "./Bandwidth.ts"
export type { BatchItems, BatchResult, BatchSummary } from "./Batch.ts"
export type { Applied } from "./Bucket.ts"
export type { BucketSweepOutcome, BucketSweepReport, SweptUpload } from "./BucketSweep.ts"
export { type CorsOptions, corsRules } from "./Cors.ts"
export { defaults, environment, presets } from "./Defaults.ts"
export * as Description from "./Description.ts"
export type { SweepReport, SweptSession } from "./Janitor.ts"
export { type LifecycleOptions, lifecycleRules, tiers } from "./Lifecycle.ts"
export type { Capabilities } from "./Limits.ts"
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
export type * from "./Sluice.ts"
export type * from "./SluiceOptions.ts"
export * as Source from "./Source.ts"
export type { Proof, StoredObject } from "./StoredObject.ts"
export { isUploadError, type Reason, type ReasonTag, reject, UploadError } from "./UploadError.ts"
export type { UploadEvent } from "./UploadEvent.ts"
export type { Priority, ResumeTarget } from "./Uploader.ts"
export type { Verification } from "./Verification.ts"

/**
 * The engine without Effect. Makes no request until something is asked of it; options that cannot be meant reject that.
 *
 * ```ts
 * import { createSluice, s3, Source } from "@sluice/core/promise"
 *
 * await using sluice = createSluice({ store: s3({ bucket: "media", region: "eu-west-1" }) })
 * const upload = sluice.upload({ key: "talks/intro.mp4", body: Source.file("intro.mp4") })
 * const stored = await upload.done()
 * ```
 */
export const createSluice = ({ store, journal = layerMemory, plugins = [], ...given }: SluiceOptions): Sluice => {
  const engine = withConcurrency(given)
  if (isUploadError(engine)) throw engine
  const options = { ...engine, plugins }
  const runtime = ManagedRuntime.make(
    UploadsService.layer(options).pipe(
      Layer.provideMerge(Layer.merge(Layer.provide(store, Layer.succeed(StoreDefaults, engine)), journal))
    )
  )
  const run = makeRunPromise(runtime)
  const eventBuffer = options.eventBuffer ?? defaults.eventBuffer
  const { close, methods, objects } = objectMethods(run, options)
  const dispose = async (): Promise<void> => {
    await close()
    await runtime.dispose()
  }
  const sluice: Sluice = {
    upload: (request) =>
      startUpload(runtime, request, eventBuffer, (uploads, request, control) => uploads.upload(request, control)),
    uploadAll: async (items, batch = {}) => {
      // Loaded where it is needed: most programs upload one by one.
      const { uploadItems } = await import("./internal/upload-items.ts")
      return run(
        Effect.flatMap(UploadsService, (uploads) => uploadItems(uploads, items, batch)),
        batch.signal
      )
    },
    resume: (target, request) =>
      startUpload(runtime, request, eventBuffer, (uploads, request, control) =>
        uploads.resume(target, request, control)
      ),
    cancel: (sessionId, { signal } = {}) =>
      run(
        Effect.flatMap(UploadsService, ({ cancel }) => cancel(sessionId)),
        signal
      ),
    sessions: ({ signal } = {}) =>
      run(
        Effect.flatMap(UploadsService, ({ list }) => list),
        signal
      ),
    describe: () => run(Effect.flatMap(UploadsService, ({ describe }) => describe)),
    ...methods,
    ...bucketMethods(run, options),
    dispose,
    [Symbol.asyncDispose]: dispose
  }
  objectsOf.set(sluice, objects)
  return sluice
}
