import { createHash } from "node:crypto"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type ChecksumAlgorithm, checksumAlgorithm, checksums, objectChecksum } from "./Checksum.ts"

const valueOf = (algorithm: ChecksumAlgorithm, ...chunks: ReadonlyArray<Uint8Array>): string => {
  const hasher = checksums[algorithm].hasher()
  for (const chunk of chunks) hasher.update(chunk)
  return hasher.digest().toString("base64")
}

describe("checksums", () => {
  // The catalogue's check values, each the checksum of "123456789".
  it.each([
    ["CRC32", "cbf43926"],
    ["CRC32C", "e3069283"],
    ["CRC64NVME", "ae8b14860a799888"],
    ["SHA1", createHash("sha1").update("123456789").digest("hex")],
    ["SHA256", createHash("sha256").update("123456789").digest("hex")],
    ["SHA512", createHash("sha512").update("123456789").digest("hex")],
    ["MD5", "25f9e794323b453885f5181f1b624d0b"],
    ["XXHASH64", "8cb841db40e6ae83"],
    ["XXHASH3", "72dcb18b67a17dff"],
    ["XXHASH128", "33119477ede5dcd5e9716427681d5860"]
  ] as const)("%s gives its check value, big-endian", (algorithm, check) => {
    expect(Buffer.from(valueOf(algorithm, Buffer.from("1234"), Buffer.from("56789")), "base64").toString("hex")).toBe(
      check
    )
  })

  it.each(["CRC32", "CRC32C", "CRC64NVME"] as const)("%s of the whole follows from its parts", (algorithm) => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 8 }), (parts) => {
        const combined = objectChecksum(
          algorithm,
          "FULL_OBJECT",
          parts.map((part) => ({ value: valueOf(algorithm, part), size: part.length }))
        )
        expect(combined).toBe(valueOf(algorithm, ...parts))
      })
    )
  })

  // Of nothing, by the test vectors of the xxHash reference implementation.
  it.each([
    ["XXHASH64", "ef46db3751d8e999"],
    ["XXHASH3", "2d06800538d394c2"],
    ["XXHASH128", "99aa06d3014798d86001c324468d497f"]
  ] as const)("%s of streams that interleave is that of each", (algorithm, empty) => {
    const [one, two, none] = [1, 2, 3].map(() => checksums[algorithm].hasher())
    one?.update(Buffer.alloc(300, "a"))
    two?.update(Buffer.alloc(5, "b"))
    one?.update(Buffer.alloc(300, "a"))
    expect(one?.digest().toString("base64")).toBe(valueOf(algorithm, Buffer.alloc(600, "a")))
    expect(two?.digest().toString("base64")).toBe(valueOf(algorithm, Buffer.alloc(5, "b")))
    expect(none?.digest().toString("hex")).toBe(empty)
  })

  it("an algorithm goes by its name in any case; one that is none is refused", () => {
    expect(checksumAlgorithm("crc64nvme")).toBe("CRC64NVME")
    expect(checksumAlgorithm(undefined)).toBeUndefined()
    expect(checksumAlgorithm("xxhash3")).toBe("XXHASH3")
    expect(() => checksumAlgorithm("CRC16")).toThrow(expect.objectContaining({ code: "InvalidRequest" }))
  })

  it("a composite is the checksum of the parts' checksums and their number", () => {
    const parts = [Buffer.from("one"), Buffer.from("two")]
    const digests = parts.map((part) => createHash("sha256").update(part).digest())
    const expected = createHash("sha256").update(Buffer.concat(digests)).digest("base64")
    const listed = parts.map((part) => ({ value: valueOf("SHA256", part), size: part.length }))
    expect(objectChecksum("SHA256", "COMPOSITE", listed)).toBe(`${expected}-2`)
  })
})
