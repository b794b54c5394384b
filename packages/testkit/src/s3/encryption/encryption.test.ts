import { createHash } from "node:crypto"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  S3Client,
  type S3ServiceException,
  UploadPartCommand,
  UploadPartCopyCommand
} from "@aws-sdk/client-s3"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { diskStore, type KmsKeyState, type S3Server, startS3 } from "../../index.ts"

const Bucket = "media"
const kmsKeys = new Map<string, KmsKeyState>([["main", "enabled"]])
let directory: string
let server: S3Server
let s3: S3Client

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-seal-"))
  const store = diskStore(directory)
  server = await startS3({ store, buckets: [Bucket, "closed"], allowInsecureSseC: true, kmsKeys })
  s3 = clientOf(server)
})

afterAll(async () => {
  s3.destroy()
  await server.close()
  await rm(directory, { recursive: true, force: true })
})

const clientOf = ({ endpoint, region, credentials }: S3Server) =>
  new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })

const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("base64")

const keyOf = (text: string) => {
  const key = Buffer.alloc(32, text)
  return { SSECustomerAlgorithm: "AES256", SSECustomerKey: key.toString("base64"), SSECustomerKeyMD5: md5(key) }
}
const right = keyOf("right")
const wrong = keyOf("wrong")

const asSource = ({ SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5 }: typeof right) => ({
  CopySourceSSECustomerAlgorithm: SSECustomerAlgorithm,
  CopySourceSSECustomerKey: SSECustomerKey,
  CopySourceSSECustomerKeyMD5: SSECustomerKeyMD5
})

async function refused(answer: Promise<unknown>, status: number, code?: string): Promise<void> {
  const error = await answer.then(
    () => undefined,
    (error: S3ServiceException) => error
  )
  expect([error?.$metadata.httpStatusCode, ...(code === undefined ? [] : [error?.name])]).toEqual(
    code === undefined ? [status] : [status, code]
  )
}

const put = (Key: string, more = {}) => s3.send(new PutObjectCommand({ Bucket, Key, Body: "sealed", ...more }))

describe("SSE-C", () => {
  it("opens for the key it was sealed with, and for no other", async () => {
    const stored = await put("mine", right)
    expect(stored).toMatchObject({ SSECustomerAlgorithm: "AES256", SSECustomerKeyMD5: right.SSECustomerKeyMD5 })
    expect(stored.ETag).not.toContain(createHash("md5").update("sealed").digest("hex"))
    const object = { Bucket, Key: "mine" }
    const got = await s3.send(new GetObjectCommand({ ...object, ...right }))
    expect(await got.Body?.transformToString()).toBe("sealed")
    expect(got).toMatchObject({ SSECustomerAlgorithm: "AES256", ETag: stored.ETag })
    await refused(s3.send(new GetObjectCommand({ ...object, ...wrong })), 403, "AccessDenied")
    await refused(s3.send(new GetObjectCommand(object)), 400, "InvalidRequest")
    await refused(s3.send(new HeadObjectCommand({ ...object, ...wrong })), 403)
    await refused(s3.send(new HeadObjectCommand(object)), 400)
    await put("plain")
    await refused(s3.send(new GetObjectCommand({ Bucket, Key: "plain", ...right })), 400, "InvalidRequest")
  })

  it("every part brings the key, and so does a Complete with checksums", async () => {
    const object = { Bucket, Key: "parts" }
    const { UploadId } = await s3.send(
      new CreateMultipartUploadCommand({ ...object, ChecksumAlgorithm: "CRC32", ...right })
    )
    const part = { ...object, UploadId, PartNumber: 1, Body: "sealed" }
    await refused(s3.send(new UploadPartCommand(part)), 400, "InvalidRequest")
    await refused(s3.send(new UploadPartCommand({ ...part, ...wrong })), 400, "InvalidRequest")
    const { ETag, ChecksumCRC32 } = await s3.send(new UploadPartCommand({ ...part, ...right }))
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag, ChecksumCRC32 }] }
    const complete = { ...object, UploadId, MultipartUpload }
    await refused(s3.send(new CompleteMultipartUploadCommand(complete)), 400, "InvalidRequest")
    await s3.send(new CompleteMultipartUploadCommand({ ...complete, ...right }))
    await refused(s3.send(new GetObjectCommand({ ...object, ...wrong })), 403, "AccessDenied")
    const got = await s3.send(new GetObjectCommand({ ...object, ...right }))
    expect(await got.Body?.transformToString()).toBe("sealed")
  })

  it("a copy needs the source's key, and is sealed as it asks itself", async () => {
    await put("source", right)
    const copy = { Bucket, Key: "copy", CopySource: `${Bucket}/source` }
    await refused(s3.send(new CopyObjectCommand(copy)), 400, "InvalidRequest")
    await refused(s3.send(new CopyObjectCommand({ ...copy, ...asSource(wrong) })), 403, "AccessDenied")
    await s3.send(new CopyObjectCommand({ ...copy, ...asSource(right) }))
    const open = await s3.send(new HeadObjectCommand({ Bucket, Key: "copy" }))
    expect(open.SSECustomerAlgorithm).toBeUndefined()
    expect(open.ETag).toBe(`"${createHash("md5").update("sealed").digest("hex")}"`)
    await s3.send(new CopyObjectCommand({ ...copy, ...asSource(right), ...wrong }))
    await s3.send(new HeadObjectCommand({ Bucket, Key: "copy", ...wrong }))
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: "k" }))
    const part = { Bucket, Key: "k", UploadId, PartNumber: 1, CopySource: `${Bucket}/source` }
    await refused(s3.send(new UploadPartCopyCommand({ ...part, ...asSource(wrong) })), 403, "AccessDenied")
    await s3.send(new UploadPartCopyCommand({ ...part, ...asSource(right) }))
  })

  it("no key is kept: neither on disk nor in the record of a request", async () => {
    await put("canary", right)
    const key = Buffer.from(right.SSECustomerKey, "base64")
    const md5Hex = createHash("md5").update(key).digest("hex")
    const canaries = [right.SSECustomerKey, key.toString("hex"), key.toString()]
    const files = await readdir(directory, { recursive: true, withFileTypes: true })
    const texts = await Promise.all(
      files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), "latin1"))
    )
    const kept = texts.join("\n")
    // The key's MD5 goes over the wire in answers too, but has no business on disk.
    for (const canary of [...canaries, right.SSECustomerKeyMD5, md5Hex]) expect(kept).not.toContain(canary)
    for (const canary of canaries) expect(JSON.stringify(server.requests)).not.toContain(canary)
  })

  it("is blocked where the bucket says so", async () => {
    const rule = { BlockedEncryptionTypes: { EncryptionType: ["SSE-C" as const] } }
    const ServerSideEncryptionConfiguration = { Rules: [rule] }
    await s3.send(new PutBucketEncryptionCommand({ Bucket: "closed", ServerSideEncryptionConfiguration }))
    const sealed = s3.send(new PutObjectCommand({ Bucket: "closed", Key: "k", Body: "x", ...right }))
    await refused(sealed, 403, "AccessDenied")
    await s3.send(new PutObjectCommand({ Bucket: "closed", Key: "k", Body: "x" }))
  })
})

