/**
 * The slabs one upload holds: none is lost, whatever is interrupted.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Source, type SourceReader, sourceFailed } from "../Source.ts"
import type { UploadError } from "../UploadError.ts"
import { type FilledPart, fillPart } from "./fill-part.ts"
import { fromAbortable } from "./from-abortable.ts"
import type { SlabPool } from "./slab-pool.ts"
import type { Priority } from "./turn-queue.ts"
import { largestInMemory, surveyPart } from "./two-passes.ts"

export interface PartMemory {
  /** Up to `size` bytes of the source, held until `release` or the end of the scope. */
  readonly fill: (reader: SourceReader, size: number) => Effect.Effect<FilledPart, UploadError>
  /** The bytes of a replayable source from `offset` on; a part that is too large for memory is read in two passes. */
  readonly fillAt: (source: Source, offset: number, size: number) => Effect.Effect<FilledPart, UploadError>
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
    ({ share, held }) => {
      const fill = (reader: SourceReader, size: number): Effect.Effect<FilledPart, UploadError> =>
        fromAbortable(async (signal) => {
          // Held from inside the promise: an interruption between its end and its use loses nothing.
          const part = await fillPart(reader, share, size, signal)
          held.add(part)
          return part
        }, sourceFailed)
      return {
        fill,
        fillAt: (source, offset, size) =>
          size <= largestInMemory(pool)
            ? Effect.scoped(Effect.flatMap(source.open(offset), (reader) => fill(reader, size)))
            : fromAbortable((signal) => surveyPart({ source, share, offset, size }, signal), sourceFailed),
        release: (part) =>
          Effect.sync(() => {
            if (held.delete(part)) share.release(part.slabs)
          })
      }
    }
  )
