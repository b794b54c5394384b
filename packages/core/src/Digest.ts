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
import { DigestThreads } from "./internal/digest-threads.ts"
import { makePartMemory } from "./internal/part-memory.ts"
import { isShared, SlabPool } from "./internal/slab-pool.ts"
import { KiB, MiB } from "./Limits.ts"
import type { DigestAlgorithm, RemoteHash } from "./platform/digest-workers.ts"
import { createHash, type Hash } from "./platform/hash.ts"
import { type ChunkReader, type PositionalReader, type Source, type SourceReader, sourceFailed } from "./Source.ts"
import { invalidRequest, type UploadError, uploadError } from "./UploadError.ts"

/** Bytes hashed in-line before others get their turn: 5 ms of MD5. */
const turn = 4 * MiB

/** Bytes of a source that a worker is given at once. */
const block = 4 * MiB

const newHash = (algorithm: DigestAlgorithm): Effect.Effect<Hash, UploadError> => {
  const hash = createHash(algorithm)
  return hash === undefined
    ? Effect.fail(invalidRequest(`this runtime has no ${algorithm}; remove the option or plugin that asks for it`))
    : Effect.succeed(hash)
}

const inline = Effect.fnUntraced(function* (
  algorithm: DigestAlgorithm,
  slices: ReadonlyArray<Uint8Array>
): Effect.fn.Return<string, UploadError> {
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

/** A digest on a worker, if one is ready: from then on slabs are shared. */
const openRemote = Effect.fnUntraced(function* (algorithm: DigestAlgorithm) {
  const remote = (yield* DigestThreads).open(algorithm)
  if (remote !== undefined) (yield* SlabPool).share()
  return remote
})

const digest = Effect.fnUntraced(function* (
  algorithm: DigestAlgorithm,
  slices: ReadonlyArray<Uint8Array>
): Effect.fn.Return<string, UploadError> {
  const remote = yield* openRemote(algorithm)
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
 * Fails with `InvalidRequest` where the runtime has no MD5 (browsers).
 *
 * ```ts
 * import * as Digest from "@sluice/core/Digest"
 * import * as Effect from "effect/Effect"
 *
 * const hex = Effect.runPromise(Digest.md5([new Uint8Array(3)]))
 * ```
 */
export const md5 = (slices: ReadonlyArray<Uint8Array>): Effect.Effect<string, UploadError> => digest("md5", slices)

/** SHA-256 of slices in a row, in hex; as `md5`. */
export const sha256 = (slices: ReadonlyArray<Uint8Array>): Effect.Effect<string, UploadError> =>
  digest("sha256", slices)

/**
 * SHA-256 of all bytes of a source, in hex: one pass over it, through the memory budget.
 *
 * Fails as the source does, and with `InvalidRequest` where the runtime has no SHA-256 that takes bytes as they come.
 */
export const sha256Of = (source: Source): Effect.Effect<string, UploadError> =>
  Effect.flatMap(openRemote("sha256"), (remote) =>
    remote === undefined || !source.replayable
      ? wholeInline(source)
      : // The state of a hash dies with its worker: read the source again.
        Effect.catch(wholeRemote(source, remote), (lost) =>
          lost._tag === "WorkerDied" ? wholeInline(source) : Effect.fail(lost)
        )
  )

/** A worker that died. */
const died = { _tag: "WorkerDied" } as const

const wholeRemote = Effect.fnUntraced(function* (
  source: Source,
  remote: RemoteHash
): Effect.fn.Return<string, UploadError | typeof died, Scope.Scope> {
  yield* Effect.addFinalizer(() => Effect.sync(remote.drop))
  const memory = yield* makePartMemory(yield* SlabPool)
  const reader = yield* source.open(0)
  for (let ended = false; !ended; ) {
    const part = yield* memory.fill(reader, block)
    ended = part.ended || part.size === 0
    yield* Effect.tryPromise({ try: () => remote.update(part.slices), catch: (): typeof died => died })
    yield* memory.release(part)
  }
  return yield* Effect.tryPromise({ try: () => remote.digest([]), catch: (): typeof died => died })
}, Effect.scoped)

const wholeInline = Effect.fnUntraced(function* (source: Source): Effect.fn.Return<string, UploadError, Scope.Scope> {
  const hash = yield* newHash("sha256")
  const reader = yield* source.open(0)
  return yield* Effect.tryPromise({ try: () => drain(reader, hash), catch: sourceFailed })
}, Effect.scoped)

/** Hashes what a reader has left. */
const drain = async (reader: SourceReader, hash: Hash): Promise<string> => {
  if (reader._tag === "Chunks") {
    for (let next = await reader.next(); next.done !== true; next = await reader.next()) {
      if (next.value !== undefined) hash.update(next.value)
    }
  } else {
    const scratch = new Uint8Array(256 * KiB)
    for (let n = await reader.read([scratch]); n > 0; n = await reader.read([scratch])) {
      hash.update(scratch.subarray(0, n))
    }
  }
  return hash.digest("hex")
}

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
const checkedChunks = (reader: ChunkReader, hash: Hash, expected: string): ChunkReader => ({
  _tag: "Chunks",
  rest: reader.rest,
  next: async () => {
    const answer = await reader.next()
    if (answer.done === true) check(hash.digest("hex"), expected)
    else if (answer.value instanceof Uint8Array) hash.update(answer.value)
    return answer
  }
})

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
  const remote = yield* Effect.acquireRelease(openRemote("sha256"), (remote) => Effect.sync(() => remote?.drop()))
  const hash = yield* newHash("sha256")
  const update = async (slices: ReadonlyArray<Uint8Array>): Promise<void> => {
    if (remote === undefined) for (const slice of slices) hash.update(slice)
    // A worker that has died says so again at the end.
    else await remote.update(slices).catch(() => undefined)
  }
  const whole = (): Promise<string> =>
    remote === undefined
      ? Promise.resolve(hash.digest("hex"))
      : remote.digest([]).catch(() => Effect.runPromise(wholeInline(source)))
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
