import { crc32 } from "node:zlib"

/** A cyclic redundancy check in reflected form, initial value and final XOR all ones. */
export interface Crc {
  readonly bits: 32 | 64
  /** The reflected polynomial without its highest term. */
  readonly polynomial: bigint
  readonly hasher: () => { update(chunk: Uint8Array): void; value(): bigint }
}

export const crc32Ieee: Crc = {
  bits: 32,
  polynomial: 0xedb88320n,
  hasher: () => {
    let crc = 0
    return {
      update(chunk) {
        crc = crc32(chunk, crc)
      },
      value: () => BigInt(crc)
    }
  }
}

/** CRC-32C (Castagnoli), RFC 3720 appendix B.4. */
export const crc32c: Crc = tabled(32, 0x82f63b78n)

/** CRC-64/NVME, NVM Express NVM Command Set specification §5.2.1.3.4. */
export const crc64nvme: Crc = tabled(64, 0x9a6c9329ac4bc9b5n)

/** Byte-wise table look-up on two 32-bit halves: BigInt per byte would cost a hundred times more. */
function tabled(bits: 32 | 64, polynomial: bigint): Crc {
  const high = new Uint32Array(256)
  const low = new Uint32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let value = BigInt(byte)
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n
    high[byte] = Number(value >> 32n)
    low[byte] = Number(value & 0xffffffffn)
  }
  const ones = bits === 64 ? -1 : 0
  return {
    bits,
    polynomial,
    hasher: () => {
      let h = ones
      let l = -1
      return {
        update(chunk) {
          for (let i = 0; i < chunk.length; i++) {
            const index = (l ^ (chunk[i] ?? 0)) & 0xff
            l = ((l >>> 8) | (h << 24)) ^ (low[index] ?? 0)
            h = (h >>> 8) ^ (high[index] ?? 0)
          }
        },
        value: () => (BigInt((h ^ ones) >>> 0) << 32n) | BigInt(~l >>> 0)
      }
    }
  }
}

/**
 * The CRC of the parts' concatenation, from their CRCs and lengths alone: `crc(AB) = crc(A)·x^(8·|B|) + crc(B)`
 * in GF(2)[x] modulo the polynomial (the identity behind zlib's `crc32_combine`).
 */
export function combineCrc(crc: Crc, parts: Iterable<{ readonly value: bigint; readonly length: number }>): bigint {
  let whole = 0n
  let shift = 0n
  let shiftLength = -1
  for (const { value, length } of parts) {
    if (length !== shiftLength) {
      shift = power(crc, length)
      shiftLength = length
    }
    whole = multiply(crc, whole, shift) ^ value
  }
  return whole
}

/** x^(8·bytes), by square and multiply. In reflected form the highest bit is x⁰. */
function power(crc: Crc, bytes: number): bigint {
  const one = 1n << BigInt(crc.bits - 1)
  let result = one
  let square = one >> 8n
  for (let rest = BigInt(bytes); rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = multiply(crc, result, square)
    square = multiply(crc, square, square)
  }
  return result
}

function multiply(crc: Crc, a: bigint, b: bigint): bigint {
  let product = 0n
  let shifted = b
  for (let bit = 1n << BigInt(crc.bits - 1); bit > 0n; bit >>= 1n) {
    if (a & bit) product ^= shifted
    shifted = shifted & 1n ? (shifted >> 1n) ^ crc.polynomial : shifted >> 1n
  }
  return product
}
