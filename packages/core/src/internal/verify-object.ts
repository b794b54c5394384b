/**
 * An object against a source, by the cheapest evidence that is sound.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EngineOptions } from "../Defaults.ts"
import { MiB } from "../Limits.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import { makeSliceCursor } from "../platform/slice-cursor.ts"
import { fromReadableStream, type Source } from "../Source.ts"
import { invalidRequest, type UploadError } from "../UploadError.ts"
import type { Verification, VerifyRequest } from "../Verification.ts"
import { type Evidence, evidenceOf, packagedOf } from "./evidence.ts"
import type { FilledPart } from "./fill-part.ts"
import { guardedCall } from "./guarded-call.ts"
import { hashParts } from "./hash-parts.ts"
import { makePartMemory } from "./part-memory.ts"
import { type AskedObject, askPart, askParts, uniform } from "./part-sizes.ts"
import { SlabPool } from "./slab-pool.ts"

/** Bytes compared at once. */
const block = MiB

interface Comparison extends AskedObject {
  readonly source: Source
}

type Answer = Pick<Verification, "matches" | "by">

/** What one piece of evidence says; undefined when the source cannot be taken apart as the object was put together. */
const weigh = Effect.fnUntraced(function* (
  at: Comparison,
  { agrees, algorithm, by, parts }: Evidence
): Effect.fn.Return<Answer | undefined, UploadError> {
  const { head, source } = at
  const matches = Effect.fnUntraced(function* (sizes?: ReadonlyArray<number>) {
    const { digests, size } = yield* hashParts(source, algorithm, sizes)
    return size === head.size && agrees(digests)
  })
  if (parts === undefined) return { matches: yield* matches(), by }
  const first = yield* askPart(at, 1)
  if (first?.parts !== parts) return undefined
  // One size for all but the last is only likely: it can show that the bytes are the same, not that they differ.
  const likely = uniform(head.size, first.size)
  if (likely.length === parts && (yield* matches(likely))) return { matches: true, by }
  const sizes = yield* askParts(at, parts)
  if (sizes === undefined) return undefined
  const asked = sizes.length === likely.length && sizes.every((size, i) => size === likely[i])
  return { matches: !asked && (yield* matches(sizes)), by }
})

const sameBytes = (a: FilledPart, b: FilledPart): boolean => {
  if (a.size !== b.size || a.crc32 !== b.crc32) return false
  const others = makeSliceCursor(b.slices)
  for (const slice of a.slices) {
    let at = 0
    for (const other of others.take(slice.length)) for (const byte of other) if (byte !== slice[at++]) return false
  }
  return true
}

/** Reads both, side by side, up to the first block that differs. */
const compareBytes = Effect.fnUntraced(function* ({
  store,
  options,
  source,
  head
}: Comparison): Effect.fn.Return<boolean, UploadError, Scope.Scope> {
  const { key, etag } = head
  const memory = yield* makePartMemory(yield* SlabPool)
  const content = yield* guardedCall(options, "GetObject", store.getObject({ key, ifMatch: etag }))
  const theirs = yield* fromReadableStream(content.body).open(0)
  const ours = yield* source.open(0)
  while (true) {
    const a = yield* memory.fill(theirs, block)
    const b = yield* memory.fill(ours, block)
    if (!sameBytes(a, b)) return false
    yield* memory.release(a)
    yield* memory.release(b)
    if (a.size === 0) return true
  }
}, Effect.scoped)

/** See `Verification.verify`. */
export const verifyObject = Effect.fnUntraced(function* (
  store: ObjectStoreApi,
  options: EngineOptions,
  { key, source, download = false }: VerifyRequest
): Effect.fn.Return<Verification, UploadError> {
  if (!source.replayable) {
    return yield* invalidRequest("verifying may read the source twice; pass a file, Blob or bytes", { key })
  }
  const head = yield* guardedCall(options, "HeadObject", store.headObject({ key }))
  const at: Comparison = { store, options, source, head }
  const answer = ({ matches, by }: Answer): Verification => {
    const { etag, size, versionId } = head
    return { matches, by, etag, versionId, size }
  }
  if (source.size !== undefined && source.size !== head.size) return answer({ matches: false, by: "size" })
  for (const evidence of evidenceOf(head, store.capabilities, yield* packagedOf(head))) {
    const found = yield* weigh(at, evidence)
    if (found !== undefined) return answer(found)
  }
  return answer(download ? { matches: yield* compareBytes(at), by: "bytes" } : { matches: "unknown", by: "nothing" })
})
