import { describe, expect, it } from "vitest"
import { crc32 } from "../Checksum.ts"
import { slabSize } from "../Defaults.ts"
import type { SourceReader } from "../Source.ts"
import { fillPart } from "./fill-part.ts"
import { makeSlabPool } from "./slab-pool.ts"

const pattern = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff)

/** Gives `bytes` in reads of `step` bytes at most. */
const readerOf = (bytes: Uint8Array, step: number, eager: boolean): SourceReader => {
  let at = 0
  return {
    eager,
    read: async (into) => {
      let left = Math.min(step, bytes.length - at)
      const start = at
      for (const slice of into) {
        const piece = bytes.subarray(at, at + Math.min(left, slice.length))
        slice.set(piece)
        at += piece.length
        left -= piece.length
      }
      return at - start
    }
  }
}

const join = (slices: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(slices.reduce((sum, slice) => sum + slice.length, 0))
  slices.reduce((at, slice) => {
    whole.set(slice, at)
    return at + slice.length
  }, 0)
  return whole
}

const never = new AbortController().signal

describe("filling a part", () => {
  it.each([
    { size: 3 * slabSize + 17, step: 1_000, eager: false },
    { size: 3 * slabSize + 17, step: slabSize + 1, eager: true },
    { size: slabSize, step: 7, eager: false },
    { size: 1, step: 1, eager: true }
  ])("holds the source's bytes and their CRC32: %o", async ({ size, step, eager }) => {
    const bytes = pattern(size)
    const pool = makeSlabPool(8 * slabSize)
    const part = await fillPart(readerOf(bytes, step, eager), pool, size, never)
    expect(part.size).toBe(size)
    expect(join(part.slices)).toEqual(bytes)
    expect(part.crc32).toBe(crc32(bytes))
    pool.release(part.slabs)
    expect(pool.inUse()).toBe(0)
  })

  it("says that the source has ended and keeps no slab it does not need", async () => {
    const pool = makeSlabPool(8 * slabSize)
    const part = await fillPart(readerOf(pattern(10), 10, true), pool, 8 * slabSize, never)
    expect(part).toMatchObject({ size: 10, ended: true })
    expect(pool.inUse()).toBe(slabSize)
  })

  it("takes slabs as bytes arrive from a source that is not there for the asking", async () => {
    const pool = makeSlabPool(8 * slabSize)
    const source = readerOf(pattern(slabSize), slabSize, false)
    let most = 0
    const watching: SourceReader = {
      eager: false,
      read: (into, signal) => {
        most = Math.max(most, pool.inUse())
        return source.read(into, signal)
      }
    }
    await fillPart(watching, pool, slabSize + 1, never)
    expect(most).toBe(2 * slabSize)
  })

  it("gives every slab back when the source fails or the fill is given up", async () => {
    const pool = makeSlabPool(4 * slabSize)
    const failing: SourceReader = { eager: false, read: () => Promise.reject(new Error("torn")) }
    await expect(fillPart(failing, pool, slabSize, never)).rejects.toThrow("torn")
    const controller = new AbortController()
    const endless: SourceReader = {
      eager: false,
      read: async () => {
        controller.abort()
        return 1
      }
    }
    await expect(fillPart(endless, pool, slabSize, controller.signal)).rejects.toThrow()
    expect(pool.inUse()).toBe(0)
  })
})
