/**
 * The digest workers that effects use: the process's own, unless a test brings others.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type DigestWorkers, digestWorkers } from "../platform/digest-workers.ts"

export const DigestThreads = Context.Reference<DigestWorkers>("@sluice/core/internal/DigestThreads", {
  defaultValue: () => digestWorkers
})

/** Ends the workers with the scope, unless another one holds them too. Starts none. */
export const holdDigestThreads: Effect.Effect<void, never, Scope.Scope> = Effect.flatMap(DigestThreads, (workers) =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => workers.hold()),
      (release) => Effect.promise(release)
    )
  )
)
