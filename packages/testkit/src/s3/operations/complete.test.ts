import {
  type ChecksumAlgorithm,
  type ChecksumType,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  S3Client,
  UploadPartCommand
} from "@aws-sdk/client-s3"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type S3Server, startS3 } from "../../index.ts"
import { checksums } from "../integrity/Checksum.ts"

const first = Buffer.alloc(5 * 1024 * 1024, "first ")
const second = Buffer.from("second")

let server: S3Server
let s3: S3Client
let keys = 0

beforeAll(async () => {
  server = await startS3({ buckets: ["media"] })
  const { endpoint, region, credentials } = server
  s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })
})

afterAll(async () => {
  s3.destroy()
  await server.close()
})

/** Two parts uploaded under numbers of choice, and their Complete. */
async function upload(ChecksumAlgorithm: ChecksumAlgorithm, ChecksumType: ChecksumType, numbers = [1, 2]) {
  const at = { Bucket: "media", Key: `${ChecksumAlgorithm}-${ChecksumType}-${++keys}` }
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm, ChecksumType }))
  const parts: Array<CompletedPart> = []
  for (const [index, Body] of [first, second].entries()) {
    const PartNumber = numbers[index]
    const { $metadata: _, ...receipt } = await s3.send(
      new UploadPartCommand({ ...at, UploadId, PartNumber, Body, ChecksumAlgorithm })
    )
    parts.push({ PartNumber, ...receipt })
  }
  const complete = (Parts = parts, more: Partial<CompleteMultipartUploadCommandInput> = {}) =>
    s3.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts }, ...more }))
  return { at, parts, complete }
}

const checksumOf = (algorithm: keyof typeof checksums, ...chunks: ReadonlyArray<Uint8Array>): string => {
  const hasher = checksums[algorithm].hasher()
  for (const chunk of chunks) hasher.update(chunk)
  return hasher.digest().toString("base64")
}

describe("Complete with checksums", () => {
  it.each(["CRC32", "CRC32C", "CRC64NVME"] as const)("%s FULL_OBJECT is that of all the bytes", async (algorithm) => {
    const { at, complete } = await upload(algorithm, "FULL_OBJECT")
    const field = `Checksum${algorithm}`
    const value = checksumOf(algorithm, first, second)
    expect(await complete(undefined, { [field]: value, ChecksumType: "FULL_OBJECT" })).toMatchObject({ [field]: value })
    const head = await s3.send(new HeadObjectCommand({ ...at, ChecksumMode: "ENABLED" }))
    expect(head).toMatchObject({ [field]: value, ChecksumType: "FULL_OBJECT" })
    expect(await s3.send(new HeadObjectCommand(at))).not.toHaveProperty(field)
  })

  it.each(["CRC32", "CRC32C", "SHA1", "SHA256"] as const)(
    "%s COMPOSITE is that of the parts' checksums",
    async (algorithm) => {
      const { at, complete } = await upload(algorithm, "COMPOSITE")
      const digests = [first, second].map((bytes) => Buffer.from(checksumOf(algorithm, bytes), "base64"))
      const value = `${checksumOf(algorithm, ...digests)}-2`
      await complete(undefined, { [`Checksum${algorithm}`]: value })
      const head = await s3.send(new HeadObjectCommand({ ...at, ChecksumMode: "ENABLED" }))
      expect(head).toMatchObject({ [`Checksum${algorithm}`]: value, ChecksumType: "COMPOSITE" })
    }
  )

  it("a part that is read by its number has its own checksum, and the whole the whole's", async () => {
    const { at, complete } = await upload("CRC32C", "FULL_OBJECT")
    await complete()
    const head = (PartNumber?: number) =>
      s3.send(
        new HeadObjectCommand({ ...at, ChecksumMode: "ENABLED", ...(PartNumber !== undefined && { PartNumber }) })
      )
    expect((await head(1)).ChecksumCRC32C).toBe(checksumOf("CRC32C", first))
    expect((await head(2)).ChecksumCRC32C).toBe(checksumOf("CRC32C", second))
    expect((await head()).ChecksumCRC32C).toBe(checksumOf("CRC32C", first, second))
  })

  it("COMPOSITE wants every part's checksum listed, and part numbers without gaps", async () => {
    const { parts, complete } = await upload("CRC32", "COMPOSITE")
    const bare = parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }))
    await expect(complete(bare)).rejects.toMatchObject({ name: "InvalidRequest" })
    const gap = await upload("CRC32", "COMPOSITE", [1, 3])
    await expect(gap.complete()).rejects.toMatchObject({ name: "InvalidPartOrder" })
    const free = await upload("CRC32", "FULL_OBJECT", [2, 5])
    await expect(free.complete(free.parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag })))).resolves.toBeDefined()
  })

  it("what the client says of the object must hold: part checksums, checksum, its type, the size", async () => {
    const { parts, complete } = await upload("CRC32", "FULL_OBJECT")
    const swapped = parts.map((part) => ({ ...part, ChecksumCRC32: "AAAAAA==" }))
    await expect(complete(swapped)).rejects.toMatchObject({ name: "InvalidPart" })
    const crc = checksumOf("CRC32", first, second)
    for (const [claim, name] of [
      [{ ChecksumCRC32: "AAAAAA==" }, "BadDigest"],
      [{ ChecksumCRC32: crc, ChecksumType: "COMPOSITE" }, "BadDigest"],
      [{ ChecksumSHA256: checksumOf("SHA256", first, second) }, "BadDigest"],
      [{ MpuObjectSize: first.length }, "InvalidRequest"]
    ] as const) {
      await expect(complete(parts, claim)).rejects.toMatchObject({ name })
    }
    const size = first.length + second.length
    await complete(parts, { ChecksumCRC32: crc, ChecksumType: "FULL_OBJECT", MpuObjectSize: size })
  })
})

it("a repeated Complete is NoSuchUpload unless the server is told to be idempotent", async () => {
  const { complete } = await upload("CRC32", "FULL_OBJECT")
  await complete()
  await expect(complete()).rejects.toMatchObject({ name: "NoSuchUpload" })
})
