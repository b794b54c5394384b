/**
 * A checksum of S3 other than CRC32: taken by a package, combined here, written as S3's headers have it.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { MiB } from "../Limits.ts"
import { crcPackages, loadCrc, type PackagedCrc } from "../platform/native-crcs.ts"
import { invalidRequest, type UploadError } from "../UploadError.ts"
import { type CrcKind, crc32c, crc64nvme, crcFromBase64, crcToBase64, makeCombine } from "./crc-combine.ts"

export interface PackagedChecksum {
  readonly algorithm: PackagedCrc
  /** Of slices in a row, in base64, all at once. */
  readonly take: (slices: ReadonlyArray<Uint8Array>) => string
  /** The same in turns with whatever else there is to do. */
  readonly of: (slices: ReadonlyArray<Uint8Array>) => Effect.Effect<string>
  /** Of pieces in a row, from theirs and their lengths in bytes. */
  readonly combined: (pieces: ReadonlyArray<{ readonly checksum: string; readonly size: number }>) => string
  /** COMPOSITE: the checksum over the parts' checksums, and their number. */
  readonly composite: (parts: ReadonlyArray<string>) => string
}

const kinds: Readonly<Record<PackagedCrc, CrcKind>> = { CRC32C: crc32c, CRC64NVME: crc64nvme }

/** Bytes taken before others get their turn. */
const turn = 4 * MiB

/** Slices in groups of at most `turn` bytes (one slab at least). */
const groups = (slices: ReadonlyArray<Uint8Array>): ReadonlyArray<ReadonlyArray<Uint8Array>> => {
  const all: Array<Array<Uint8Array>> = []
  let size = turn
  for (const slice of slices) {
    if (size + slice.length > turn) {
      all.push([])
      size = 0
    }
    all.at(-1)?.push(slice)
    size += slice.length
  }
  return all
}

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))

/** The checksum, or `InvalidRequest` that names the package which is not installed. */
export const packagedChecksum = (
  algorithm: PackagedCrc,
  load: typeof loadCrc = loadCrc
): Effect.Effect<PackagedChecksum, UploadError> =>
  Effect.flatMap(
    Effect.promise(() => load(algorithm)),
    (take) => {
      if (take === undefined) {
        const name = crcPackages[algorithm]
        return Effect.fail(
          invalidRequest(`${algorithm} is taken by the package ${name}, which is not installed: npm install ${name}`)
        )
      }
      const kind = kinds[algorithm]
      const combine = makeCombine(kind)
      const checksum: PackagedChecksum = {
        algorithm,
        take: (slices) => crcToBase64(kind, take(slices)),
        of: Effect.fnUntraced(function* (slices) {
          let crc = 0n
          for (const group of groups(slices)) {
            const size = group.reduce((sum, slice) => sum + slice.length, 0)
            crc = combine(crc, take(group), size)
            if (size >= turn / 2) yield* Effect.yieldNow
          }
          return crcToBase64(kind, crc)
        }),
        combined: (pieces) =>
          crcToBase64(
            kind,
            pieces.reduce((crc, { checksum, size }) => combine(crc, crcFromBase64(checksum), size), 0n)
          ),
        composite: (parts) => `${crcToBase64(kind, take(parts.map(bytesOf)))}-${parts.length}`
      }
      return Effect.succeed(checksum)
    }
  )
