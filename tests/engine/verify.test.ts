import { createHash } from "node:crypto"
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  PutObjectCommand,
  UploadPartCommand
} from "@aws-sdk/client-s3"
import { createSluice, type Sluice, Source, s3, type VerifyOptions } from "@sluice/core/promise"
import { afterEach, describe, expect, it } from "vitest"
import { chunksOf, generator, MiB, pattern } from "./bytes.ts"
import { onEmbedded, onEveryStore, type Target } from "./target.ts"

const bytes = pattern(11 * MiB + 5)
/** One bit of the last byte is another. */
const other = bytes.slice()
other[other.length - 1] = (other.at(-1) ?? 0) ^ 1

let sluice: Sluice | undefined
afterEach(() => sluice?.dispose())

const verify = (target: Target, options: VerifyOptions, provider?: "gcs") => {
  sluice = createSluice({ store: s3({ ...target.store, ...(provider && { provider }) }), retryBaseMs: 1 })
  return sluice.verify(options)
}

type Checksums = Pick<CreateMultipartUploadCommandInput, "ChecksumAlgorithm" | "ChecksumType">

/** Stored by another program, in parts of these sizes. */
const storeInParts = async (target: Target, key: string, sizes: ReadonlyArray<number>, checksums: Checksums) => {
  const at = { Bucket: target.bucket, Key: key }
  const { client } = target
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at, ...checksums }))
  const { ChecksumAlgorithm } = checksums
  let offset = 0
  const parts = []
  for (const [i, size] of sizes.entries()) {
    const part = { ...at, UploadId, PartNumber: i + 1 }
    const Body = bytes.subarray(offset, offset + size)
    const sent = await client.send(
      new UploadPartCommand({ ...part, Body, ...(ChecksumAlgorithm && { ChecksumAlgorithm }) })
    )
    const { ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA256 } = sent
    const sums = {
      ...(ChecksumCRC32 && { ChecksumCRC32 }),
      ...(ChecksumCRC32C && { ChecksumCRC32C }),
      ...(ChecksumCRC64NVME && { ChecksumCRC64NVME }),
      ...(ChecksumSHA256 && { ChecksumSHA256 })
    }
    parts.push({ PartNumber: i + 1, ETag, ...(ChecksumAlgorithm && sums) })
    offset += size
  }
  await client.send(
    new CompleteMultipartUploadCommand({
      ...at,
      UploadId,
      MultipartUpload: { Parts: parts },
      ...("ChecksumType" in checksums && { ChecksumType: checksums.ChecksumType })
    })
  )
}

const equalParts = [5 * MiB, 5 * MiB, MiB + 5]
const unequalParts = [6 * MiB, 5 * MiB + 1, 4]

const composite = { ChecksumType: "COMPOSITE" } as const
const ways: Record<string, readonly [Checksums, string]> = {
  "a full-object CRC32": [{ ChecksumAlgorithm: "CRC32", ChecksumType: "FULL_OBJECT" }, "crc32"],
  "a full-object CRC64NVME": [{ ChecksumAlgorithm: "CRC64NVME", ChecksumType: "FULL_OBJECT" }, "crc64nvme"],
  "a full-object CRC32C": [{ ChecksumAlgorithm: "CRC32C", ChecksumType: "FULL_OBJECT" }, "crc32c"],
  "a composite CRC32C": [{ ChecksumAlgorithm: "CRC32C", ...composite }, "crc32c"],
  "a composite CRC32": [{ ChecksumAlgorithm: "CRC32", ...composite }, "crc32"],
  "a composite SHA-256": [{ ChecksumAlgorithm: "SHA256", ...composite }, "sha256"]
}

onEveryStore("an object is compared with a source", (target) => {
  describe.each(Object.entries(ways))("by %s", (name, [checksums, by]) => {
    it.each([
      ["equal", equalParts],
      ["unequal", unequalParts]
    ])("over %s parts", async (kind, sizes) => {
      const key = `${name}-${kind}`
      await storeInParts(target(), key, sizes, checksums)
      expect(await verify(target(), { key, body: bytes })).toMatchObject({ matches: true, by, size: bytes.length })
      expect(await verify(target(), { key, body: other })).toMatchObject({ matches: false, by })
    })
  })

  it("that this engine has stored, by its CRC32", async () => {
    sluice = createSluice({ store: s3(target().store), partSize: 5 * MiB })
    await sluice.upload({ key: "ours", body: bytes }).done()
    expect(await sluice.verify({ key: "ours", body: bytes })).toMatchObject({ matches: true, by: "crc32" })
    expect(await sluice.verify({ key: "ours", body: other })).toMatchObject({ matches: false, by: "crc32" })
  })

  it("by length, where that differs", async () => {
    await target().client.send(new PutObjectCommand({ Bucket: target().bucket, Key: "short", Body: bytes.slice(0, 9) }))
    const { matches, by } = await verify(target(), { key: "short", body: bytes.subarray(0, 8) })
    expect({ matches, by }).toEqual({ matches: false, by: "size" })
  })

  it("by a SHA-256 of the whole, and of no bytes at all", async () => {
    for (const Body of [bytes.slice(0, 1_000), new Uint8Array(0)]) {
      const ChecksumSHA256 = createHash("sha256").update(Body).digest("base64")
      await target().client.send(new PutObjectCommand({ Bucket: target().bucket, Key: "sha", Body, ChecksumSHA256 }))
      expect(await verify(target(), { key: "sha", body: Body })).toMatchObject({ matches: true, by: "sha256" })
    }
  })

  it("that does not exist fails with NoSuchKey", async () => {
    await expect(verify(target(), { key: "nothing", body: bytes })).rejects.toThrow(/^NoSuchKey/)
  })
})

onEmbedded("an object without a checksum is compared", (target) => {
  it.each([
    ["equal", equalParts],
    ["unequal", unequalParts]
  ])("by its ETag, over %s parts", async (kind, sizes) => {
    await storeInParts(target(), kind, sizes, {})
    expect(await verify(target(), { key: kind, body: bytes })).toMatchObject({ matches: true, by: "etag" })
    expect(await verify(target(), { key: kind, body: other })).toMatchObject({ matches: false, by: "etag" })
  })

  it("by its bytes where its ETag says nothing, if it may be read; else the answer is unknown", async () => {
    await storeInParts(target(), "opaque", equalParts, {})
    const at = (body: VerifyOptions["body"], download: boolean) =>
      verify(target(), { key: "opaque", body, download }, "gcs")
    expect(await at(bytes, false)).toMatchObject({ matches: "unknown", by: "nothing" })
    expect(await at(bytes, true)).toMatchObject({ matches: true, by: "bytes" })
    expect(await at(other, true)).toMatchObject({ matches: false, by: "bytes" })
  })

  it("only with what can be read again", async () => {
    const stream = Source.fromAsyncIterable(generator(chunksOf(bytes)))
    await expect(verify(target(), { key: "a", body: stream })).rejects.toThrow(
      /^InvalidRequest: .*read the source twice/
    )
  })
})
