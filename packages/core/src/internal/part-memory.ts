/**
 * The slabs one upload holds: none is lost, whatever is interrupted.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type SourceReader, sourceFailed } from "../Source.ts"
import type { UploadError } from "../UploadError.ts"
import { type FilledPart, fillPart } from "./fill-part.ts"
import { fromAbortable } from "./from-abortable.ts"
import type { Priority, SlabPool } from "./slab-pool.ts"

export interface PartMemory {
  /** Up to `size` bytes of the source, held until `release` or the end of the scope. */
  readonly fill: (reader: SourceReader, size: number) => Effect.Effect<FilledPart, UploadError>
  readonly release: (part: FilledPart) => Effect.Effect<void>
}

/** The slabs of one upload: its share of the pool. What it still holds when the scope closes goes back. */
export const makePartMemory = (
  pool: SlabPool,
  options: { readonly priority?: Priority } = {}
): Effect.Effect<PartMemory, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => ({ share: pool.join(options.priority), held: new Set<FilledPart>() })),
      ({ share, held }) => Effect.sync(() => share.release([...held].flatMap(({ slabs }) => slabs)))
    ),
    ({ share, held }) => ({
      fill: (reader, size) =>
        fromAbortable(async (signal) => {
          // Held from inside the promise: an interruption between its end and its use loses nothing.
          const part = await fillPart(reader, share, size, signal)
          held.add(part)
          return part
        }, sourceFailed),
      release: (part) =>
        Effect.sync(() => {
          if (held.delete(part)) share.release(part.slabs)
        })
    })
  )
