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
import { type Engine, runUpload } from "./run-upload.ts"
import { SlabPool } from "./slab-pool.ts"

/** The `upload` of an uploader over the store and the journal at hand. */
export const makeUpload = Effect.fnUntraced(function* <R>({
  plugins = [],
  ...given
}: UploaderOptions<R>): Effect.fn.Return<UploaderApi["upload"], UploadError, ObjectStore | Journal | R | Scope.Scope> {
  const options = yield* Effect.fromResult(engineOptions(given))
  const context = yield* Effect.context<R>()
  if (given.memoryBudget !== undefined) (yield* SlabPool).resize(given.memoryBudget)
  const engine: Engine<R> = {
    store: traced(yield* ObjectStore),
    journal: yield* Journal,
    options,
    plugins,
    scope: yield* Effect.scope
  }
  return (request, control = {}) => Effect.provideContext(runUpload(engine, request, control), context)
})

/**
 * `Uploader` without its `stream`, for the promise API: `effect/Stream` is a tenth of the live heap, which
 * every mark-compact of a streaming upload walks through (measured, `bench/README.md`).
 */
export class Upload extends Context.Service<Upload, UploaderApi["upload"]>()("@sluice/core/internal/Upload") {
  static readonly layer = (options: UploaderOptions): Layer.Layer<Upload, UploadError, ObjectStore | Journal> =>
    Layer.effect(Upload, makeUpload(options))
}
