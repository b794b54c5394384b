/**
 * The sealed format, version 1, as arithmetic: where which bytes lie. `docs/formats/sealed-1.md` is its definition.
 *
 * A part is stored as 16 bytes of salt and its chunks; a chunk is up to 1 MiB of plain bytes and a tag of 16. Nothing
 * else is stored: how many parts and bytes there are follows from the stored length, and the last chunk is sealed with
 * both.
 *
 * @module
 */
import type { PartLayout } from "@sluice/core/UploadPlan"
import { partAt } from "@sluice/core/UploadPlan"

/** Plain bytes of every chunk but a part's last. */
export const chunkSize = 1024 * 1024
/** Bytes of a part's salt. */
export const saltSize = 16
/** Bytes of a chunk's GCM tag. */
export const tagSize = 16

/** A part has at least one chunk: that of an empty object is empty, and sealed. */
export const chunksIn = (size: number): number => Math.max(1, Math.ceil(size / chunkSize))

/** Bytes that sealing adds to a part of `size` bytes. */
export const overhead = (size: number): number => saltSize + tagSize * chunksIn(size)

/** How the plain bytes were split; `One`: a single part of all of them. */
export type SealedLayout = PartLayout | { readonly _tag: "One" }

/** A part, plain and as it is stored. Offsets and sizes in bytes. */
export interface SealedPart {
  readonly partNumber: number
  readonly offset: number
  readonly size: number
  readonly storedOffset: number
}

/** The plain size of a last part that is stored in `stored` bytes; undefined where no part is. */
const plainSize = (stored: number): number | undefined => {
  const chunks = stored - saltSize
  const size = chunks - tagSize * Math.max(1, Math.ceil(chunks / (chunkSize + tagSize)))
  return size >= 0 && size + overhead(size) === stored ? size : undefined
}

/** The parts of an object that is stored in `stored` bytes; undefined where no sealed object is. */
export const sealedParts = (layout: SealedLayout, stored: number): ReadonlyArray<SealedPart> | undefined => {
  const parts: Array<SealedPart> = []
  let storedOffset = 0
  for (let partNumber = 1; ; partNumber++) {
    const { offset, size: whole } =
      layout._tag === "One" ? { offset: 0, size: Number.POSITIVE_INFINITY } : partAt(layout, partNumber)
    const left = stored - storedOffset
    if (left <= whole + overhead(whole)) {
      const size = plainSize(left)
      // Only an object without bytes has a part without bytes.
      if (size === undefined || (size === 0 && partNumber > 1)) return undefined
      return [...parts, { partNumber, offset, size, storedOffset }]
    }
    parts.push({ partNumber, offset, size: whole, storedOffset })
    storedOffset += whole + overhead(whole)
  }
}

/** Where a chunk stands. `end` is set on the object's last. */
export interface ChunkPlace {
  readonly partNumber: number
  /** From 0, within its part. */
  readonly index: number
  readonly lastOfPart: boolean
  readonly end: { readonly parts: number; readonly size: number } | undefined
}

const utf8 = new TextEncoder()

/** `label`, then the numbers, big-endian. */
const labelled = (label: string, bytes: number, write: (view: DataView) => void): Uint8Array<ArrayBuffer> => {
  const text = utf8.encode(`sluice sealed 1 ${label}`)
  const out = new Uint8Array(text.length + bytes)
  out.set(text)
  write(new DataView(out.buffer, text.length))
  return out
}

/** HKDF's info for the key of a part. */
export const partInfo = (partNumber: number): Uint8Array<ArrayBuffer> =>
  labelled("part", 4, (view) => view.setUint32(0, partNumber))

/** HKDF's info for the commitment to a data key. */
export const commitmentInfo = (): Uint8Array<ArrayBuffer> => labelled("commitment", 0, () => undefined)

/** What a wrapped data key is authenticated with. */
export const wrappingData = (keyId: string): Uint8Array<ArrayBuffer> => utf8.encode(`sluice sealed 1 key ${keyId}`)

/** A chunk's nonce: its index. The key is the part's own, so no nonce is ever used twice with one key. */
export const nonceOf = ({ index }: ChunkPlace): Uint8Array<ArrayBuffer> => {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setUint32(8, index)
  return nonce
}

/** What a chunk is authenticated with: its place, and of the last one how much there is in all. */
export const chunkData = ({ partNumber, index, lastOfPart, end }: ChunkPlace): Uint8Array<ArrayBuffer> =>
  labelled("chunk", end === undefined ? 9 : 21, (view) => {
    view.setUint32(0, partNumber)
    view.setUint32(4, index)
    view.setUint8(8, end === undefined ? (lastOfPart ? 1 : 0) : 2)
    if (end === undefined) return
    view.setUint32(9, end.parts)
    view.setBigUint64(13, BigInt(end.size))
  })
