/**
 * The digest workers that effects use: the process's own, unless a test brings others.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { KiB } from "../Limits.ts"
import { type DigestAlgorithm, type DigestWorkers, digestWorkers } from "../platform/digest-workers.ts"
import { SlabPool } from "./slab-pool.ts"

export const DigestThreads = Context.Reference<DigestWorkers>("@sluice/core/internal/DigestThreads", {
  defaultValue: () => digestWorkers
})

/** Fewer bytes are hashed in less time than a worker is asked in. */
const worthAsking = 256 * KiB

/** A digest of `size` bytes on a worker, if one is ready and it is worth it: from then on slabs are shared. */
export const openRemote = Effect.fnUntraced(function* (algorithm: DigestAlgorithm, size = Number.POSITIVE_INFINITY) {
  if (size < worthAsking) return undefined
  const remote = (yield* DigestThreads).open(algorithm)
  if (remote !== undefined) (yield* SlabPool).share()
  return remote
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
