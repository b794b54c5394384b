import { createHash } from "node:crypto"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  combineCrc32,
  compositeCrc32,
  crc32,
  crc32OfSlices,
  decodeCrc32,
  encodeCrc32,
  normalizeEtag,
  predictEtag
} from "./Checksum.ts"
import { crc32Table } from "./internal/crc32-table.ts"

const ascii = (value: string): Uint8Array => new TextEncoder().encode(value)
const crc = fc.nat(0xffffffff)
const bytes = fc.uint8Array({ maxLength: 5_000 })

describe("CRC32", () => {
  const vectors: ReadonlyArray<readonly [string, number]> = [
    ["", 0],
    ["a", 0xe8b7be43],
    ["123456789", 0xcbf43926], // the check value of CRC-32/ISO-HDLC
    ["The quick brown fox jumps over the lazy dog", 0x414fa339]
  ]

  it.each([
    ["the runtime's", crc32],
    ["the table-driven one", crc32Table]
  ])("%s gives the published values", (_, compute) => {
    for (const [input, expected] of vectors) expect(compute(ascii(input))).toBe(expected)
  })

  it("is the same from the runtime and from the table, at every length and seed", () => {
    fc.assert(fc.property(bytes, crc, (input, seed) => crc32Table(input, seed) === crc32(input, seed)))
  })

  it("continues from a seed as if the bytes were in a row", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const whole = crc32(Buffer.concat([a, b]))
        expect(crc32(b, crc32(a))).toBe(whole)
        expect(crc32Table(b, crc32Table(a))).toBe(whole)
        expect(crc32OfSlices([a, b])).toBe(whole)
      })
    )
  })
})

describe("combined CRC32", () => {
  it("of parts is the CRC32 of the whole", () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 20 }), (parts) => {
        const combined = parts.reduce((sum, part) => combineCrc32(sum, crc32(part), part.length), 0)
        expect(combined).toBe(crc32(Buffer.concat(parts)))
      })
    )
  })

  it("does not depend on how the parts are grouped, up to the largest length a number holds", () => {
    // Both sides are equal for all CRCs only if the operator of B + C is the product of theirs: together
    // with the test above, which fixes the short ones, this fixes every length.
    const length = fc.nat(2 ** 52 - 1)
    fc.assert(
      fc.property(crc, crc, crc, length, length, (a, b, c, lengthB, lengthC) => {
        const left = combineCrc32(combineCrc32(a, b, lengthB), c, lengthC)
        expect(combineCrc32(a, combineCrc32(b, c, lengthC), lengthB + lengthC)).toBe(left)
      })
    )
  })

  it("with nothing before or behind changes nothing", () => {
    fc.assert(
      fc.property(crc, fc.nat(2 ** 52), (value, length) => {
        expect(combineCrc32(0, value, length)).toBe(value)
        expect(combineCrc32(value, 0, 0)).toBe(value)
      })
    )
  })
})

describe("CRC32 on the wire", () => {
  it("is base64 of four bytes, high byte first", () => {
    expect(encodeCrc32(0xcbf43926)).toBe("y/Q5Jg==")
    expect(encodeCrc32(0)).toBe("AAAAAA==")
  })

  it("decodes to what was encoded", () => {
    fc.assert(fc.property(crc, (value) => decodeCrc32(encodeCrc32(value)) === value))
  })

  it("is nothing when the text is no CRC32", () => {
    for (const text of ["", "AAAA", "AAAAAA", "AAAAAB==", "AAAAAA==-2", "AAAAAAA=", "not base64!", " AAAAAA=="]) {
      expect(decodeCrc32(text)).toBeUndefined()
    }
  })

  it("of a COMPOSITE object is the CRC32 of the parts' CRC32s, and their number", () => {
    const parts = [crc32(ascii("a")), crc32(ascii("b"))]
    const joined = Buffer.concat(parts.map((part) => Buffer.from(encodeCrc32(part), "base64")))
    expect(compositeCrc32(parts)).toBe(`${encodeCrc32(crc32(joined))}-2`)
  })
})

describe("the predicted ETag", () => {
  const md5 = (input: Uint8Array): Buffer => createHash("md5").update(input).digest()

  it("is the MD5 over the parts' binary MD5s, and their number", () => {
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 8 }), (parts) => {
        const digests = parts.map(md5)
        const expected = `${md5(Buffer.concat(digests)).toString("hex")}-${parts.length}`
        expect(predictEtag(digests.map((digest) => `"${digest.toString("hex")}"`))).toBe(expected)
        expect(predictEtag(digests.map((digest) => digest.toString("hex").toUpperCase()))).toBe(expected)
      })
    )
  })

  it("of one empty part is the one S3 documents by example", () => {
    expect(predictEtag(["d41d8cd98f00b204e9800998ecf8427e"])).toBe("59adb24ef3cdbe0297f05b395827453f-1")
  })

  it("is unknown where a part's ETag is no MD5, and where there is no part", () => {
    const good = "d41d8cd98f00b204e9800998ecf8427e"
    expect(predictEtag([good, "opaque"])).toBeUndefined()
    expect(predictEtag([`${good}-1`])).toBeUndefined()
    expect(predictEtag([])).toBeUndefined()
  })
})

it("an ETag is compared without quotes and without the mark of a weak one", () => {
  for (const etag of ["abc-2", '"abc-2"', 'W/"abc-2"', ' "abc-2" ']) expect(normalizeEtag(etag)).toBe("abc-2")
})
