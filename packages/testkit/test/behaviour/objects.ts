import {
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand
} from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import type { Suite } from "../s3-behaviour.ts"
import { md5Of, read, refused } from "./support.ts"

export function objects({ store, facts }: Suite): void {
  describe("objects", () => {
    it("an object is what was put, with the MD5 of its bytes as its ETag", async () => {
      const { s3, bucket: Bucket } = store()
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
      const ETag = `"${md5Of(bytes)}"`
      expect(await s3.send(new PutObjectCommand({ Bucket, Key: "bytes", Body: bytes }))).toMatchObject({ ETag })
      expect(await read(s3, { Bucket, Key: "bytes" })).toEqual(bytes)
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "bytes" }))
      expect(head).toMatchObject({ ETag, ContentLength: 256, AcceptRanges: "bytes" })
      expect(head.LastModified).toBeInstanceOf(Date)
    })

    it("a later put replaces the object", async () => {
      const { s3, bucket: Bucket } = store()
      await s3.send(new PutObjectCommand({ Bucket, Key: "twice", Body: "the first", Metadata: { version: "1" } }))
      await s3.send(new PutObjectCommand({ Bucket, Key: "twice", Body: "second" }))
      expect(String(await read(s3, { Bucket, Key: "twice" }))).toBe("second")
      expect((await s3.send(new HeadObjectCommand({ Bucket, Key: "twice" }))).Metadata).toEqual({})
    })

    it("an object of no bytes is an object", async () => {
      const { s3, bucket: Bucket } = store()
      await s3.send(new PutObjectCommand({ Bucket, Key: "empty", Body: new Uint8Array() }))
      expect(await read(s3, { Bucket, Key: "empty" })).toHaveLength(0)
      expect((await s3.send(new HeadObjectCommand({ Bucket, Key: "empty" }))).ContentLength).toBe(0)
    })

    it("every header of the object and its metadata come back", async () => {
      const { s3, bucket: Bucket } = store()
      const attributes = {
        ContentType: "text/markdown; charset=utf-8",
        CacheControl: "max-age=60",
        ContentDisposition: 'attachment; filename="a b.md"',
        ContentEncoding: "gzip",
        ContentLanguage: "de",
        Metadata: { "uploaded-at": "2026-11-21T10:00:00Z", plain: "two words" }
      }
      await s3.send(new PutObjectCommand({ Bucket, Key: "attributes", Body: "x", ...attributes }))
      expect(await s3.send(new HeadObjectCommand({ Bucket, Key: "attributes" }))).toMatchObject(attributes)
      expect(await s3.send(new GetObjectCommand({ Bucket, Key: "attributes" }))).toMatchObject(attributes)
    })

    it("metadata above 2 KB is refused", async () => {
      const { s3, bucket: Bucket } = store()
      const put = new PutObjectCommand({ Bucket, Key: "k", Body: "x", Metadata: { big: "x".repeat(2100) } })
      await refused(s3.send(put), 400, "MetadataTooLarge")
    })

    it("deleting is final, and deleting what is not there succeeds", async () => {
      const { s3, bucket: Bucket } = store()
      await s3.send(new PutObjectCommand({ Bucket, Key: "deleted", Body: "x" }))
      await s3.send(new DeleteObjectCommand({ Bucket, Key: "deleted" }))
      await refused(s3.send(new GetObjectCommand({ Bucket, Key: "deleted" })), 404, "NoSuchKey")
      await s3.send(new DeleteObjectCommand({ Bucket, Key: "deleted" }))
    })

    it("what is missing is named: the key, or the bucket", async () => {
      const { s3, bucket: Bucket } = store()
      const nowhere = { Bucket: "no-such-bucket-anywhere", Key: "k" }
      await refused(s3.send(new GetObjectCommand({ Bucket, Key: "no-such-key" })), 404, "NoSuchKey")
      await refused(s3.send(new HeadObjectCommand({ Bucket, Key: "no-such-key" })), 404, "NotFound")
      await refused(s3.send(new GetObjectCommand(nowhere)), 404, "NoSuchBucket")
      await refused(s3.send(new PutObjectCommand({ ...nowhere, Body: "x" })), 404, "NoSuchBucket")
      await refused(s3.send(new CreateMultipartUploadCommand(nowhere)), 404, "NoSuchBucket")
    })

    it.each(["with space", "plus+and%25", "ümlaut/日本", "quote's (1)!*~", "a&b=c?d#e;f,g:h@i$"])(
      "the key %j is taken literally",
      async (key) => {
        const { s3, bucket: Bucket } = store()
        const Key = `keys/${key}`
        await s3.send(new PutObjectCommand({ Bucket, Key, Body: key }))
        expect(String(await read(s3, { Bucket, Key }))).toBe(key)
      }
    )

    it.each(["a//b", "a/../b", "./a"])(`the path-like key %j is ${facts.pathLikeKeys}`, async (key) => {
      const { s3, bucket: Bucket } = store()
      const Key = `keys/${key}`
      const put = s3.send(new PutObjectCommand({ Bucket, Key, Body: key }))
      if (facts.pathLikeKeys === "refused")
        return expect(put).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } })
      await put
      expect(String(await read(s3, { Bucket, Key }))).toBe(key)
    })

    it("a key may have 1024 bytes and not one more", async () => {
      const { s3, bucket: Bucket } = store()
      const longest = `keys/${"0123456789abcde/".repeat(63)}0123456789z`
      expect(longest).toHaveLength(1024)
      await s3.send(new PutObjectCommand({ Bucket, Key: longest, Body: "x" }))
      await refused(s3.send(new PutObjectCommand({ Bucket, Key: `${longest}+`, Body: "x" })), 400, "KeyTooLongError")
    })

    it("a copy has the bytes and the metadata of its source", async () => {
      const { s3, bucket: Bucket } = store()
      await s3.send(new PutObjectCommand({ Bucket, Key: "source", Body: "copied", Metadata: { from: "source" } }))
      const copy = await s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/source` }))
      expect(copy.CopyObjectResult?.ETag).toBe(`"${md5Of(Buffer.from("copied"))}"`)
      expect(String(await read(s3, { Bucket, Key: "copy" }))).toBe("copied")
      expect((await s3.send(new HeadObjectCommand({ Bucket, Key: "copy" }))).Metadata).toEqual({ from: "source" })
    })
  })

  describe("copies", () => {
    it("may bring attributes of their own, onto themselves too", async () => {
      const { s3, bucket: Bucket } = store()
      await s3.send(new PutObjectCommand({ Bucket, Key: "renewed", Body: "x", Metadata: { old: "1" } }))
      const itself = { Bucket, Key: "renewed", CopySource: `${Bucket}/renewed` }
      await refused(s3.send(new CopyObjectCommand(itself)), 400, "InvalidRequest")
      const own = { MetadataDirective: "REPLACE", ContentType: "text/plain", Metadata: { new: "2" } } as const
      await s3.send(new CopyObjectCommand({ ...itself, ...own }))
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "renewed" }))
      expect(head).toMatchObject({ ContentType: "text/plain", Metadata: { new: "2" } })
      expect(String(await read(s3, { Bucket, Key: "renewed" }))).toBe("x")
    })

    it("of what is not there, or of nothing, are refused", async () => {
      const { s3, bucket: Bucket } = store()
      const copy = (CopySource: string) => s3.send(new CopyObjectCommand({ Bucket, Key: "copied", CopySource }))
      await refused(copy(`${Bucket}/no-such-source`), 404, "NoSuchKey")
      await refused(copy("no-such-bucket-anywhere/k"), 404, "NoSuchBucket")
      await refused(copy("nonsense"), 400, "InvalidArgument")
    })
  })

  describe("ranges", () => {
    it.each([
      ["bytes=0-4", "01234", "bytes 0-4/10"],
      ["bytes=9-9", "9", "bytes 9-9/10"],
      ["bytes=6-", "6789", "bytes 6-9/10"],
      ["bytes=-3", "789", "bytes 7-9/10"],
      ["bytes=-99", "0123456789", "bytes 0-9/10"],
      ["bytes=8-99", "89", "bytes 8-9/10"]
    ])("%s", async (Range, body, ContentRange) => {
      const { s3, bucket: Bucket } = store()
      await s3.send(new PutObjectCommand({ Bucket, Key: "digits", Body: "0123456789" }))
      const answer = await s3.send(new GetObjectCommand({ Bucket, Key: "digits", Range }))
      expect(answer).toMatchObject({ ContentRange, ContentLength: body.length, $metadata: { httpStatusCode: 206 } })
      expect(await answer.Body?.transformToString()).toBe(body)
    })

    it("a range that begins after the end is refused, and one that is no byte range is ignored", async () => {
      const { s3, bucket: Bucket } = store()
      await s3.send(new PutObjectCommand({ Bucket, Key: "digits", Body: "0123456789" }))
      await refused(s3.send(new GetObjectCommand({ Bucket, Key: "digits", Range: "bytes=10-" })), 416, "InvalidRange")
      expect(String(await read(s3, { Bucket, Key: "digits", Range: "lines=1" }))).toBe("0123456789")
    })
  })
}
