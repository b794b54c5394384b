import { createHash, randomBytes } from "node:crypto"
import * as Plugin from "@sluice/core/Plugin"
import { createSluice, isUploadError, s3 } from "@sluice/core/promise"
import { minIOSuite, startMinIO, startS3 } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { etag } from "./index.ts"

type Store = Parameters<typeof s3>[0]

const MiB = 2 ** 20
const sizes = { "an empty object": 0, "one PUT": 1_000, "three parts": 12 * MiB + 7 }

/** Every byte one more: the simplest plugin that changes bytes. */
const shift = Plugin.make({
  name: "test/shift",
  open: () =>
    Effect.succeed({
      part: {
        stage: "encrypt",
        overhead: () => 0,
        transform: ({ bytes }) => Effect.succeed(bytes.map((byte) => byte + 1))
      }
    })
})

const open = (store: Store, plugins: ReadonlyArray<Plugin.Plugin> = [etag()]) =>
  createSluice({ store: s3(store), plugins, partSize: 5 * MiB, multipartThreshold: 5 * MiB, retryBaseMs: 1 })

const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest()

/** The ETag of `bytes` in parts of 5 MiB. */
const etagOf = (bytes: Uint8Array): string => {
  if (bytes.length < 5 * MiB) return md5(bytes).toString("hex")
  const parts: Array<Buffer> = []
  for (let at = 0; at < bytes.length; at += 5 * MiB) parts.push(md5(bytes.subarray(at, at + 5 * MiB)))
  return `${md5(Buffer.concat(parts)).toString("hex")}-${parts.length}`
}

describe("an upload with MD5 proof", () => {
  it.each(Object.entries(sizes))("of %s has the ETag of its bytes", async (_, size) => {
    await using server = await startS3({ buckets: ["media"] })
    const { endpoint, region, credentials } = server
    const body = randomBytes(size)
    await using sluice = open({ bucket: "media", endpoint, region, credentials })
    expect(await sluice.upload({ key: "a", body }).done()).toMatchObject({ etag: etagOf(body), proof: "source" })
  })

  it("is shown identical also on a store that knows no checksums", async () => {
    await using server = await startS3({ buckets: ["media"] })
    const { endpoint, region, credentials } = server
    const store: Store = { bucket: "media", endpoint, region, credentials, provider: "b2" }
    const body = randomBytes(12 * MiB)
    await using sluice = open(store)
    expect(await sluice.upload({ key: "a", body, requireProof: "source" }).done()).toMatchObject({ proof: "source" })
    expect(await sluice.upload({ key: "b", body: body.subarray(0, 9) }).done()).toMatchObject({ proof: "source" })
  })

  it("looks at the bytes as plugins have made them", async () => {
    await using server = await startS3({ buckets: ["media"] })
    const { endpoint, region, credentials } = server
    const body = randomBytes(12 * MiB)
    await using sluice = open({ bucket: "media", endpoint, region, credentials }, [etag(), shift])
    const stored = await sluice.upload({ key: "a", body }).done()
    expect(stored).toMatchObject({ etag: etagOf(body.map((byte) => byte + 1)), proof: "source" })
  })

  it("sends a part again that the store has otherwise, and gives up with nothing left", async () => {
    await using server = await startS3({ buckets: ["media"] })
    const { endpoint, region, credentials } = server
    const store: Store = { bucket: "media", endpoint, region, credentials, provider: "b2" }
    let wrong = 1
    const damage = Plugin.make({
      name: "test/damage",
      open: () =>
        Effect.succeed({
          send: (part, next) =>
            Effect.map(next(part), (stored) =>
              part.partNumber === 2 && wrong-- > 0 ? { ...stored, etag: "0".repeat(32) } : stored
            )
        })
    })
    await using sluice = open(store, [etag(), damage])
    const upload = sluice.upload({ key: "a", body: randomBytes(12 * MiB) })
    await upload.done()
    expect(upload.progress().retries).toBe(1)

    wrong = Number.POSITIVE_INFINITY
    const error = await sluice
      .upload({ key: "b", body: randomBytes(12 * MiB) })
      .done()
      .catch((cause: unknown) => cause)
    if (!isUploadError(error)) throw error
    expect(error.reason._tag).toBe("ChecksumMismatch")
    expect(server.openUploads()).toEqual([])
    expect(await server.object("media", "b")).toBeUndefined()
  })

  it("of one PUT that the store has otherwise says that the object stands", async () => {
    await using server = await startS3({ buckets: ["media"] })
    const { endpoint, region, credentials } = server
    const damage = Plugin.make({
      name: "test/damage",
      open: () =>
        Effect.succeed({
          send: (part, next) => Effect.map(next(part), (stored) => ({ ...stored, etag: "0".repeat(32) }))
        })
    })
    await using sluice = open({ bucket: "media", endpoint, region, credentials }, [etag(), damage])
    const error = await sluice
      .upload({ key: "a", body: randomBytes(9) })
      .done()
      .catch((cause: unknown) => cause)
    if (!isUploadError(error)) throw error
    expect(error.reason).toMatchObject({ _tag: "ChecksumMismatch", stored: true })
    expect(await server.object("media", "a")).toBeDefined()
  })
})

for (const kms of [false, true]) {
  const suite = minIOSuite(`MinIO ${kms ? "with" : "without"} a key`, { kms })
  describe.skipIf(suite.skip)(suite.title, () => {
    it.each(Object.entries(sizes))("gives %s the ETag of its bytes", async (_, size) => {
      await using minio = await startMinIO({ kms })
      const bucket = `etag-${process.pid}-${size}`
      await minio.createBucket(bucket)
      const { endpoint, region, credentials } = minio
      const body = randomBytes(size)
      await using sluice = open({ bucket, endpoint, region, credentials })
      expect(await sluice.upload({ key: "a", body }).done()).toMatchObject({ etag: etagOf(body), proof: "source" })
    })
  })
}
