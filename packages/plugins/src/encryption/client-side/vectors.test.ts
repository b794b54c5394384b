import { createDecipheriv, createHash, hkdfSync } from "node:crypto"
import { readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import type { ReadableBytes } from "@sluice/core/Plugin"
import * as Effect from "effect/Effect"
import { makeDataKey } from "./DataKey.ts"
import { sealedParts } from "./Format.ts"
import { decodeHeader } from "./Header.ts"
import { localKeys } from "./Keys.ts"
import { openSealed } from "./open-sealed.ts"
import { sealPart } from "./seal-part.ts"

interface Vector {
  readonly name: string
  readonly wrappingKey: string
  readonly dataKey: string
  readonly header: string
  /** Plain byte i is (i * 7 + 3) mod 256. */
  readonly size: number
  readonly salts: ReadonlyArray<string>
  readonly sealed?: string
  readonly sealedSha256: string
}

const vectors: ReadonlyArray<Vector> = JSON.parse(
  readFileSync(new URL("../../../../../docs/formats/sealed-1.json", import.meta.url), "utf8")
)

const hex = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, "hex"))
const period = Uint8Array.from({ length: 256 }, (_, i) => i * 7 + 3)
const plainOf = (size: number): Uint8Array => Buffer.alloc(size, period)
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

const stored = (bytes: Uint8Array): ReadableBytes => ({
  size: bytes.length,
  open: async function* (offset, length = bytes.length) {
    yield bytes.subarray(offset, offset + length)
  }
})

const readAll = async (bytes: ReadableBytes): Promise<Buffer> => {
  const chunks: Array<Uint8Array> = []
  for await (const chunk of bytes.open(0)) chunks.push(chunk.slice())
  return Buffer.concat(chunks)
}

/** The sealed object, from the vector's key and salts. */
const seal = async ({ dataKey, header, salts, size }: Vector): Promise<Uint8Array> => {
  const key = await makeDataKey(hex(dataKey))
  const plain = plainOf(size)
  const layout = decodeHeader(header)?.layout
  const partSize = layout?._tag === "Uniform" ? layout.partSize : size
  const parts = salts.map((salt, i) => {
    const bytes = plain.subarray(i * partSize, (i + 1) * partSize)
    const last = i === salts.length - 1
    return sealPart(key, hex(salt), { partNumber: i + 1, offset: i * partSize, bytes, last })
  })
  return Buffer.concat((await Promise.all(parts)).flat())
}

/** The format as its page says it, by other means and in another order. */
const openByThePage = (sealed: Uint8Array, dataKey: Uint8Array, partSize: number, size: number): Buffer => {
  const MiB = 1024 * 1024
  const parts = Math.max(1, Math.ceil(size / partSize))
  const plain: Array<Buffer> = []
  let at = 0
  const take = (length: number): Uint8Array => {
    at += length
    return sealed.subarray(at - length, at)
  }
  for (let part = 1; part <= parts; part++) {
    const inPart = Math.min(partSize, size - (part - 1) * partSize)
    const info = Buffer.concat([Buffer.from("sluice sealed 1 part"), u32(part)])
    const key = Buffer.from(hkdfSync("sha256", dataKey, take(16), info, 32))
    const chunks = Math.max(1, Math.ceil(inPart / MiB))
    for (let chunk = 0; chunk < chunks; chunk++) {
      const lastOfPart = chunk === chunks - 1
      const lastOfAll = lastOfPart && part === parts
      const decipher = createDecipheriv("aes-256-gcm", key, Buffer.concat([Buffer.alloc(8), u32(chunk)]))
      decipher.setAAD(
        Buffer.concat([
          Buffer.from("sluice sealed 1 chunk"),
          u32(part),
          u32(chunk),
          Buffer.from([lastOfAll ? 2 : lastOfPart ? 1 : 0]),
          ...(lastOfAll ? [u32(parts), u64(size)] : [])
        ])
      )
      const bytes = take(Math.min(MiB, inPart - chunk * MiB))
      decipher.setAuthTag(take(16))
      plain.push(decipher.update(bytes), decipher.final())
    }
  }
  expect(at).toBe(sealed.length)
  return Buffer.concat(plain)
}

describe("the published vectors", () => {
  it.each(vectors)("$name: sealing gives these bytes", async (vector) => {
    const sealed = await seal(vector)
    expect(sha256(sealed)).toBe(vector.sealedSha256)
    if (vector.sealed !== undefined) expect(Buffer.from(sealed).toString("hex")).toBe(vector.sealed)
  })

  it.effect.each(vectors)("$name: the header opens to the data key, and the bytes to what they were", (vector) =>
    Effect.gen(function* () {
      const header = decodeHeader(vector.header)
      if (header === undefined) return expect.fail("a header")
      const keys = yield* localKeys({ id: header.keyId, secret: hex(vector.wrappingKey) })
      const bytes = yield* keys.unwrap(header.keyId, header.wrapped)
      expect(Buffer.from(bytes).toString("hex")).toBe(vector.dataKey)
      const key = yield* Effect.promise(() => makeDataKey(bytes))
      expect(key.commitment).toEqual(header.commitment)
      const sealed = yield* Effect.promise(() => seal(vector))
      const parts = sealedParts(header.layout, sealed.length)
      if (parts === undefined) return expect.fail("the parts of a sealed object")
      const plain = yield* Effect.promise(() => readAll(openSealed(key, parts, stored(sealed))))
      expect(sha256(plain)).toBe(sha256(plainOf(vector.size)))
    })
  )

  it.each(vectors)("$name: docs/formats/sealed-1.md alone is enough to read it", async (vector) => {
    const layout = decodeHeader(vector.header)?.layout
    const partSize = layout?._tag === "Uniform" ? layout.partSize : Math.max(1, vector.size)
    const plain = openByThePage(await seal(vector), hex(vector.dataKey), partSize, vector.size)
    expect(sha256(plain)).toBe(sha256(plainOf(vector.size)))
  })
})
