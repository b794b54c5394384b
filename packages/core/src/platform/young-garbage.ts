/**
 * Keeps V8 from collecting the whole heap for the sake of chunks that are garbage already.
 *
 * @module
 */

/**
 * Garbage for each byte of chunks, in bytes. V8's young generation is full after at most 16 MiB; at 3/8 that is
 * once in 43 MiB of chunks, and the whole heap is marked when 64 MiB of memory outside it were allocated.
 */
const ratio = 3 / 8
/** Bytes of an array's element on 64 bits. */
const elementSize = 8
/** Below V8's limit for objects of the young generation proper (128 KiB). */
const mostElements = 12 * 1024

const isV8 = typeof process === "object" && process?.versions?.v8 !== undefined && !("Bun" in globalThis)

let garbage: ReadonlyArray<unknown> | undefined

/**
 * Told of `bytes` in chunks that somebody allocated and nobody needs any more.
 *
 * A chunk is a small object that owns memory outside the heap. Chunks do not fill the young generation, so it is not
 * collected, until V8 marks everything that lives in the process to free memory that a glance at the newest
 * objects would have freed: 16 times a GiB, each time the longer the larger the program's heap. A little
 * garbage of our own fills the young generation in time (`docs/decisions/0017`).
 */
export const collectYoung: (bytes: number) => void = isV8
  ? (bytes) => {
      for (let left = Math.floor((bytes * ratio) / elementSize); left > 0; left -= mostElements) {
        garbage = new Array(Math.min(left, mostElements))
      }
    }
  : () => {}

/** What was made last: read by nobody, kept so that no compiler leaves it out. */
export const lastGarbage = (): ReadonlyArray<unknown> | undefined => garbage
