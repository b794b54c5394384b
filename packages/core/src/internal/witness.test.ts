import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import { compositeCrc32, crc32, encodeCrc32, predictEtag } from "../Checksum.ts"
import { profiles } from "../Limits.ts"
import type { ObjectHead, StoredChecksum } from "../ObjectStore.ts"
import { createHash } from "../platform/hash.ts"
import { evidenceOf } from "./evidence.ts"
import { packagedChecksum } from "./packaged-checksum.ts"
import { makeWitness } from "./witness.ts"

const md5 = (bytes: Uint8Array): string => {
  const hash = createHash("md5")
  hash.update(bytes)
  return hash.digest("hex")
}

const headOf = (size: number, etag: string, checksum?: StoredChecksum): ObjectHead => ({
  key: "a",
  size,
  etag,
  checksum,
  versionId: undefined,
  lastModified: undefined,
  crc32: undefined,
  serverSideEncryption: undefined
})

/** Cuts at these places. */
const cut = (
  bytes: Uint8Array,
  places: ReadonlyArray<number>
): ReadonlyArray<{ offset: number; bytes: Uint8Array }> => {
  const at = [0, ...places.map((p) => p % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return at.slice(1).map((end, i) => ({ offset: at[i] ?? 0, bytes: bytes.subarray(at[i], end) }))
}

const packaged = await Effect.runPromise(Effect.all([packagedChecksum("CRC32C"), packagedChecksum("CRC64NVME")]))

/** Digests of an object that was put together from parts of these sizes, and its kind of digest. */
const kinds = {
  "full-object CRC32": (bytes: Uint8Array) =>
    headOf(bytes.length, "x", { algorithm: "CRC32", type: "FULL_OBJECT", value: encodeCrc32(crc32(bytes)) }),
  "composite CRC32": (bytes: Uint8Array, parts: ReadonlyArray<Uint8Array>) =>
    headOf(bytes.length, "x", {
      algorithm: "CRC32",
      type: "COMPOSITE",
      value: compositeCrc32(parts.map((p) => crc32(p)))
    }),
  "full-object CRC32C": (bytes: Uint8Array) =>
    headOf(bytes.length, "x", { algorithm: "CRC32C", type: "FULL_OBJECT", value: packaged[0].take([bytes]) }),
  "full-object CRC64NVME": (bytes: Uint8Array) =>
    headOf(bytes.length, "x", { algorithm: "CRC64NVME", type: "FULL_OBJECT", value: packaged[1].take([bytes]) })
}

const bytesOf = fc.uint8Array({ minLength: 0, maxLength: 3_000 })
const places = fc.array(fc.nat(5_000), { maxLength: 6 })

it.each(Object.entries(kinds))("a %s is recognised whatever the order, and one other bit is seen", (name, kind) => {
  fc.assert(
    fc.property(bytesOf, places, places, fc.nat(), fc.nat(), (bytes, parts, rows, seed, flipped) => {
      const pieces = cut(bytes, parts.slice(0, 3)).map((piece) => piece.bytes)
      const head = kind(bytes, pieces)
      const [evidence] = evidenceOf(
        head,
        profiles.aws,
        packaged.find(({ algorithm }) => algorithm === head.checksum?.algorithm)
      )
      if (evidence === undefined) throw new Error("no evidence")
      const sizes = evidence.parts === undefined ? undefined : pieces.map(({ length }) => length)
      const tell = (bytes: Uint8Array) => {
        const witness = makeWitness(evidence, bytes.length, sizes)
        const told = cut(bytes, rows).map((row) => ({ ...row, by: (row.offset * 7_919 + seed) % 101 }))
        for (const { offset, bytes } of told.toSorted((a, b) => a.by - b.by)) {
          const say = witness.from(offset)
          for (let at = 0; at < bytes.length; at += 700) {
            expect(witness.verdict()).toBe("unknown")
            say(bytes.subarray(at, at + 700))
          }
        }
        return witness.verdict()
      }
      expect(tell(bytes)).toBe("same")
      if (bytes.length === 0) return
      const other = bytes.slice()
      other[flipped % bytes.length] = (other[flipped % bytes.length] ?? 0) ^ 4
      expect(tell(other)).toBe("other")
    }),
    { numRuns: name.startsWith("full-object CRC6") ? 20 : 60 }
  )
})

it("bytes that were told twice count once, and bytes that are missing are no verdict", () => {
  const bytes = new Uint8Array(1_000).map((_, i) => i % 251)
  const [evidence] = evidenceOf(kinds["full-object CRC32"](bytes), profiles.aws)
  if (evidence === undefined) throw new Error("no evidence")
  const witness = makeWitness(evidence, bytes.length)
  witness.from(0)(bytes.subarray(0, 600))
  witness.from(0)(bytes.subarray(0, 600))
  witness.from(700)(bytes.subarray(700))
  expect(witness.verdict()).toBe("unknown")
  witness.from(600)(bytes.subarray(600, 700))
  expect(witness.verdict()).toBe("same")
})

it("an MD5, whole or over parts, is taken in order, and of bytes in another order nothing is said", () => {
  const bytes = new Uint8Array(1_000).map((_, i) => i % 251)
  const parts = [bytes.subarray(0, 400), bytes.subarray(400, 800), bytes.subarray(800)]
  for (const [etag, sizes] of [
    [md5(bytes), undefined],
    [predictEtag(parts.map(md5)) ?? "", parts.map(({ length }) => length)]
  ] as const) {
    const [evidence] = evidenceOf(headOf(bytes.length, etag), profiles.aws)
    if (evidence === undefined) throw new Error("no evidence")
    const inOrder = makeWitness(evidence, bytes.length, sizes)
    inOrder.from(0)(bytes)
    expect(inOrder.verdict()).toBe("same")
    const wrong = makeWitness(evidence, bytes.length, sizes)
    wrong.from(0)(bytes.toReversed())
    expect(wrong.verdict()).toBe("other")
    const backwards = makeWitness(evidence, bytes.length, sizes)
    backwards.from(500)(bytes.subarray(500))
    backwards.from(0)(bytes.subarray(0, 500))
    expect(backwards.verdict()).toBe("unknown")
  }
})
