import { describe, expect, it } from "vitest"
import { crc32 } from "../Checksum.ts"
import { slabSize } from "../Defaults.ts"
import type { SourceReader } from "../Source.ts"
import { fillPart } from "./fill-part.ts"
import { makeSlabPool } from "./slab-pool.ts"

const pattern = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff)

/** Gives `bytes` in pieces of `step` bytes at most. */
const readerOf = (bytes: Uint8Array, step: number, kind: SourceReader["_tag"]): SourceReader => {
  let at = 0
  const piece = (most: number): Uint8Array => {
    const from = at
    at = Math.min(bytes.length, at + most)
    return bytes.subarray(from, at)
  }
  if (kind === "Chunks") {
    return {
      _tag: "Chunks",
      rest: new Uint8Array(0),
      next: async () => (at === bytes.length ? { done: true } : { value: piece(step) })
    }
  }
  return {
    _tag: "Positional",
    read: async (into) => {
      const start = at
      for (const slice of into) slice.set(piece(Math.min(start + step - at, slice.length)))
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
    { size: 3 * slabSize + 17, step: 1_000, kind: "Chunks" as const },
    { size: 3 * slabSize + 17, step: slabSize + 1, kind: "Positional" as const },
    { size: slabSize, step: 7, kind: "Chunks" as const },
    { size: 1, step: 1, kind: "Positional" as const }
  ])("holds the source's bytes and their CRC32: %o", async ({ size, step, kind }) => {
    const bytes = pattern(size)
    const pool = makeSlabPool(8 * slabSize)
    const share = pool.join()
    const part = await fillPart(readerOf(bytes, step, kind), share, size, never)
    expect(part.size).toBe(size)
    expect(join(part.slices)).toEqual(bytes)
    expect(part.crc32).toBe(crc32(bytes))
    share.release(part.slabs)
    expect(pool.inUse()).toBe(0)
  })

  it("says that the source has ended and keeps no slab it does not need", async () => {
    const pool = makeSlabPool(8 * slabSize)
    const share = pool.join()
    const part = await fillPart(readerOf(pattern(10), 10, "Positional"), share, 8 * slabSize, never)
    expect(part).toMatchObject({ size: 10, ended: true })
    expect(pool.inUse()).toBe(slabSize)
  })

  it("takes slabs as bytes arrive from a source that is not there for the asking", async () => {
    const pool = makeSlabPool(8 * slabSize)
    const share = pool.join()
    let given = 0
    const source: SourceReader = {
      _tag: "Chunks",
      rest: new Uint8Array(0),
      next: async () => {
        expect(pool.inUse()).toBe(Math.ceil(given / slabSize) * slabSize)
        given += slabSize / 2
        return { value: new Uint8Array(slabSize / 2) }
      }
    }
    await fillPart(source, share, 3 * slabSize, never)
  })

  it("keeps what does not fit for the part that follows", async () => {
    const bytes = pattern(slabSize)
    const pool = makeSlabPool(8 * slabSize)
    const share = pool.join()
    const reader = readerOf(bytes, 1_000, "Chunks")
    const first = await fillPart(reader, share, 1_500, never)
    const second = await fillPart(reader, share, slabSize, never)
    expect(join([...first.slices, ...second.slices])).toEqual(bytes)
    expect(second.ended).toBe(true)
  })

  it("refuses what is not bytes, saying what it is", async () => {
    const text: SourceReader = JSON.parse('{"_tag":"Chunks","rest":""}')
    const reader = Object.assign(text, { rest: new Uint8Array(0), next: async () => ({ value: "text" }) })
    await expect(fillPart(reader, makeSlabPool(slabSize).join(), 10, never)).rejects.toThrow("string instead of bytes")
  })

  it("gives every slab back when the source fails", async () => {
    const pool = makeSlabPool(4 * slabSize)
    const share = pool.join()
    for (const failing of [
      { _tag: "Positional", read: () => Promise.reject(new Error("torn")) },
      { _tag: "Chunks", rest: new Uint8Array(5), next: () => Promise.reject(new Error("torn")) }
    ] satisfies ReadonlyArray<SourceReader>) {
      await expect(fillPart(failing, share, slabSize, never)).rejects.toThrow("torn")
      expect(pool.inUse()).toBe(0)
    }
  })

  it("gives up at once on a source that never gives, and leaves alone what comes later", async () => {
    const pool = makeSlabPool(slabSize)
    const share = pool.join()
    const controller = new AbortController()
    let give = (_: { value: Uint8Array }): void => {}
    const silent: SourceReader = {
      _tag: "Chunks",
      rest: new Uint8Array(8),
      next: () => new Promise((resolve) => (give = resolve))
    }
    const filling = fillPart(silent, share, slabSize, controller.signal)
    controller.abort()
    await expect(filling).rejects.toThrow("given up")
    expect(pool.inUse()).toBe(0)
    const [slab] = (await share.open(slabSize).take(1, never)) ?? []
    slab?.fill(7)
    give({ value: new Uint8Array(16).fill(1) })
    await Promise.resolve()
    expect(slab?.every((byte) => byte === 7)).toBe(true)
  })

  it("asks nothing of the source when it was given up before it began", async () => {
    const pool = makeSlabPool(slabSize)
    const share = pool.join()
    let asked = false
    const reader: SourceReader = {
      _tag: "Chunks",
      rest: new Uint8Array(0),
      next: () => {
        asked = true
        return Promise.reject(new Error("torn"))
      }
    }
    await expect(fillPart(reader, share, slabSize, AbortSignal.abort())).rejects.toThrow("given up")
    expect(asked).toBe(false)
    expect(pool.inUse()).toBe(0)
  })

  it("waits for a positional read before its slabs go back", async () => {
    const pool = makeSlabPool(slabSize)
    const share = pool.join()
    const controller = new AbortController()
    let end = (_: number): void => {}
    const reader: SourceReader = { _tag: "Positional", read: () => new Promise((resolve) => (end = resolve)) }
    const filling = fillPart(reader, share, slabSize, controller.signal)
    await Promise.resolve()
    await Promise.resolve()
    controller.abort()
    expect(pool.inUse()).toBe(slabSize)
    end(1)
    await expect(filling).rejects.toThrow("given up")
    expect(pool.inUse()).toBe(0)
  })
})
