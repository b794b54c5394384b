/**
 * An object's bytes in order, once, and what they have shown at their end.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { ByteRange, ObjectHead } from "../ObjectStore.ts"
import type { ReadControl, ReadRequest } from "../Objects.ts"
import type { Proof } from "../StoredObject.ts"
import { invalidRequest, type UploadError } from "../UploadError.ts"
import { openObject, provenBy, type ReadEngine } from "./open-object.ts"
import { clampRange } from "./plan-ranges.ts"
import { makeReadProgress } from "./read-progress.ts"

export interface Reading {
  readonly head: ObjectHead
  readonly size: number | undefined
  readonly wholeSize: number | undefined
  /** Chunks that are the caller's own. */
  readonly bytes: AsyncIterableIterator<Uint8Array<ArrayBuffer>, undefined>
  readonly proof: () => Proof
  /** Ends it; resolves when no connection of it is open. */
  readonly close: () => Promise<void>
}

/** A range as a place and a length, of so many bytes in all. */
export const placeOf = (
  range: ByteRange | undefined,
  size: number | undefined
): Effect.Effect<{ readonly offset: number; readonly length: number | undefined }, UploadError> => {
  if (range === undefined) return Effect.succeed({ offset: 0, length: size })
  const refuse = (why: string) => Effect.fail(invalidRequest(`the range ${JSON.stringify(range)} ${why}`))
  if ("suffix" in range) {
    if (!Number.isSafeInteger(range.suffix) || range.suffix < 0) return refuse("has no number of bytes")
    if (size === undefined) return refuse("counts from the end, which is not known before the object is read")
    const offset = Math.max(0, size - range.suffix)
    return Effect.succeed({ offset, length: size - offset })
  }
  const { start, end } = range
  if (!Number.isSafeInteger(start) || start < 0) return refuse("begins nowhere")
  if (end !== undefined && !(Number.isSafeInteger(end) && end >= start)) return refuse("ends before it begins")
  if (size !== undefined && start > 0 && start >= size) return refuse(`begins beyond the last of ${size} bytes`)
  const length = end === undefined ? undefined : end - start + 1
  return Effect.succeed({
    offset: start,
    length: size === undefined ? length : clampRange(size, start, length).size
  })
}

/** See `Objects.read`. */
export const readObject = Effect.fnUntraced(function* <R>(
  engine: ReadEngine<R>,
  { key, range, raw, versionId }: ReadRequest,
  { onProgress }: ReadControl = {}
): Effect.fn.Return<Reading, UploadError, R> {
  const scope = yield* Scope.make()
  const progress = makeReadProgress(onProgress)
  const opening = Effect.gen(function* () {
    const whole = range === undefined
    const opened = yield* openObject(engine, key, { versionId, raw, whole, onRetry: progress.retried })
    return { opened, place: yield* placeOf(range, opened.bytes.size) }
  })
  const { opened, place } = yield* opening.pipe(
    Effect.provideService(Scope.Scope, scope),
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
  const { bytes, head, witness } = opened
  progress.expect(place.length)
  const chunks = bytes.open(place.offset, place.length)[Symbol.asyncIterator]()
  let proof: Proof = "transport"
  let over = false

  const close = async (): Promise<void> => {
    if (over) return
    over = true
    // The stored bytes first: whoever waits for more of them waits no longer.
    await Effect.runPromise(Scope.close(scope, Exit.void))
    await chunks.return?.().catch(() => undefined)
  }
  const next = async (): Promise<IteratorResult<Uint8Array<ArrayBuffer>, undefined>> => {
    if (over) return { done: true, value: undefined }
    try {
      const { done, value } = await chunks.next()
      if (done !== true) {
        progress.received(value.length)
        // What comes from slabs or from a plugin is lent.
        return { done: false, value: value.slice() }
      }
      proof = await Effect.runPromise(provenBy(witness, head))
      progress.ended()
      await close()
      return { done: true, value: undefined }
    } catch (cause) {
      await close()
      throw cause
    }
  }
  const iterator: AsyncIterableIterator<Uint8Array<ArrayBuffer>, undefined> = {
    next,
    return: async () => {
      await close()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]: () => iterator
  }
  return { head, size: place.length, wholeSize: bytes.size, bytes: iterator, proof: () => proof, close }
})
