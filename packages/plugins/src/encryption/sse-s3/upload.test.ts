import { HeadObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { createSluice, isUploadError, s3, type UploadError } from "@sluice/core/promise"
import { minIOSuite, recordingProxy, startMinIO, startS3 } from "@sluice/testkit"
import { describe, expect, it } from "vitest"
import { sseS3 } from "./index.ts"

type Store = Parameters<typeof s3>[0]

const sizes = { "an empty object": 0, "one PUT": 1_000, "three parts": 12 * 2 ** 20 }
const body = (size: number): Uint8Array => new Uint8Array(size).fill(5)

const encrypted = (store: Store) =>
  createSluice({ store: s3(store), plugins: [sseS3()], partSize: 5 * 2 ** 20, multipartThreshold: 5 * 2 ** 20 })

const refusalOf = async (store: Store, size: number): Promise<UploadError> => {
  await using sluice = encrypted(store)
  const cause = await sluice
    .upload({ key: "a.bin", body: body(size) })
    .done()
    .then(undefined, (cause: unknown) => cause)
  if (!isUploadError(cause)) throw new Error(`expected a refusal, got ${String(cause)}`)
  return cause
}

/** What a foreign client is told of the object. */
const encryptionOf = async (store: Store, credentials: { accessKeyId: string; secretAccessKey: string }) => {
  const client = new S3Client({
    endpoint: store.endpoint ?? "",
    region: store.region ?? "",
    credentials,
    forcePathStyle: true
  })
  try {
    const head = await client.send(new HeadObjectCommand({ Bucket: store.bucket, Key: "a.bin" }))
    return head.ServerSideEncryption
  } finally {
    client.destroy()
  }
}

describe("a store that encrypts", () => {
  it.each(Object.entries(sizes))("stores %s encrypted, again and again", async (_, size) => {
    await using server = await startS3({ buckets: ["media"] })
    const { endpoint, region, credentials } = server
    const store = { bucket: "media", endpoint, region, credentials }
    await using sluice = encrypted(store)
    for (const fill of [5, 5]) {
      const stored = await sluice.upload({ key: "a.bin", body: body(size).fill(fill) }).done()
      expect(stored).toMatchObject({ size, proof: "source" })
      expect(await encryptionOf(store, credentials)).toBe("AES256")
    }
    expect(server.openUploads()).toEqual([])
  })

  it("is asked by Create first, and by a single PUT once it has shown that it does", async () => {
    await using server = await startS3({ buckets: ["media"] })
    const { endpoint, region, credentials } = server
    await using sluice = encrypted({ bucket: "media", endpoint, region, credentials })
    await sluice.upload({ key: "first", body: body(10) }).done()
    await sluice.upload({ key: "second", body: body(10) }).done()
    const writes = (key: string) => server.requests.filter((request) => request.key === key).map(({ op }) => op)
    expect(writes("first")).toContain("CreateMultipartUpload")
    expect(writes("second")).toEqual(["PutObject"])
  })
})

describe("a store that ignores the request in silence", () => {
  it.each(Object.entries(sizes))("gets no byte of %s, and nothing is left on it", async (_, size) => {
    await using server = await startS3({ buckets: ["media"], serverSideEncryption: false })
    const { endpoint, region, credentials } = server
    const error = await refusalOf({ bucket: "media", endpoint, region, credentials }, size)
    expect(error.reason).toMatchObject({ _tag: "EncryptionNotApplied", requested: "AES256" })
    expect(error.message).toContain("nothing was sent")
    expect(await server.object("media", "a.bin")).toBeUndefined()
    expect(server.openUploads()).toEqual([])
    expect(server.requests.map(({ op }) => op)).not.toContain("CompleteMultipartUpload")
    expect(server.requests.map(({ op }) => op)).not.toContain("PutObject")
  })
})

const withKey = minIOSuite("MinIO with a key")
describe.skipIf(withKey.skip)(withKey.title, () => {
  it.each(Object.entries(sizes))("stores %s encrypted", async (_, size) => {
    await using minio = await startMinIO()
    const bucket = `sse-${process.pid}-${size}`
    await minio.createBucket(bucket)
    const { endpoint, region, credentials } = minio
    const store = { bucket, endpoint, region, credentials }
    await using sluice = encrypted(store)
    expect(await sluice.upload({ key: "a.bin", body: body(size) }).done()).toMatchObject({ size })
    expect(await encryptionOf(store, credentials)).toBe("AES256")
  })
})

const withoutKey = minIOSuite("MinIO without a key", { kms: false })
describe.skipIf(withoutKey.skip)(withoutKey.title, () => {
  it("refuses, and no upload is left on it", async () => {
    await using minio = await startMinIO({ kms: false })
    await minio.createBucket("media")
    await using proxy = await recordingProxy(minio.endpoint)
    const error = await refusalOf(
      { bucket: "media", endpoint: proxy.endpoint, region: minio.region, credentials: minio.credentials },
      12 * 2 ** 20
    )
    expect(["InvalidRequest", "EncryptionNotApplied"]).toContain(error.reason._tag)
    expect(proxy.uploads).toHaveLength(0)
  })
})
