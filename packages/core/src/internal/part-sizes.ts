/**
 * The parts that an object was put together from, as the store tells them.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { EngineOptions } from "../Defaults.ts"
import type { ObjectHead, ObjectStoreApi } from "../ObjectStore.ts"
import { type UploadError, uploadError } from "../UploadError.ts"
import { guardedCall } from "./guarded-call.ts"

/** HEADs of parts at a time. */
const headsAtOnce = 8

/** An object, and how it is asked about. */
export interface AskedObject {
  readonly store: ObjectStoreApi
  readonly options: EngineOptions
  /** The object as it was when it was first looked at. */
  readonly head: ObjectHead
  readonly versionId?: string | undefined
}

const changed = (key: string): UploadError =>
  uploadError(
    { _tag: "PreconditionFailed", message: "the object was written again while it was verified; verify it again" },
    { operation: "HeadObject", key }
  )

/** One part's size and the number of parts; undefined from a store that does not tell. */
export const askPart = Effect.fnUntraced(function* (
  { store, options, head, versionId }: AskedObject,
  partNumber: number
) {
  const { key, etag } = head
  const part = yield* guardedCall(options, "HeadObject", store.headObject({ key, partNumber, versionId }))
  if (part.etag !== etag) return yield* changed(key)
  return part.parts === undefined ? undefined : { size: part.size, parts: part.parts }
})

/** Parts of one size, the last with what is left. */
export const uniform = (size: number, partSize: number): ReadonlyArray<number> =>
  Array.from({ length: partSize === 0 ? 1 : Math.ceil(size / partSize) }, (_, i) =>
    Math.min(partSize, size - i * partSize)
  )

/** The sizes of all parts, each asked for; undefined from a store that does not tell. */
export const askParts = Effect.fnUntraced(function* (at: AskedObject, count: number) {
  const numbers = Array.from({ length: count }, (_, i) => i + 1)
  const parts = yield* Effect.forEach(numbers, (number) => askPart(at, number), { concurrency: headsAtOnce })
  const sizes = parts.flatMap((part) => (part?.parts === count ? [part.size] : []))
  const sum = sizes.reduce((all, size) => all + size, 0)
  return sizes.length === count && sum === at.head.size ? sizes : undefined
})

/** As many parts are asked for one by one; of more, the first and the last tell whether all have one size. */
const mostAsked = 100

/**
 * The sizes of an object's parts in few requests. Where there are very many, and the first and the last look as if all
 * were equal, they are taken for equal.
 */
export const partSizes = Effect.fnUntraced(function* (
  at: AskedObject,
  count: number
): Effect.fn.Return<ReadonlyArray<number> | undefined, UploadError> {
  if (count <= mostAsked) return yield* askParts(at, count)
  const first = yield* askPart(at, 1)
  if (first?.parts !== count) return undefined
  const likely = uniform(at.head.size, first.size)
  if (likely.length !== count) return yield* askParts(at, count)
  const last = yield* askPart(at, count)
  return last?.size === likely.at(-1) ? likely : yield* askParts(at, count)
})
