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
import type { SlabPool } from "./slab-pool.ts"

export interface PartMemory {
  /** Up to `size` bytes of the source, held until `release` or the end of the scope. */
  readonly fill: (reader: SourceReader, size: number) => Effect.Effect<FilledPart, UploadError>
  readonly release: (part: FilledPart) => Effect.Effect<void>
}

/** Slabs of one upload; what is still held when the scope closes goes back to the pool. */
export const makePartMemory = (pool: SlabPool): Effect.Effect<PartMemory, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Set<FilledPart>()),
      (held) => Effect.sync(() => pool.release([...held].flatMap(({ slabs }) => slabs)))
    ),
    (held) => ({
      fill: (reader, size) =>
        fromAbortable(async (signal) => {
          // Held from inside the promise: an interruption between its end and its use loses nothing.
          const part = await fillPart(reader, pool, size, signal)
          held.add(part)
          return part
        }, sourceFailed),
      release: (part) =>
        Effect.sync(() => {
          if (held.delete(part)) pool.release(part.slabs)
        })
    })
  )
