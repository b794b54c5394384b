/**
 * Digests of consecutive pieces of a source, in one pass through the memory budget.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { combineCrc32 } from "../Checksum.ts"
import { MiB } from "../Limits.ts"
import type { DigestAlgorithm } from "../platform/digest-workers.ts"
import { createHash } from "../platform/hash.ts"
import type { Source } from "../Source.ts"
import { invalidRequest, type UploadError } from "../UploadError.ts"
import { openRemote } from "./digest-threads.ts"
import type { FilledPart } from "./fill-part.ts"
import type { PackagedChecksum } from "./packaged-checksum.ts"
import { makePartMemory } from "./part-memory.ts"
import { SlabPool } from "./slab-pool.ts"

/** Bytes read and hashed at once. */
const block = 4 * MiB

export interface PieceDigests {
  /** One a piece: in hex, a packaged checksum in base64. */
  readonly digests: ReadonlyArray<string>
  /** Bytes that the source gave; one more than the pieces have when it has more. */
  readonly size: number
}

/** A digest of one piece, fed block by block. */
interface PieceHash {
  readonly update: (block: FilledPart) => void | Promise<void>
  readonly digest: () => string | Promise<string>
  /** It is not wanted any more. */
  readonly drop?: () => void
}

const crcHash = (): PieceHash => {
  let crc = 0
  return {
    // Filling a block takes its CRC32 anyway.
    update: ({ crc32, size }) => {
      crc = combineCrc32(crc, crc32, size)
    },
    digest: () => crc.toString(16).padStart(8, "0")
  }
}

const packagedHash = ({ take, combined }: PackagedChecksum): PieceHash => {
  const blocks: Array<{ readonly checksum: string; readonly size: number }> = []
  return {
    update: ({ slices, size }) => {
      blocks.push({ checksum: take(slices), size })
    },
    digest: () => combined(blocks)
  }
}

const inlineHash = (algorithm: DigestAlgorithm): Effect.Effect<PieceHash, UploadError> =>
  Effect.suspend(() => {
    const hash = createHash(algorithm)
    if (hash === undefined) {
      return Effect.fail(invalidRequest(`this runtime has no ${algorithm}; ask elsewhere, or for CRC32`))
    }
    return Effect.succeed({
      update: ({ slices }: FilledPart) => {
        for (const slice of slices) hash.update(slice)
      },
      digest: () => hash.digest("hex")
    })
  })

const remoteHash = (algorithm: DigestAlgorithm, size: number | undefined): Effect.Effect<PieceHash, UploadError> =>
  Effect.flatMap(openRemote(algorithm, size), (remote) =>
    remote === undefined
      ? inlineHash(algorithm)
      : Effect.succeed({
          update: ({ slices }) => remote.update(slices),
          digest: () => remote.digest([]),
          drop: remote.drop
        })
  )

/** The state of a hash dies with its worker. */
const died = { _tag: "WorkerDied" } as const

const settled = <A>(work: () => A | Promise<A>): Effect.Effect<A, typeof died> =>
  Effect.tryPromise({ try: async () => work(), catch: (): typeof died => died })

const readPieces = Effect.fnUntraced(function* (
  source: Source,
  sizes: ReadonlyArray<number> | undefined,
  start: Effect.Effect<PieceHash, UploadError>
): Effect.fn.Return<PieceDigests, UploadError | typeof died, Scope.Scope> {
  const memory = yield* makePartMemory(yield* SlabPool)
  const reader = yield* source.open(0)
  const digests: Array<string> = []
  let total = 0
  let ended = false
  let open: PieceHash | undefined
  yield* Effect.addFinalizer(() => Effect.sync(() => open?.drop?.()))
  for (const size of sizes ?? [Number.POSITIVE_INFINITY]) {
    const hash = yield* start
    open = hash
    for (let left = size; left > 0 && !ended; ) {
      const filled = yield* memory.fill(reader, Math.min(block, left))
      ended = filled.ended || filled.size === 0
      left -= filled.size
      total += filled.size
      yield* settled(() => hash.update(filled))
      yield* memory.release(filled)
    }
    digests.push(yield* settled(() => hash.digest()))
  }
  if (!ended) total += (yield* memory.fill(reader, 1)).size
  return { digests, size: total }
}, Effect.scoped)

/**
 * Digests of the pieces of `sizes` bytes that a source consists of (of the whole, without `sizes`).
 *
 * On a worker where one is ready; one that dies is survived by reading again, if the source can be read again.
 */
export const hashParts = Effect.fnUntraced(function* (
  source: Source,
  algorithm: "crc32" | DigestAlgorithm | PackagedChecksum,
  sizes?: ReadonlyArray<number>
): Effect.fn.Return<PieceDigests, UploadError> {
  const inline =
    algorithm === "crc32"
      ? Effect.sync(crcHash)
      : typeof algorithm === "string"
        ? inlineHash(algorithm)
        : Effect.sync(() => packagedHash(algorithm))
  const readInline = Effect.catchTag(readPieces(source, sizes, inline), "WorkerDied", (defect) => Effect.die(defect))
  if (algorithm === "crc32" || typeof algorithm === "object" || !source.replayable) return yield* readInline
  const remote = remoteHash(algorithm, source.size)
  return yield* Effect.catchTag(readPieces(source, sizes, remote), "WorkerDied", () => readInline)
})
