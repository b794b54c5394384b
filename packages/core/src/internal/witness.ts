/**
 * Whether bytes that came in any order are those of an object, by the digest that its store shows.
 *
 * @module
 */
import { combineCrc32, crc32 } from "../Checksum.ts"
import type { DigestAlgorithm } from "../platform/digest-workers.ts"
import { createHash, type Hash } from "../platform/hash.ts"
import type { Evidence } from "./evidence.ts"
import type { PackagedChecksum } from "./packaged-checksum.ts"

/** Takes the bytes that follow. */
type Tell = (chunk: Uint8Array) => void

export interface Witness {
  /** Bytes in a row from `offset` on. Several rows may be told at once. */
  readonly from: (offset: number) => Tell
  /** What can be said now; `unknown` until every byte was there, and for ever where there is no digest. */
  readonly verdict: () => "same" | "other" | "unknown"
}

/** The CRC of bytes in a row. */
interface Crc {
  readonly add: Tell
  /** So many bytes follow, and this is theirs. */
  readonly append: (next: Crc, size: number) => void
  readonly show: () => string
}

const makeCrc32 = (): Crc => {
  let crc = 0
  return {
    add: (chunk) => {
      crc = crc32(chunk, crc)
    },
    append: (next, size) => {
      crc = combineCrc32(crc, Number.parseInt(next.show(), 16), size)
    },
    show: () => crc.toString(16).padStart(8, "0")
  }
}

/** Checksums that wait to be combined: all at once, because that is cheap for neighbours of one length. */
const mostWaiting = 64

const makePackagedCrc = ({ combined, take }: PackagedChecksum): Crc => {
  let pieces: Array<{ readonly checksum: string; readonly size: number }> = []
  const settle = (): string => {
    const checksum = pieces.length === 0 ? take([]) : combined(pieces)
    pieces = [{ checksum, size: 0 }]
    return checksum
  }
  const push = (checksum: string, size: number): void => {
    if (pieces.push({ checksum, size }) > mostWaiting) settle()
  }
  return {
    add: (chunk) => push(take([chunk]), chunk.length),
    append: (next, size) => push(next.show(), size),
    show: settle
  }
}

/** One piece of the object that has a digest of its own. */
interface Piece {
  readonly begin: (offset: number) => Tell
  /** Undefined until all its bytes were there. */
  readonly digest: () => string | undefined
}

interface Row {
  readonly offset: number
  size: number
  readonly crc: Crc
}

/** CRCs of rows are combined, so these may come in any order. */
const crcPiece = (start: number, end: number, make: () => Crc): Piece => {
  const rows: Array<Row> = []
  return {
    begin: (offset) => {
      const row: Row = { offset, size: 0, crc: make() }
      rows.push(row)
      return (chunk) => {
        row.crc.add(chunk)
        row.size += chunk.length
      }
    },
    digest: () => {
      const whole = make()
      let at = start
      for (const { offset, size, crc } of rows.toSorted((a, b) => a.offset - b.offset)) {
        // Read twice; or it overlaps, and says nothing of what it covers alone.
        if (offset !== at || size === 0) continue
        whole.append(crc, size)
        at += size
      }
      return at === end ? whole.show() : undefined
    }
  }
}

/** A hash takes bytes in their order only. */
const hashPiece = (start: number, end: number, algorithm: DigestAlgorithm): Piece => {
  let hash: Hash | undefined
  let at = start
  let digest: string | undefined
  return {
    begin: (offset) => {
      let position = offset
      return (chunk) => {
        if (position === at) {
          hash ??= createHash(algorithm)
          hash?.update(chunk)
          at += chunk.length
        }
        position += chunk.length
      }
    },
    digest: () => {
      if (at !== end) return undefined
      digest ??= (hash ?? createHash(algorithm))?.digest("hex")
      return digest
    }
  }
}

const pieceOf = (start: number, end: number, algorithm: Evidence["algorithm"]): Piece => {
  if (algorithm === "crc32") return crcPiece(start, end, makeCrc32)
  if (typeof algorithm === "object") return crcPiece(start, end, () => makePackagedCrc(algorithm))
  return hashPiece(start, end, algorithm)
}

/** Where the store shows nothing that can be compared. */
export const silentWitness: Witness = { from: () => () => undefined, verdict: () => "unknown" }

/**
 * A witness of an object of so many bytes.
 *
 * @param sizes of the parts that the digest is over; without them, it is of the whole
 */
export const makeWitness = (evidence: Evidence, size: number, sizes: ReadonlyArray<number> = [size]): Witness => {
  let last = 0
  const pieces = sizes.map((partSize) => {
    const start = last
    last += partSize
    return { end: last, piece: pieceOf(start, last, evidence.algorithm) }
  })
  return {
    from: (offset) => {
      let at = offset
      let index = pieces.findIndex(({ end }) => end > offset)
      let tell = pieces[index]?.piece.begin(offset)
      return (chunk) => {
        for (let rest = chunk; tell !== undefined && rest.length > 0; ) {
          const end = pieces[index]?.end ?? at
          const mine = rest.subarray(0, end - at)
          tell(mine)
          at += mine.length
          rest = rest.subarray(mine.length)
          if (at === end) tell = pieces[++index]?.piece.begin(at)
        }
      }
    },
    verdict: () => {
      const digests = pieces.flatMap(({ piece }) => piece.digest() ?? [])
      if (digests.length < pieces.length) return "unknown"
      return evidence.agrees(digests) ? "same" : "other"
    }
  }
}
