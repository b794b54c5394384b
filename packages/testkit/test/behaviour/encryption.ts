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

  describe("SSE-KMS", () => {
    const sealed = { ServerSideEncryption: "aws:kms", SSEKMSKeyId: "sluice" } as const

    it("a put is echoed with its key, and its ETag is no MD5", async () => {
      const { s3, bucket: Bucket } = store()
      const put = await s3.send(new PutObjectCommand({ Bucket, Key: "kms", Body: lastPart, ...sealed }))
      expect(put.ServerSideEncryption).toBe("aws:kms")
      expect(put.SSEKMSKeyId).toMatch(/sluice$/)
      expect(put.ETag).not.toBe(`"${md5Of(lastPart)}"`)
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "kms" }))
      expect([head.ServerSideEncryption, head.SSEKMSKeyId, head.ETag]).toEqual(["aws:kms", put.SSEKMSKeyId, put.ETag])
      expect(await read(s3, { Bucket, Key: "kms" })).toEqual(lastPart)
    })

    it("a multipart upload is sealed from Create to HEAD", async () => {
      const { s3, bucket: Bucket } = store()
      const upload = await begin(store(), "kms-parts", sealed)
      const part = await upload.put(1, lastPart)
      expect(part.ServerSideEncryption).toBe("aws:kms")
      await upload.complete([part])
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "kms-parts" }))
      expect(head.SSEKMSKeyId).toMatch(/sluice$/)
      expect(await read(s3, { Bucket, Key: "kms-parts" })).toEqual(lastPart)
    })

    it(`a key that does not exist is ${facts.unknownKmsKey}`, async () => {
      const { s3, bucket: Bucket } = store()
      const unknown = { ...sealed, SSEKMSKeyId: "no-such-key" }
      const put = s3.send(new PutObjectCommand({ Bucket, Key: "kms-unknown", Body: "x", ...unknown }))
      const [status, code] = facts.unknownKmsKey.split(" ")
      await refused(put, Number(status), code ?? "")
      await refused(s3.send(new HeadObjectCommand({ Bucket, Key: "kms-unknown" })), 404, "NotFound")
    })

    it("a key without SSE-KMS is refused", async () => {
      const { s3, bucket: Bucket } = store()
      const put = s3.send(new PutObjectCommand({ Bucket, Key: "kms-stray", Body: "x", SSEKMSKeyId: "sluice" }))
      await refused(put, 400, "InvalidArgument")
    })
  })

  describe("SSE-C", () => {
    it("is refused over plain HTTP: the key would be read on the way", async () => {
      const { s3, bucket: Bucket } = store()
      const key = Buffer.alloc(32, "k")
      const put = new PutObjectCommand({
        ...{ Bucket, Key: "sse-c", Body: "x", SSECustomerAlgorithm: "AES256" },
        ...{ SSECustomerKey: key.toString("base64"), SSECustomerKeyMD5: md5Of(key, "base64") }
      })
      await refused(s3.send(put), 400, "InvalidRequest")
    })
  })
}

const isRequest = (request: unknown): request is { readonly headers: Record<string, string> } =>
  typeof request === "object" && request !== null && "headers" in request
