import { describe, expect, it } from "@effect/vitest"
import { completeBody } from "./complete-body.ts"

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

describe("the body of Complete", () => {
  it("names each part with its ETag, and its CRC32 where the store takes one", () => {
    const parts = [
      { partNumber: 1, etag: "abc", crc32: 0 },
      { partNumber: 2, etag: "def-2", crc32: 0xffffffff }
    ]
    expect(text(completeBody(parts, "ChecksumCRC32"))).toBe(
      '<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
        '<Part><PartNumber>1</PartNumber><ETag>"abc"</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>' +
        '<Part><PartNumber>2</PartNumber><ETag>"def-2"</ETag><ChecksumCRC32>/////w==</ChecksumCRC32></Part>' +
        "</CompleteMultipartUpload>"
    )
    expect(text(completeBody(parts, undefined))).not.toContain("Checksum")
  })

  it("gives another checksum in the place of the CRC32", () => {
    const body = text(completeBody([{ partNumber: 1, etag: "a", crc32: 1, checksum: "sum=" }], "ChecksumCRC64NVME"))
    expect(body).toContain("<ChecksumCRC64NVME>sum=</ChecksumCRC64NVME>")
  })

  it("is a document whatever the store's ETag is", () => {
    expect(text(completeBody([{ partNumber: 1, etag: "<&>", crc32: 1 }], undefined))).toContain('"&lt;&amp;&gt;"')
  })
})
