import { Readable } from "node:stream"
import { HeadObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import type { Suite } from "../s3-behaviour.ts"
import { begin, crc32Of, firstPart, lastPart, md5Of, read, refused, wholeObject } from "./support.ts"

const other = Buffer.from("other bytes")

export function checksums({ store, facts }: Suite): void {
  describe("checksums of a put", () => {
    it("the right CRC32 is kept with the object, a wrong one stores nothing", async () => {
      const { s3, bucket: Bucket } = store()
      const put = (Key: string, ChecksumCRC32: string) =>
        s3.send(new PutObjectCommand({ Bucket, Key, Body: lastPart, ChecksumCRC32 }))
      await put("crc", crc32Of(lastPart))
      expect(await s3.send(new HeadObjectCommand({ Bucket, Key: "crc", ChecksumMode: "ENABLED" }))).toMatchObject({
        ChecksumCRC32: crc32Of(lastPart),
        ChecksumType: "FULL_OBJECT"
      })
      await refused(put("crc-wrong", crc32Of(other)), 400, facts.checksumMismatch)
      await refused(s3.send(new HeadObjectCommand({ Bucket, Key: "crc-wrong" })), 404, "NotFound")
    })

    it("a wrong Content-MD5 is BadDigest, one that is no MD5 InvalidDigest, and neither stores anything", async () => {
      const { s3, bucket: Bucket } = store()
      const put = (Key: string, ContentMD5: string) =>
        s3.send(new PutObjectCommand({ Bucket, Key, Body: lastPart, ContentMD5 }))
      await put("md5", md5Of(lastPart, "base64"))
      await refused(put("md5-wrong", md5Of(other, "base64")), 400, "BadDigest")
      await refused(put("md5-wrong", "no digest"), 400, "InvalidDigest")
      await refused(s3.send(new HeadObjectCommand({ Bucket, Key: "md5-wrong" })), 404, "NotFound")
    })

    it("a body in aws-chunked framing with a trailing checksum is stored without its framing", async () => {
      const { bucket: Bucket, endpoint, region, credentials } = store()
      const sdk = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })
      const Body = Readable.from([firstPart, lastPart])
      const ContentLength = wholeObject.length
      await sdk.send(new PutObjectCommand({ Bucket, Key: "framed", Body, ContentLength, ChecksumAlgorithm: "CRC32" }))
      expect((await read(sdk, { Bucket, Key: "framed" })).equals(wholeObject)).toBe(true)
      const head = await sdk.send(new HeadObjectCommand({ Bucket, Key: "framed", ChecksumMode: "ENABLED" }))
      expect(head.ChecksumCRC32).toBe(crc32Of(wholeObject))
      expect(head.ContentEncoding ?? "").not.toContain("aws-chunked")
      sdk.destroy()
    })
  })

  const types = {
    FULL_OBJECT: crc32Of(wholeObject),
    // The checksum of the parts' checksums, and their number.
    COMPOSITE: `${crc32Of(...[firstPart, lastPart].map((part) => Buffer.from(crc32Of(part), "base64")))}-2`
  } as const

  describe.each(["FULL_OBJECT", "COMPOSITE"] as const)("CRC32 %s of a multipart upload", (ChecksumType) => {
    const declared = { ChecksumAlgorithm: "CRC32", ChecksumType } as const
    const whole = types[ChecksumType]
    const key = (name: string) => `${ChecksumType}/${name}`

    it("is echoed for every part, checked at Complete, and kept with the object", async () => {
      const { s3, bucket: Bucket } = store()
      const upload = await begin(store(), key("right"), declared)
      expect(upload.created).toMatchObject(declared)
      const first = await upload.put(1, firstPart, { ChecksumCRC32: crc32Of(firstPart) })
      const last = await upload.put(2, lastPart, { ChecksumCRC32: crc32Of(lastPart) })
      expect([first.ChecksumCRC32, last.ChecksumCRC32]).toEqual([crc32Of(firstPart), crc32Of(lastPart)])
      const listed = await upload.list()
      expect(listed).toMatchObject(declared)
      expect(listed.Parts?.map((part) => part.ChecksumCRC32)).toEqual([crc32Of(firstPart), crc32Of(lastPart)])
      const MpuObjectSize = wholeObject.length
      const completed = await upload.complete([first, last], { ChecksumCRC32: whole, ChecksumType, MpuObjectSize })
      expect(completed.ChecksumCRC32).toBe(whole)
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key: key("right"), ChecksumMode: "ENABLED" }))
      expect(head).toMatchObject({ ChecksumCRC32: whole, ChecksumType })
    })

    it("a part whose bytes do not match is refused and does not become a part", async () => {
      const upload = await begin(store(), key("wrong-part"), declared)
      await refused(upload.put(1, lastPart, { ChecksumCRC32: crc32Of(other) }), 400, facts.checksumMismatch)
      expect((await upload.list()).Parts ?? []).toEqual([])
    })

    it("a Complete whose checksum is not the object's is refused, and so is one with another part's checksum", async () => {
      const { s3, bucket: Bucket } = store()
      const upload = await begin(store(), key("wrong-whole"), declared)
      const first = await upload.put(1, firstPart, { ChecksumCRC32: crc32Of(firstPart) })
      const last = await upload.put(2, lastPart, { ChecksumCRC32: crc32Of(lastPart) })
      const wrong = ChecksumType === "COMPOSITE" ? `${crc32Of(other)}-2` : crc32Of(other)
      const complete = upload.complete([first, last], { ChecksumCRC32: wrong, ChecksumType })
      await refused(complete, 400, facts.checksumMismatch)
      const swapped = { ...last, ChecksumCRC32: crc32Of(other) }
      await refused(upload.complete([first, swapped], { ChecksumType }), 400, "InvalidPart")
      await refused(s3.send(new HeadObjectCommand({ Bucket, Key: key("wrong-whole") })), 404, "NotFound")
      await upload.complete([first, last], { ChecksumCRC32: whole, ChecksumType })
    })

    it("a part with another algorithm than the upload's is refused", async () => {
      const upload = await begin(store(), key("other-algorithm"), declared)
      const part = upload.put(1, lastPart, { ChecksumSHA1: Buffer.alloc(20).toString("base64") })
      await expect(part).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } })
    })
  })

  describe("checksums of a multipart upload", () => {
    it("a part with a wrong Content-MD5 is BadDigest", async () => {
      const upload = await begin(store(), "part-md5")
      await upload.put(1, lastPart, { ContentMD5: md5Of(lastPart, "base64") })
      await refused(upload.put(1, lastPart, { ContentMD5: md5Of(other, "base64") }), 400, "BadDigest")
    })

    it("SHA-1 has no FULL_OBJECT form, and a type without an algorithm means nothing: both are refused", async () => {
      const impossible = begin(store(), "sha1", { ChecksumAlgorithm: "SHA1", ChecksumType: "FULL_OBJECT" })
      await expect(impossible).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } })
      const alone = begin(store(), "type-alone", { ChecksumType: "FULL_OBJECT" })
      await expect(alone).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } })
    })
  })
}
