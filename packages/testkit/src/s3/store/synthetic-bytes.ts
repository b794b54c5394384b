/** Where a run of synthetic bytes comes from. */
export interface SyntheticPlace {
  /** 0 to 2³² - 1. */
  readonly seed: number
  /** Of its first byte in the endless sequence of that seed. */
  readonly offset: number
}

/**
 * The sequence is cut into blocks of 64 bytes. Four words of each tell the block's number and the seed, mixed so that
 * they look random and can be unmixed, and the others follow from them: any 127 bytes say where they are from.
 */
const BLOCK_BYTES = 64
const BLOCK_WORDS = BLOCK_BYTES / 4
const WORD = 2 ** 32

/** What `locateSynthetic` needs to find a whole block at any alignment. */
export const LOCATABLE_BYTES = 2 * BLOCK_BYTES - 1

/**
 * Bytes `[offset, offset + length)` of the endless sequence that `seed` (0 to 2³² - 1) stands for. A `syntheticStore`
 * knows them again without keeping them, so an object of any size can be uploaded and read back in no memory.
 *
 * @example
 * const part = syntheticBytes(7, 5 * 1024 ** 4, 64 * 1024) // 64 KiB of what lies beyond 5 TiB
 */
export function syntheticBytes(seed: number, offset: number, length: number): Uint8Array {
  const first = Math.floor(offset / BLOCK_BYTES)
  const skipped = offset - first * BLOCK_BYTES
  const words = new Uint32Array(Math.ceil((skipped + length) / BLOCK_BYTES) * BLOCK_WORDS)
  for (let at = 0, block = first; at < words.length; at += BLOCK_WORDS, block++) {
    const a = mix(block ^ SALT)
    const b = mix(Math.floor(block / WORD) ^ a)
    const c = mix(seed ^ b)
    words[at] = a
    words[at + 1] = b
    words[at + 2] = c
    const step = mix(a ^ c)
    let word = step
    for (let next = at + 3; next < at + BLOCK_WORDS; next++) {
      words[next] = word
      word = (word + step) | 0
    }
  }
  return new Uint8Array(words.buffer, skipped, length)
}

/** Where bytes are from, by their first 127; `undefined` if they are no synthetic bytes or too few. */
export function locateSynthetic(bytes: Uint8Array): SyntheticPlace | undefined {
  for (let skipped = 0; skipped < BLOCK_BYTES; skipped++) {
    if (skipped + BLOCK_BYTES > bytes.length) return undefined
    const [a = 0, b = 0, c = 0] = new Uint32Array(new Uint8Array(bytes.subarray(skipped, skipped + BLOCK_BYTES)).buffer)
    const seed = (unmix(c) ^ b) >>> 0
    const block = ((unmix(b) ^ a) >>> 0) * WORD + ((unmix(a) ^ SALT) >>> 0)
    const offset = block * BLOCK_BYTES - skipped
    if (!Number.isSafeInteger(offset) || offset < 0) continue
    if (isSynthetic({ seed, offset }, bytes)) return { seed, offset }
  }
  return undefined
}

/** Whether the bytes are those of the sequence at this place. */
export const isSynthetic = ({ seed, offset }: SyntheticPlace, bytes: Uint8Array): boolean =>
  Buffer.compare(bytes, syntheticBytes(seed, offset, bytes.length)) === 0

const SALT = 0x5eed5eed
const M1 = 0x7feb352d
const M2 = 0x846ca68b

/** A bijection of 32-bit words: odd multipliers can be inverted, and a shift by 16 undoes itself. */
function mix(word: number): number {
  let x = Math.imul(word, M1)
  x = Math.imul(x ^ (x >>> 16), M2)
  return x ^ (x >>> 16)
}

function unmix(word: number): number {
  let x = Math.imul(word ^ (word >>> 16), inverse(M2))
  x = x ^ (x >>> 16)
  return Math.imul(x, inverse(M1))
}

/** The inverse modulo 2³² of an odd number, by Newton: each step doubles the bits that are right. */
function inverse(odd: number): number {
  let x = odd
  for (let step = 0; step < 4; step++) x = Math.imul(x, 2 - Math.imul(odd, x))
  return x
}
