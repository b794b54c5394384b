/**
 * MD5 and SHA-256 beside the event loop: in worker threads where the runtime has them, else in-line.
 *
 * The first digests of a process are in-line, while its workers start. From then on the engine fills slabs of shared
 * memory, which workers read without a copy; bytes that are not shared (a `part` hook's output) stay in-line.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { openRemote } from "./internal/digest-threads.ts"
import { hashParts } from "./internal/hash-parts.ts"
import { isShared } from "./internal/slab-pool.ts"
import { MiB } from "./Limits.ts"
import type { DigestAlgorithm } from "./platform/digest-workers.ts"
import { createHash, type Hash } from "./platform/hash.ts"
import type { ChunkReader, PositionalReader, Source, SourceReader } from "./Source.ts"
import { invalidRequest, type UploadError, uploadError } from "./UploadError.ts"

/** Bytes hashed in-line before others get their turn: 5 ms of MD5. */
const turn = 4 * MiB

const newHash = (algorithm: DigestAlgorithm): Effect.Effect<Hash, UploadError> => {
  const hash = createHash(algorithm)
  return hash === undefined
    ? Effect.fail(invalidRequest(`this runtime has no ${algorithm}; remove the option or plugin that asks for it`))
    : Effect.succeed(hash)
}

/** Browsers take only whole messages, and no shared memory. */
const bySubtle = (slices: ReadonlyArray<Uint8Array>): Effect.Effect<string> =>
  Effect.promise(async () => {
    const whole = await new Blob(slices.map((slice) => slice.slice())).arrayBuffer()
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", whole))
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")
  })

const inline = Effect.fnUntraced(function* (
  algorithm: DigestAlgorithm,
  slices: ReadonlyArray<Uint8Array>
): Effect.fn.Return<string, UploadError> {
  if (algorithm === "sha256" && createHash(algorithm) === undefined) return yield* bySubtle(slices)
  const hash = yield* newHash(algorithm)
  let bytes = 0
  for (const slice of slices) {
    hash.update(slice)
    bytes += slice.length
    if (bytes >= turn) {
      bytes = 0
      yield* Effect.yieldNow
    }
  }
  return hash.digest("hex")
})

const digest = Effect.fnUntraced(function* (
  algorithm: DigestAlgorithm,
  slices: ReadonlyArray<Uint8Array>
): Effect.fn.Return<string, UploadError> {
  const size = slices.reduce((sum, slice) => sum + slice.length, 0)
  const remote = yield* openRemote(algorithm, size)
  if (remote === undefined || !slices.every(isShared)) return yield* inline(algorithm, slices)
  // A worker that died has no answer, but the bytes are still here.
  return yield* Effect.catch(
    Effect.tryPromise(() => remote.digest(slices)),
    () => inline(algorithm, slices)
  )
})

/**
 * MD5 of slices in a row, in hex. They must not change until it is there.
 *
 * ```ts
 * import * as Digest from "@sluice/core/Digest"
 * import * as Effect from "effect/Effect"
 *
 * const hex = Effect.runPromise(Digest.md5([new Uint8Array(3)]))
 * ```
 */
export const md5 = (slices: ReadonlyArray<Uint8Array>): Effect.Effect<string, UploadError> => digest("md5", slices)

/** SHA-256 of slices in a row, in hex; every runtime has one. */
export const sha256 = (slices: ReadonlyArray<Uint8Array>): Effect.Effect<string, UploadError> =>
  digest("sha256", slices)

/**
 * SHA-256 of all bytes of a source, in hex: one pass over it, through the memory budget.
 *
 * Fails as the source does, and with `InvalidRequest` where the runtime has no SHA-256 that takes bytes as they come.
 */
export const sha256Of = (source: Source): Effect.Effect<string, UploadError> =>
  Effect.map(hashParts(source, "sha256"), ({ digests }) => digests[0] ?? "")

/**
 * The same source, which fails at its end with `ChecksumMismatch` unless its bytes have this SHA-256 (64 hex digits):
 * an upload of it ends before Complete, and leaves nothing.
 *
 * It is checked where the source is read from its start to its end, as every upload does.
 */
export const expecting = (source: Source, sha256: string): Source => ({
  size: source.size,
  replayable: source.replayable,
  name: source.name,
  contentType: source.contentType,
  identity: source.identity,
  open: (offset): Effect.Effect<SourceReader, UploadError, Scope.Scope> =>
    offset > 0
      ? source.open(offset)
      : Effect.flatMap(
          source.open(0),
          (reader): Effect.Effect<SourceReader, UploadError, Scope.Scope> =>
            reader._tag === "Positional"
              ? checkedPositional(source, reader, sha256)
              : Effect.map(newHash("sha256"), (hash) => checkedChunks(reader, hash, sha256))
        )
})

const check = (actual: string, expected: string): void => {
  if (actual === expected.toLowerCase()) return
  throw uploadError({
    _tag: "ChecksumMismatch",
    message: `the source's SHA-256 is ${actual}, but ${expected} was declared; correct the declaration or the source`
  })
}

/** Chunks lie in the source's own memory, which no worker sees: in-line. */
const checkedChunks = (reader: ChunkReader, hash: Hash, expected: string): ChunkReader => {
  hash.update(reader.rest)
  return {
    _tag: "Chunks",
    rest: reader.rest,
    next: async () => {
      const answer = await reader.next()
      if (answer.done === true) check(hash.digest("hex"), expected)
      else if (answer.value instanceof Uint8Array) hash.update(answer.value)
      return answer
    }
  }
}

/** The first `count` bytes of slices in a row. */
const first = (slices: ReadonlyArray<Uint8Array>, count: number): ReadonlyArray<Uint8Array> => {
  const taken: Array<Uint8Array> = []
  for (let left = count, i = 0; left > 0; i++) {
    const slice = slices[i]
    if (slice === undefined) break
    taken.push(slice.length <= left ? slice : slice.subarray(0, left))
    left -= slice.length
  }
  return taken
}

/** Reads scatter into slabs, which a worker sees. One that dies is survived by reading the source again. */
const checkedPositional = Effect.fnUntraced(function* (
  source: Source,
  reader: PositionalReader,
  expected: string
): Effect.fn.Return<PositionalReader, UploadError, Scope.Scope> {
  const remote = yield* Effect.acquireRelease(openRemote("sha256", source.size), (remote) =>
    Effect.sync(() => remote?.drop())
  )
  const hash = yield* newHash("sha256")
  const again = Effect.runPromiseWith(yield* Effect.context<never>())
  const update = async (slices: ReadonlyArray<Uint8Array>): Promise<void> => {
    if (remote === undefined) for (const slice of slices) hash.update(slice)
    // A worker that has died says so again at the end.
    else await remote.update(slices).catch(() => undefined)
  }
  const whole = (): Promise<string> =>
    remote === undefined ? Promise.resolve(hash.digest("hex")) : remote.digest([]).catch(() => again(sha256Of(source)))
  let ended: Promise<void> | undefined
  return {
    _tag: "Positional",
    read: async (into) => {
      const count = await reader.read(into)
      if (count > 0) await update(first(into, count))
      else {
        ended ??= whole().then((sha256) => check(sha256, expected))
        await ended
      }
      return count
    }
  }
})
