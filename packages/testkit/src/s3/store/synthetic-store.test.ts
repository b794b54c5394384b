import { createHash } from "node:crypto"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { S3Store } from "./S3Store.ts"
import { locateSynthetic, syntheticBytes } from "./synthetic-bytes.ts"
import { syntheticStore } from "./synthetic-store.ts"

const seeds = fc.nat({ max: 2 ** 32 - 1 })
const offsets = fc.nat({ max: 48 * 1024 ** 4 })

async function write(store: S3Store, chunks: Iterable<Uint8Array>): Promise<string> {
  const writer = await store.writeBlob()
  for (const chunk of chunks) await writer.write(chunk)
  return writer.commit()
}

async function read(store: S3Store, blob: string, offset: number, length: number): Promise<Buffer> {
  const chunks: Array<Uint8Array> = []
  for await (const chunk of store.readBlob(blob, offset, length)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** A run of synthetic bytes in chunks of some size. */
function* chunksOf(seed: number, offset: number, length: number, size: number) {
  for (let at = 0; at < length; at += size) yield syntheticBytes(seed, offset + at, Math.min(size, length - at))
}

describe("syntheticBytes", () => {
  it("are the same wherever they are cut", () => {
    fc.assert(
      fc.property(seeds, offsets, fc.nat({ max: 99 }), fc.nat({ max: 99 }), (seed, offset, one, two) => {
        const whole = syntheticBytes(seed, offset, one + two)
        const parts = [syntheticBytes(seed, offset, one), syntheticBytes(seed, offset + one, two)]
        expect(Buffer.from(whole)).toEqual(Buffer.concat(parts))
      })
    )
  })

  it("say where they are from, from 127 bytes on", () => {
    fc.assert(
      fc.property(seeds, offsets, (seed, offset) => {
        expect(locateSynthetic(syntheticBytes(seed, offset, 127))).toEqual({ seed, offset })
      })
    )
    expect(locateSynthetic(Buffer.alloc(1000))).toBeUndefined()
    expect(locateSynthetic(syntheticBytes(1, 0, 63))).toBeUndefined()
  })

  it("differ from place to place and from seed to seed", () => {
    const digests = [0, 1, 2].flatMap((seed) =>
      [0, 64, 2 ** 38, 2 ** 38 + 64].map((offset) =>
        createHash("md5")
          .update(syntheticBytes(seed, offset, 4096))
          .digest("hex")
      )
    )
    expect(new Set(digests).size).toBe(12)
  })
})

describe("syntheticStore", () => {
  it.each([7, 16, 1000, 65_536])(
    "gives back a part from the middle of an object, sent in chunks of %d",
    async (size) => {
      const store = syntheticStore()
      const [offset, length] = [5 * 1024 ** 4 + 3, size < 16 ? 70_000 : 700_001]
      const blob = await write(store, chunksOf(9, offset, length, size))
      expect((await read(store, blob, 0, length)).equals(syntheticBytes(9, offset, length))).toBe(true)
      expect((await read(store, blob, 12_345, 678)).equals(syntheticBytes(9, offset + 12_345, 678))).toBe(true)
      await expect(read(store, blob, 1, length)).rejects.toThrow("shorter")
    }
  )

  it("gives back small bodies whatever they are", async () => {
    const store = syntheticStore()
    const bytes = Buffer.alloc(65_536, "not synthetic ")
    expect(await read(store, await write(store, [bytes]), 0, 65_536)).toEqual(bytes)
    expect(String(await read(store, await write(store, [Buffer.from("tiny")]), 1, 2))).toBe("in")
  })

  it("says of larger ones that it did not keep them, also if only the last byte is wrong", async () => {
    const store = syntheticStore()
    const almost = Buffer.from(syntheticBytes(1, 0, 100_000))
    almost[99_999] = (almost[99_999] ?? 0) ^ 1
    for (const bytes of [Buffer.alloc(100_000), almost]) {
      for (const chunks of [[bytes], [bytes.subarray(0, 70_000), bytes.subarray(70_000)]]) {
        const blob = await write(store, chunks)
        await expect(read(store, blob, 0, 10)).rejects.toThrow("were not kept")
      }
    }
  })
})
