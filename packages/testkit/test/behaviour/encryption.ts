import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, type ServerSideEncryption } from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import type { Suite } from "../s3-behaviour.ts"
import { begin, lastPart, md5Of, read, refused } from "./support.ts"

const encrypted: { readonly ServerSideEncryption: ServerSideEncryption } = { ServerSideEncryption: "AES256" }

export function encryption({ store, facts }: Suite): void {
  describe("SSE-S3", () => {
    it("a put is echoed, and read back in clear with the MD5 of its bytes as its ETag", async () => {
      const { s3, bucket: Bucket } = store()
      const put = await s3.send(new PutObjectCommand({ Bucket, Key: "sealed", Body: lastPart, ...encrypted }))
      expect(put).toMatchObject({ ...encrypted, ETag: `"${md5Of(lastPart)}"` })
      expect(await s3.send(new HeadObjectCommand({ Bucket, Key: "sealed" }))).toMatchObject(encrypted)
      expect(await s3.send(new GetObjectCommand({ Bucket, Key: "sealed" }))).toMatchObject(encrypted)
      expect(await read(s3, { Bucket, Key: "sealed" })).toEqual(lastPart)
    })

    it(`a multipart upload is echoed from ${facts.encryptionEcho} on`, async () => {
      const { s3, bucket: Bucket } = store()
      const upload = await begin(store(), "sealed-parts", encrypted)
      const atCreate = facts.encryptionEcho === "CreateMultipartUpload" ? "AES256" : undefined
      expect(upload.created.ServerSideEncryption).toBe(atCreate)
      const part = await upload.put(1, lastPart)
      expect(part).toMatchObject({ ...encrypted, ETag: `"${md5Of(lastPart)}"` })
      await upload.complete([part])
      expect(await s3.send(new HeadObjectCommand({ Bucket, Key: "sealed-parts" }))).toMatchObject(encrypted)
      expect(await read(s3, { Bucket, Key: "sealed-parts" })).toEqual(lastPart)
    })

    it("an algorithm that does not exist is refused", async () => {
      const { s3, bucket: Bucket } = store()
      const put = new PutObjectCommand({ Bucket, Key: "aes257", Body: "x" })
      put.middlewareStack.add(
        (next) => (call) => {
          if (isRequest(call.request)) call.request.headers["x-amz-server-side-encryption"] = "AES257"
          return next(call)
        },
        { step: "build" }
      )
      await refused(s3.send(put), 400, facts.unknownEncryption)
    })
  })
}

const isRequest = (request: unknown): request is { readonly headers: Record<string, string> } =>
  typeof request === "object" && request !== null && "headers" in request
