import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Bucket } from "../Bucket.ts"
import { type EngineOptions, engineOptions } from "../Defaults.ts"
import type { Journal } from "../Journal.ts"
import { ObjectStore } from "../ObjectStore.ts"
import type { Sluice } from "../Sluice.ts"
import type { SluiceOptions } from "../SluiceOptions.ts"
import { invalidRequest, isUploadError, type UploadError } from "../UploadError.ts"
import { guardedCall, watchedCall } from "./guarded-call.ts"
import type { RunPromise } from "./run-promise.ts"
import { withConcurrency } from "./with-concurrency.ts"

type Methods = Pick<
  Sluice,
  "advise" | "applyCors" | "applyLifecycle" | "bucket" | "capabilities" | "ready" | "sweep" | "sweepBucket"
>

/** Runs what needs the bucket's settings, where the store has them. */
const withSettings = <A, R>(
  effect: Effect.Effect<A, UploadError, R>
): Effect.Effect<A, UploadError, Exclude<R, Bucket>> =>
  Effect.flatMap(
    Effect.serviceOption(Bucket),
    Option.match({
      onNone: () =>
        invalidRequest(
          "this store does not know its bucket's settings; take s3 of @sluice/core/promise, or merge S3Bucket.layer into the store"
        ),
      onSome: (bucket) => Effect.provideService(effect, Bucket, bucket)
    })
  )

/** What a `Sluice` does with its bucket as a whole. Loaded where it is needed: most programs only upload. */
export const bucketMethods = (
  run: RunPromise<ObjectStore | Journal>,
  { plugins, ...given }: Omit<SluiceOptions, "journal" | "queueSize" | "store">
): Methods => {
  const withEngine = <A, R>(work: (engine: EngineOptions) => Effect.Effect<A, UploadError, R>) =>
    Effect.flatMap(Effect.fromResult(engineOptions(given)), work)
  return {
    sweep: async ({ signal, ...asked } = {}) => {
      const { Janitor } = await import("../Janitor.ts")
      const swept = Effect.flatMap(Janitor, ({ sweep }) => sweep(asked))
      return run(Effect.provide(swept, Janitor.layer({ ...given, plugins: plugins ?? [] })), signal)
    },
    sweepBucket: async ({ signal, ...asked }) => {
      const { sweepBucket } = await import("../BucketSweep.ts")
      return run(withSettings(sweepBucket({ ...given, ...asked })), signal)
    },
    applyLifecycle: async (rules, { signal, ...asked } = {}) => {
      const { applyLifecycle } = await import("../Bucket.ts")
      const applied = withSettings(applyLifecycle(rules, asked))
      return run(
        withEngine((engine) => guardedCall(engine, "PutBucketLifecycleConfiguration", applied)),
        signal
      )
    },
    applyCors: async (rules, { signal, ...asked } = {}) => {
      const { applyCors } = await import("../Bucket.ts")
      const applied = withSettings(applyCors(rules, asked))
      return run(
        withEngine((engine) => guardedCall(engine, "PutBucketCors", applied)),
        signal
      )
    },
    advise: async ({ signal, ...asked }) => {
      const { advise } = await import("../Advice.ts")
      const input = withConcurrency(asked)
      if (isUploadError(input)) throw input
      const advice = Effect.flatMap(ObjectStore, ({ capabilities }) =>
        Effect.fromResult(advise({ ...given, ...input }, capabilities))
      )
      return run(advice, signal)
    },
    capabilities: ({ signal } = {}) =>
      run(
        Effect.map(ObjectStore, ({ capabilities }) => capabilities),
        signal
      ),
    ready: ({ signal } = {}) =>
      run(
        Effect.flatMap(ObjectStore, ({ headBucket }) =>
          withEngine((engine) => watchedCall(engine, "HeadBucket", headBucket()))
        ),
        signal
      ),
    bucket: () => run(Effect.map(ObjectStore, ({ bucket }) => bucket))
  }
}
