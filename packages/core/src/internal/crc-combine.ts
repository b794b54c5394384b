/**
 * CRCs of any width as big integers: what a longer message has, from those of its pieces. Pure.
 *
 * A CRC is linear: crc(AB) = crc(A) · x^(8·|B|) + crc(B), modulo its polynomial; the initial and final inversions
 * cancel out. Bits are reversed, as in all CRCs of S3.
 *
 * @module
 */

/** A reflected CRC with all bits inverted at the beginning and the end. */
export interface CrcKind {
  /** Bits. */
  readonly width: 32 | 64
  /** The polynomial, bits reversed. */
  readonly polynomial: bigint
}

/** CRC-32C (Castagnoli): RFC 9260, appendix A. */
export const crc32c: CrcKind = { width: 32, polynomial: 0x82f63b78n }
/** CRC-64/NVME: NVM Express NVM Command Set Specification 1.0, section 5.2.1.3.4. */
export const crc64nvme: CrcKind = { width: 64, polynomial: 0x9a6c9329ac4bc9b5n }

/** Product of two polynomials modulo a third. */
const multiply = ({ width, polynomial }: CrcKind, a: bigint, b: bigint): bigint => {
  let product = 0n
  let shifted = b
  for (let bit = 1n << BigInt(width - 1); bit !== 0n; bit >>= 1n) {
    if (a & bit) product ^= shifted
    shifted = shifted & 1n ? (shifted >> 1n) ^ polynomial : shifted >> 1n
  }
  return product
}

/** What appending `bytes` zero bytes multiplies a CRC by: x to the power of 8 × `bytes`, by squaring. */
const zeroBytes = (kind: CrcKind, bytes: number): bigint => {
  let result = 1n << BigInt(kind.width - 1) // x⁰
  let power = 1n << BigInt(kind.width - 9) // x⁸
  for (let left = bytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = multiply(kind, result, power)
    power = multiply(kind, power, power)
  }
  return result
}

/** `combine(a, b, length of B in bytes)` of one kind. Parts have one size, so the last operator is kept. */
export const makeCombine = (kind: CrcKind): ((a: bigint, b: bigint, lengthB: number) => bigint) => {
  let last = { length: 0, operator: zeroBytes(kind, 0) }
  return (a, b, lengthB) => {
    if (last.length !== lengthB) last = { length: lengthB, operator: zeroBytes(kind, lengthB) }
    return multiply(kind, a, last.operator) ^ b
  }
}

/** A CRC in hex, as long as it is wide. */
export const crcToHex = ({ width }: CrcKind, crc: bigint): string => crc.toString(16).padStart(width / 4, "0")

/** A CRC as S3's headers have it: base64 of its bytes, high byte first. */
export const crcToBase64 = (kind: CrcKind, crc: bigint): string =>
  btoa(crcToHex(kind, crc).replace(/../g, (byte) => String.fromCharCode(Number.parseInt(byte, 16))))

/** The CRC in such a header. */
export const crcFromBase64 = (base64: string): bigint => {
  let crc = 0n
  for (const character of atob(base64)) crc = (crc << 8n) | BigInt(character.charCodeAt(0))
  return crc
}
