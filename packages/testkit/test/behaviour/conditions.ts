import {
  CopyObjectCommand,
  type CopyObjectCommandInput,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand
} from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import type { Suite } from "../s3-behaviour.ts"
import { begin, lastPart, md5Of, multipartETag, read, refused } from "./support.ts"

export function conditions({ store, facts }: Suite): void {
  describe("conditions", () => {
    it("PutObject with If-None-Match: * creates, and never replaces", async () => {
      const { s3, bucket: Bucket } = store()
      const put = (Body: string) => s3.send(new PutObjectCommand({ Bucket, Key: "once", Body, IfNoneMatch: "*" }))
      await put("first")
      await refused(put("second"), 412, "PreconditionFailed")
      expect(String(await read(s3, { Bucket, Key: "once" }))).toBe("first")
    })

    it("PutObject with If-Match replaces exactly that object", async () => {
      const { s3, bucket: Bucket } = store()
      const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key: "swap", Body: "old" }))
      const put = (Body: string) => s3.send(new PutObjectCommand({ Bucket, Key: "swap", Body, IfMatch: ETag }))
      await put("new")
      await refused(put("newer"), 412, "PreconditionFailed")
      expect(String(await read(s3, { Bucket, Key: "swap" }))).toBe("new")
      const absent = new PutObjectCommand({ Bucket, Key: "swap-absent", Body: "x", IfMatch: ETag })
      await refused(s3.send(absent), 404, "NoSuchKey")
    })

    it("Complete with If-None-Match: * never replaces, and leaves the upload open", async () => {
      const { s3, bucket: Bucket } = store()
      const upload = await begin(store(), "complete-once")
      const part = await upload.put(1, lastPart)
      await s3.send(new PutObjectCommand({ Bucket, Key: "complete-once", Body: "was first" }))
      await refused(upload.complete([part], { IfNoneMatch: "*" }), 412, "PreconditionFailed")
      expect(String(await read(s3, { Bucket, Key: "complete-once" }))).toBe("was first")
      expect((await upload.list()).Parts).toHaveLength(1)
      const replaced = await upload.complete([part], { IfMatch: `"${md5Of(Buffer.from("was first"))}"` })
      expect(replaced.ETag).toBe(multipartETag(lastPart))
    })

    it("Complete with If-None-Match: * creates", async () => {
      const upload = await begin(store(), "complete-created")
      await upload.complete([await upload.put(1, lastPart)], { IfNoneMatch: "*" })
      expect(await read(store().s3, { Bucket: store().bucket, Key: "complete-created" })).toEqual(lastPart)
    })

    it("a copy puts conditions on its source", async () => {
      const { s3, bucket: Bucket } = store()
      const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key: "copied", Body: "x" }))
      const past = new Date(Date.now() - 3_600_000)
      const copy = (condition: Partial<CopyObjectCommandInput>) =>
        s3.send(
          new CopyObjectCommand({ Bucket, Key: "conditional-copy", CopySource: `${Bucket}/copied`, ...condition })
        )
      await copy({ CopySourceIfMatch: ETag })
      await copy({ CopySourceIfNoneMatch: '"another"', CopySourceIfModifiedSince: past })
      await refused(copy({ CopySourceIfMatch: '"another"' }), 412, "PreconditionFailed")
      await refused(copy({ CopySourceIfNoneMatch: ETag }), 412, "PreconditionFailed")
      await refused(copy({ CopySourceIfUnmodifiedSince: past }), 412, "PreconditionFailed")
      const both = copy({ CopySourceIfMatch: ETag, CopySourceIfUnmodifiedSince: past })
      if (facts.dateBesideETag === "does not count") await both
      else await refused(both, 412, "PreconditionFailed")
    })

    it("reading takes If-Match and If-None-Match", async () => {
      const { s3, bucket: Bucket } = store()
      const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key: "read", Body: "x" }))
      await s3.send(new HeadObjectCommand({ Bucket, Key: "read", IfMatch: ETag }))
      const other = new GetObjectCommand({ Bucket, Key: "read", IfMatch: '"another"' })
      await refused(s3.send(other), 412, "PreconditionFailed")
      const unchanged = s3.send(new GetObjectCommand({ Bucket, Key: "read", IfNoneMatch: ETag }))
      await expect(unchanged).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } })
    })
  })
}
