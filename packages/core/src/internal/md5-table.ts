/**
 * MD5 where the runtime has none (RFC 1321): browsers know only digests that are safe against attackers. It is not,
 * and serves here what stores use it for, to find damage.
 *
 * @module
 */
import type { Hash } from "../platform/hash.ts"

const blockBytes = 64

/** The integer part of 2³² · |sin i|, i from 1 (RFC 1321 §3.4). */
const sines = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32))
/** Which word of a block each step takes, and how far it rotates (RFC 1321 §3.4). */
const words = Uint8Array.from(
  { length: 64 },
  (_, i) => (i < 16 ? i : i < 32 ? 5 * i + 1 : i < 48 ? 3 * i + 5 : 7 * i) % 16
)
const rotations = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
const shifts = Uint8Array.from({ length: 64 }, (_, i) => rotations[(i >> 4) * 4 + (i & 3)] ?? 0)

/** The state after one block of 64 bytes; `block` holds its words meanwhile. */
const compress = (state: Int32Array, block: Int32Array, bytes: DataView, at: number): void => {
  for (let i = 0; i < 16; i++) block[i] = bytes.getInt32(at + 4 * i, true)
  const a0 = state[0] ?? 0
  const b0 = state[1] ?? 0
  const c0 = state[2] ?? 0
  const d0 = state[3] ?? 0
  let a = a0
  let b = b0
  let c = c0
  let d = d0
  for (let i = 0; i < 64; i++) {
    const mixed = i < 16 ? (b & c) | (~b & d) : i < 32 ? (d & b) | (~d & c) : i < 48 ? b ^ c ^ d : c ^ (b | ~d)
    const sum = (a + mixed + (sines[i] ?? 0) + (block[words[i] ?? 0] ?? 0)) | 0
    const shift = shifts[i] ?? 0
    a = d
    d = c
    c = b
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0
  }
  state[0] = a0 + a
  state[1] = b0 + b
  state[2] = c0 + c
  state[3] = d0 + d
}

const hexBytes = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))

/** An MD5 that takes bytes as they come: a GiB in a few seconds. */
export const md5Table = (): Hash => {
  const block = new Int32Array(16)
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476)
  const rest = new Uint8Array(blockBytes)
  const restView = new DataView(rest.buffer)
  let length = 0

  const add = (bytes: Uint8Array): void => {
    let at = 0
    const open = length % blockBytes
    length += bytes.length
    if (open > 0) {
      at = Math.min(bytes.length, blockBytes - open)
      rest.set(bytes.subarray(0, at), open)
      if (open + at < blockBytes) return
      compress(state, block, restView, 0)
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (; at + blockBytes <= bytes.length; at += blockBytes) compress(state, block, view, at)
    rest.set(bytes.subarray(at))
  }

  return {
    update: (data: Uint8Array | string) => add(typeof data === "string" ? hexBytes(data) : data),
    digest: (encoding) => {
      const bits = length * 8
      // A one, zeros up to 8 bytes before a block's end, and the length in bits (RFC 1321 §3.1 and 3.2).
      const padding = new Uint8Array(((blockBytes + 55 - (length % blockBytes)) % blockBytes) + 9)
      const view = new DataView(padding.buffer)
      view.setUint8(0, 0x80)
      view.setUint32(padding.length - 8, bits % 2 ** 32, true)
      view.setUint32(padding.length - 4, Math.floor(bits / 2 ** 32), true)
      add(padding)
      const digest = new DataView(new ArrayBuffer(16))
      for (const [i, word] of state.entries()) digest.setInt32(4 * i, word, true)
      const bytes = Array.from({ length: 16 }, (_, i) => digest.getUint8(i))
      return encoding === "hex"
        ? bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")
        : btoa(String.fromCharCode(...bytes))
    }
  }
}
