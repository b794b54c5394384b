/**
 * CRC32 as S3 wants it, and the ETag S3 will answer with. Pure.
 *
 * A CRC32 is an unsigned 32-bit integer here and base64 of its four bytes, high byte first, on the wire
 * (Amazon S3 User Guide, "Checking object integrity in Amazon S3").
 *
 * @module
 */
import { crc32Table, polynomial } from "./internal/crc32-table.ts"
import { createHash } from "./platform/hash.ts"
import { nativeCrc32 } from "./platform/native-crc32.ts"

/**
 * CRC32 of `bytes`. With `seed`, the CRC32 of the bytes before them, it is the CRC32 of both in a row.
 * `node:zlib` does 1 GiB in well under a second, the package `@node-rs/crc32` in half of that where it is installed;
 * without either, a table-driven one takes a few.
 */
export const crc32: (bytes: Uint8Array, seed?: number) => number = nativeCrc32 ?? crc32Table

/** CRC32 of slices in a row, without concatenation. */
export const crc32OfSlices = (slices: Iterable<Uint8Array>): number => {
  let crc = 0
  for (const slice of slices) crc = crc32(slice, crc)
  return crc
}

/** Product of two polynomials over GF(2) modulo CRC32's own, bits reversed. */
const multiply = (a: number, b: number): number => {
  let product = 0
  let shifted = b
  for (let bit = 0x80000000; bit !== 0; bit >>>= 1) {
    if (a & bit) product ^= shifted
    shifted = shifted & 1 ? (shifted >>> 1) ^ polynomial : shifted >>> 1
  }
  return product >>> 0
}

/**
 * x to the power of 8 × `bytes`: what appending that many zero bytes multiplies a CRC32 by. By squaring,
 * one step a bit of the length. Division, not shifts: lengths reach 2^53 − 1.
 */
const zeroBytes = (bytes: number): number => {
  let result = 0x80000000 // x⁰
  let power = 0x00800000 // x⁸
  for (let left = bytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = multiply(result, power)
    power = multiply(power, power)
  }
  return result
}

/** Parts of one upload have one size, so the last operator serves nearly every call. */
let last: { readonly length: number; readonly operator: number } = { length: 0, operator: zeroBytes(0) }

/**
 * CRC32 of A followed by B, from their CRC32s and the length of B in bytes (0 … 2^53 − 1): it is linear,
 * so crc(AB) = crc(A) · x^(8·|B|) + crc(B), with the initial and final inversions cancelling out.
 */
export const combineCrc32 = (crcA: number, crcB: number, lengthB: number): number => {
  if (last.length !== lengthB) last = { length: lengthB, operator: zeroBytes(lengthB) }
  return (multiply(crcA, last.operator) ^ crcB) >>> 0
}

const bigEndian = (crc: number): string =>
  String.fromCharCode(crc >>> 24, (crc >>> 16) & 255, (crc >>> 8) & 255, crc & 255)

/** A CRC32 as `x-amz-checksum-crc32` carries it: base64 of four bytes, high byte first. */
export const encodeCrc32 = (crc: number): string => btoa(bigEndian(crc))

/** The CRC32 in a header of the store, or undefined when it is none (a composite `…-N` is none). */
export const decodeCrc32 = (encoded: string): number | undefined => {
  // Four bytes are six characters, of which the last carries two bits.
  if (!/^[A-Za-z0-9+/]{5}[AQgw]==$/.test(encoded)) return undefined
  const bytes = atob(encoded)
  let crc = 0
  for (let i = 0; i < 4; i++) crc = crc * 256 + bytes.charCodeAt(i)
  return crc
}

/** A COMPOSITE checksum: the CRC32 over the parts' CRC32s in order, and the number of parts (`base64-N`). */
export const compositeCrc32 = (parts: ReadonlyArray<number>): string => {
  const bytes = new Uint8Array(4 * parts.length)
  const view = new DataView(bytes.buffer)
  for (const [index, crc] of parts.entries()) view.setUint32(4 * index, crc)
  return `${encodeCrc32(crc32(bytes))}-${parts.length}`
}

/** An ETag without its quotes and without the mark of a weak one (RFC 9110 §8.8.3); stores differ in both. */
export const normalizeEtag = (etag: string): string =>
  etag
    .trim()
    .replace(/^W\//, "")
    .replace(/^"(.*)"$/, "$1")

/**
 * The ETag of a completed multipart upload, from its parts' ETags in order: the MD5 over their MD5s, and
 * their number. Undefined when an ETag is no MD5 (SSE-KMS, opaque providers).
 */
export const predictEtag = (partEtags: ReadonlyArray<string>): string | undefined => {
  const hash = createHash("md5")
  if (partEtags.length === 0) return undefined
  for (const etag of partEtags.map(normalizeEtag)) {
    if (!/^[0-9a-f]{32}$/i.test(etag)) return undefined
    hash.update(etag, "hex")
  }
  return `${hash.digest("hex")}-${partEtags.length}`
}
