/**
 * Parts that are larger than an upload's share of memory: read once for their CRC32, and again for each attempt.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { combineCrc32 } from "../Checksum.ts"
import { MiB } from "../Limits.ts"
import type { Source } from "../Source.ts"
import { uploadError } from "../UploadError.ts"
import { type FilledPart, fillPart } from "./fill-part.ts"
import type { OpenedHooks } from "./run-hooks.ts"
import type { SlabPool, SlabShare } from "./slab-pool.ts"
import type { UploadRun } from "./upload-run.ts"

/** What a pass holds at a time: one window, and none while it waits for memory, so that passes never wait in a ring. */
const windowSize = 2 * MiB

/** Largest part that is held in memory whole, in bytes: two of them fit the budget. */
export const largestInMemory = (pool: Pick<SlabPool, "capacity">): number => Math.floor(pool.capacity() / 2)

/** Whether the source gives its bytes again, from any offset. */
export const givesAgain = (source: Source): boolean => source.replayable && source.size !== undefined

/** Whether parts may be read a window at a time: nobody has to see one as a whole, and the source gives it again. */
export const allowsTwoPasses = (source: Source, hooks: Pick<OpenedHooks, "body" | "part" | "seesParts">): boolean =>
  givesAgain(source) && hooks.body.length === 0 && hooks.part.length === 0 && !hooks.seesParts

/** Whether `size` bytes of this upload are sent in two passes. Checksums of packages are taken of whole parts. */
export const inTwoPasses = (run: Pick<UploadRun, "hooks" | "pool" | "session" | "source">, size: number): boolean =>
  size > largestInMemory(run.pool) &&
  run.session().checksumAlgorithm === undefined &&
  allowsTwoPasses(run.source, run.hooks)

/** Where a part's bytes are, and what holds them meanwhile. */
interface Range {
  readonly source: Source
  readonly share: SlabShare
  readonly offset: number
  readonly size: number
}

/** The range, a window at a time. Each is valid until the next is asked for. */
async function* windows({ source, share, offset, size }: Range, signal: AbortSignal): AsyncGenerator<FilledPart> {
  const scope = Scope.makeUnsafe()
  try {
    const reader = await Effect.runPromise(Effect.provideService(source.open(offset), Scope.Scope, scope))
    for (let left = size; left > 0; ) {
      const window = await fillPart(reader, share, Math.min(windowSize, left), signal)
      try {
        if (window.size > 0) yield window
      } finally {
        share.release(window.slabs)
      }
      left -= window.size
      if (window.ended) return
    }
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

const changed = (how: string) =>
  uploadError({
    _tag: "SourceChanged",
    message: `the source changed while it was sent: ${how}; upload it again when nobody writes to it`
  })

/** The bytes of a part that was surveyed. What differs is not sent to its end, so the store cannot take it. */
async function* again(range: Range, expected: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let crc = 0
  let sent = 0
  for await (const window of windows(range, signal)) {
    crc = combineCrc32(crc, window.crc32, window.size)
    sent += window.size
    if (sent === range.size && crc !== expected) throw changed("a part's bytes are not those of its checksum")
    yield* window.slices
  }
  if (sent < range.size) throw changed(`it ended ${range.size - sent} bytes early`)
}

/** An iteration that can be ended while it waits for memory or for the source. */
const abortable = (iterate: (signal: AbortSignal) => AsyncGenerator<Uint8Array>): AsyncIterable<Uint8Array> => ({
  [Symbol.asyncIterator]: () => {
    const controller = new AbortController()
    const bytes = iterate(controller.signal)
    return {
      next: () => bytes.next(),
      return: () => {
        controller.abort()
        return bytes.return(undefined)
      }
    }
  }
})

/** Reads a part for its CRC32 and size; its bytes are read again when they are sent. It holds no memory. */
export const surveyPart = async (range: Range, signal: AbortSignal): Promise<FilledPart> => {
  let crc = 0
  let size = 0
  for await (const window of windows(range, signal)) {
    crc = combineCrc32(crc, window.crc32, window.size)
    size += window.size
  }
  const found = { ...range, size }
  return {
    slabs: [],
    slices: [],
    size,
    crc32: crc,
    ended: size < range.size,
    open: () => abortable((signal) => again(found, crc, signal))
  }
}