describe("SSE-KMS", () => {
  const sealed = { ServerSideEncryption: "aws:kms", SSEKMSKeyId: "main" } as const

  it("the states of a key are those of KMS, at a write and at every read after it", async () => {
    await put("kms", sealed)
    const states: ReadonlyArray<[KmsKeyState, string]> = [
      ["disabled", "KMS.DisabledException"],
      ["pendingDeletion", "KMS.KMSInvalidStateException"]
    ]
    for (const [state, code] of states) {
      kmsKeys.set("main", state)
      await refused(put("kms-2", sealed), 400, code)
      await refused(s3.send(new GetObjectCommand({ Bucket, Key: "kms" })), 400, code)
      const copy = new CopyObjectCommand({ Bucket, Key: "kms-2", CopySource: `${Bucket}/kms` })
      await refused(s3.send(copy), 400, code)
    }
    kmsKeys.delete("main")
    await refused(put("kms-2", sealed), 400, "KMS.NotFoundException")
    kmsKeys.set("main", "enabled")
    await s3.send(new GetObjectCommand({ Bucket, Key: "kms" }))
  })

  it("a part under a key that was disabled meanwhile is refused", async () => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: "kms-parts", ...sealed }))
    kmsKeys.set("main", "disabled")
    const part = new UploadPartCommand({ Bucket, Key: "kms-parts", UploadId, PartNumber: 1, Body: "x" })
    await refused(s3.send(part), 400, "KMS.DisabledException")
    kmsKeys.set("main", "enabled")
    await s3.send(part)
  })

  it("the key is told by its ARN, the bucket key and DSSE as asked for; without a key it is the managed one", async () => {
    const arn = "arn:aws:kms:us-east-1:000000000000:key/"
    expect(await put("bucket-key", { ...sealed, BucketKeyEnabled: true })).toMatchObject({
      SSEKMSKeyId: `${arn}main`,
      BucketKeyEnabled: true
    })
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key: "bucket-key" }))).toMatchObject({
      BucketKeyEnabled: true
    })
    const dsse = { ServerSideEncryption: "aws:kms:dsse" } as const
    expect(await put("dsse", dsse)).toMatchObject({ ...dsse, SSEKMSKeyId: `${arn}aws/s3` })
    await refused(put("dsse", { ...dsse, BucketKeyEnabled: true }), 400, "InvalidArgument")
    const SSEKMSEncryptionContext = Buffer.from('{"team":"video"}').toString("base64")
    await put("context", { ...sealed, SSEKMSEncryptionContext })
    await refused(put("context", { ...sealed, SSEKMSEncryptionContext: "e30x" }), 400, "InvalidArgument")
  })

  it("a bucket's default key is given to writes that ask for nothing", async () => {
    const byDefault = { SSEAlgorithm: "aws:kms" as const, KMSMasterKeyID: "main" }
    const ServerSideEncryptionConfiguration = {
      Rules: [{ ApplyServerSideEncryptionByDefault: byDefault, BucketKeyEnabled: true }]
    }
    await s3.send(new PutBucketEncryptionCommand({ Bucket: "closed", ServerSideEncryptionConfiguration }))
    const stored = await s3.send(new PutObjectCommand({ Bucket: "closed", Key: "k", Body: "x" }))
    expect(stored).toMatchObject({ ServerSideEncryption: "aws:kms", BucketKeyEnabled: true })
    const own = await s3.send(
      new PutObjectCommand({ Bucket: "closed", Key: "k", Body: "x", ServerSideEncryption: "AES256" })
    )
    expect(own.ServerSideEncryption).toBe("AES256")
    expect(own.SSEKMSKeyId).toBeUndefined()
  })
})
