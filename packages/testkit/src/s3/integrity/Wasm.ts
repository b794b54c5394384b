import { createCRC64, createXXHash3, createXXHash64, createXXHash128 } from "hash-wasm"
import type { Hasher } from "./Checksum.ts"

/** One instance of WebAssembly an algorithm; what streams side by side have in it is saved after each chunk. */
const [xxhash64, xxhash3, xxhash128, crc64] = await Promise.all([
  createXXHash64(),
  createXXHash3(),
  createXXHash128(),
  createCRC64("9a6c9329ac4bc9b5")
])

const shared = (engine: typeof xxhash64) => (): Hasher => {
  let state = engine.init().save()
  return {
    update: (chunk) => {
      state = engine.load(state).update(chunk).save()
    },
    digest: () => Buffer.from(engine.load(state).digest("binary"))
  }
}

/** Seed 0 and big-endian, XXH3 of 64 bits: the canonical representation of the xxHash specification. */
export const xxhash = { XXHASH64: shared(xxhash64), XXHASH3: shared(xxhash3), XXHASH128: shared(xxhash128) }

/** CRC-64/NVME, several times as fast as a table in JavaScript. */
export const crc64nvmeHasher = shared(crc64)
