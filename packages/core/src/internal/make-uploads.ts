import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { engineOptions } from "../Defaults.ts"
import { Journal } from "../Journal.ts"
import { ObjectStore } from "../ObjectStore.ts"
import { traced } from "../Telemetry.ts"
import type { UploadError } from "../UploadError.ts"
import type { UploaderApi, UploaderOptions } from "../Uploader.ts"
import { makeAdmission } from "./admission.ts"
import { cancelUpload } from "./cancel-upload.ts"
import { describePlugins, seenPlugins } from "./describe-plugins.ts"
import { holdDigestThreads } from "./digest-threads.ts"
import type { Engine } from "./engine.ts"
import { checkedPlugins } from "./hook-shape.ts"
import { resumeUpload, runUpload } from "./run-upload.ts"
import { SlabPool } from "./slab-pool.ts"
import { resumeWithSha256, withSha256 } from "./with-sha256.ts"

/** What an uploader does, but for its `stream`. */
export type Uploads = Omit<UploaderApi, "stream">

/** An uploader over the store and the journal at hand. */
export const makeUploads = Effect.fnUntraced(function* <R>({
  plugins: listed,
  ...given
}: UploaderOptions<R>): Effect.fn.Return<Uploads, UploadError, ObjectStore | Journal | R | Scope.Scope> {
  const options = yield* Effect.fromResult(engineOptions(given))
  const plugins = yield* Effect.fromResult(checkedPlugins(listed))
  const context = yield* Effect.context<R>()
  yield* holdDigestThreads
  if (given.memoryBudget !== undefined) (yield* SlabPool).resize(given.memoryBudget)
  const engine: Engine<R> = {
    store: traced(yield* ObjectStore),
    journal: yield* Journal,
    options,
    plugins,
    scope: yield* Effect.scope,
    seen: { last: seenPlugins(plugins) },
    running: new Map()
  }
  const { admitted } = makeAdmission(options)
  return {
    upload: (request, control = {}) =>
      admitted(request.priority)(
        Effect.flatMap(withSha256(request), (request) =>
          Effect.provideContext(runUpload(engine, request, control), context)
        )
      ),
    resume: (target, request, control = {}) =>
      admitted(request.priority)(
        Effect.flatMap(resumeWithSha256(request), (request) =>
          Effect.provideContext(resumeUpload(engine, target, request, control), context)
        )
      ),
    describe: Effect.sync(() => describePlugins(engine.seen.last)),
    cancel: (sessionId) => cancelUpload(engine, sessionId),
    list: engine.journal.listExpired(Number.POSITIVE_INFINITY)
  }
})

/**
 * `Uploader` without its `stream`, for the promise API: `effect/Stream` is a tenth of the live heap, which
 * every mark-compact of a streaming upload walks through (measured, `bench/README.md`).
 */
export class UploadsService extends Context.Service<UploadsService, Uploads>()("@sluice/core/internal/Uploads") {
  static readonly layer = (options: UploaderOptions): Layer.Layer<UploadsService, UploadError, ObjectStore | Journal> =>
    Layer.effect(UploadsService, makeUploads(options))
}
