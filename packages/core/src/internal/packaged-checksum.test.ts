import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { combineCrc32, crc32 } from "../Checksum.ts"
import { crcFromBase64, crcToBase64, crcToHex, makeCombine } from "./crc-combine.ts"
import { packagedChecksum } from "./packaged-checksum.ts"

/** Bit by bit, as the definition says. */
const byDefinition = (width: number, polynomial: bigint, bytes: Uint8Array): bigint => {
  const ones = (1n << BigInt(width)) - 1n
  let crc = ones
  for (const byte of bytes) {
    crc ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ polynomial : crc >> 1n
  }
  return crc ^ ones
}

const check = new TextEncoder().encode("123456789")

// Check values: Catalogue of parametrised CRC algorithms, CRC-32/ISCSI and CRC-64/NVME.
const kinds = [
  ["CRC32C", 32, 0x82f63b78n, 0xe3069283n],
  ["CRC64NVME", 64, 0x9a6c9329ac4bc9b5n, 0xae8b14860a799888n]
] as const

describe.each(kinds)("%s", (algorithm, width, polynomial, value) => {
  const kind = { width, polynomial }

  it.effect("has the check value of its catalogue", () =>
    Effect.gen(function* () {
      const checksum = yield* packagedChecksum(algorithm)
      assert.strictEqual(byDefinition(width, polynomial, check), value)
      assert.strictEqual(yield* checksum.of([check.subarray(0, 4), check.subarray(4)]), crcToBase64(kind, value))
    })
  )

  it.effect("is refused where its package is not installed, which is named", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(packagedChecksum(algorithm, () => Promise.resolve(undefined)))
      assert.match(error.message, /^InvalidRequest: .*npm install (@node-rs\/crc32|hash-wasm)/)
    })
  )

  it.effect("is what its definition says, and pieces combine to that of the whole", () =>
    Effect.gen(function* () {
      const checksum = yield* packagedChecksum(algorithm)
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), async (slices) => {
            const whole = crcToBase64(kind, byDefinition(width, polynomial, Buffer.concat(slices)))
            assert.strictEqual(await Effect.runPromise(checksum.of(slices)), whole)
            const pieces = []
            for (const slice of slices) {
              pieces.push({ checksum: await Effect.runPromise(checksum.of([slice])), size: slice.length })
            }
            assert.strictEqual(checksum.combined(pieces), whole)
          })
        )
      )
    })
  )

  it.effect("of many slabs is taken in turns, and is that of all", () =>
    Effect.gen(function* () {
      const checksum = yield* packagedChecksum(algorithm)
      const bytes = new Uint8Array(9 * 2 ** 20 + 3).map((_, i) => i * 7 + (i >> 11))
      const slabs = Array.from({ length: 37 }, (_, i) => bytes.subarray(i * 2 ** 18, (i + 1) * 2 ** 18))
      const halves = [bytes.subarray(0, 2 ** 22), bytes.subarray(2 ** 22)]
      const pieces = yield* Effect.forEach(halves, (half) =>
        Effect.map(checksum.of([half]), (checksum) => ({ checksum, size: half.length }))
      )
      assert.strictEqual(yield* checksum.of(slabs), checksum.combined(pieces))
    })
  )

  it.effect("over parts is taken of their checksums' bytes", () =>
    Effect.gen(function* () {
      const { composite } = yield* packagedChecksum(algorithm)
      const parts = [byDefinition(width, polynomial, check), 1n].map((crc) => crcToBase64(kind, crc))
      const bytes = Buffer.concat(parts.map((part) => Buffer.from(part, "base64")))
      assert.strictEqual(composite(parts), `${crcToBase64(kind, byDefinition(width, polynomial, bytes))}-2`)
    })
  )
})

it("combining CRC32s is one case of combining CRCs", () => {
  const combine = makeCombine({ width: 32, polynomial: 0xedb88320n })
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), fc.nat(), (a, b, far) => {
      const [x, y] = [crc32(a), crc32(b)]
      for (const length of [b.length, far, Number.MAX_SAFE_INTEGER]) {
        assert.strictEqual(combine(BigInt(x), BigInt(y), length), BigInt(combineCrc32(x, y, length)))
      }
    })
  )
})

it("a CRC is written as S3's headers have it, and read back", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (crc) => {
      const kind = { width: 64, polynomial: 1n } as const
      assert.strictEqual(crcFromBase64(crcToBase64(kind, crc)), crc)
      assert.strictEqual(Buffer.from(crcToBase64(kind, crc), "base64").toString("hex"), crcToHex(kind, crc))
    })
  )
})
