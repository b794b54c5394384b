import { randomBytes } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  CopyObjectCommand,
  GetObjectAttributesCommand,
  HeadObjectCommand,
  type ObjectAttributes,
  PutObjectCommand,
  S3Client
} from "@aws-sdk/client-s3"
import { describe, expect, it, onTestFinished } from "vitest"
import { sendSigned } from "../../../test/behaviour/sign.ts"
import { begin, crc32Of } from "../../../test/behaviour/support.ts"
import { diskStore, type S3ServerOptions, startS3 } from "../../index.ts"
import { checksums } from "./Checksum.ts"

const Bucket = "media"
const first = randomBytes(5 * 1024 * 1024)
const last = randomBytes(1000)
const crc64 = (...chunks: ReadonlyArray<Uint8Array>): string => {
  const hasher = checksums.CRC64NVME.hasher()
  for (const chunk of chunks) hasher.update(chunk)
  return hasher.digest().toString("base64")
}

/** A server, and a client that sends no checksum unless a case does. */
async function serving(options: S3ServerOptions) {
  const server = await startS3({ buckets: [Bucket], ...options })
  onTestFinished(() => server.close())
  const { endpoint, region, credentials } = server
  const s3 = new S3Client({
    ...{ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 },
    requestChecksumCalculation: "WHEN_REQUIRED"
  })
  onTestFinished(() => s3.destroy())
  const head = (Key: string) => s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }))
  return { s3, head, store: { ...server, s3, bucket: Bucket } }
}

describe.each([{ profile: "aws" }, { defaultChecksum: true }] as const)(
  "what comes without a checksum, with %o",
  (options) => {
    it("is given a CRC64NVME: put, copied, or sent in parts, even where these bring another algorithm's", async () => {
      const { s3, head, store } = await serving(options)
      const put = await s3.send(new PutObjectCommand({ Bucket, Key: "put", Body: last }))
      const known = { ChecksumCRC64NVME: crc64(last), ChecksumType: "FULL_OBJECT" }
      expect(put).toMatchObject(known)
      expect(await head("put")).toMatchObject(known)
      await s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/put` }))
      expect(await head("copy")).toMatchObject(known)
      const upload = await begin(store, "parts")
      const parts = [await upload.put(1, first), await upload.put(2, last, { ChecksumCRC32: crc32Of(last) })]
      expect((await upload.list()).ChecksumAlgorithm).toBeUndefined()
      const whole = { ChecksumCRC64NVME: crc64(first, last), ChecksumType: "FULL_OBJECT" }
      expect(await upload.complete(parts)).toMatchObject(whole)
      expect(await head("parts")).toMatchObject(whole)
      const asked: Array<ObjectAttributes> = ["Checksum", "ObjectParts"]
      const told = await s3.send(new GetObjectAttributesCommand({ Bucket, Key: "parts", ObjectAttributes: asked }))
      expect(told).toMatchObject({ Checksum: whole, ObjectParts: { TotalPartsCount: 2 } })
      expect(told.ObjectParts?.Parts).toBeUndefined()
    })

    it("keeps the checksum that it brings", async () => {
      const { s3, head } = await serving(options)
      await s3.send(new PutObjectCommand({ Bucket, Key: "put", Body: last, ChecksumCRC32: crc32Of(last) }))
      const { ChecksumCRC32, ChecksumCRC64NVME } = await head("put")
      expect([ChecksumCRC32, ChecksumCRC64NVME]).toEqual([crc32Of(last), undefined])
    })
  }
)

it("a strict server gives no checksum to what comes without", async () => {
  const { s3, head, store } = await serving({})
  await s3.send(new PutObjectCommand({ Bucket, Key: "put", Body: last }))
  expect((await head("put")).ChecksumType).toBeUndefined()
  const upload = await begin(store, "parts")
  await upload.complete([await upload.put(1, last)])
  expect((await head("parts")).ChecksumType).toBeUndefined()
})

it("a copy has one though its source, which is from before, has none", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-default-checksum-"))
  onTestFinished(() => rm(directory, { recursive: true }))
  const before = await startS3({ store: diskStore(directory) })
  const put = await sendSigned(before, { method: "PUT", target: "/sluice/old", body: last })
  expect(put.status).toBe(200)
  await before.close()
  const { s3, head } = await serving({ store: diskStore(directory), defaultChecksum: true })
  await s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: "sluice/old" }))
  expect(await head("copy")).toMatchObject({ ChecksumCRC64NVME: crc64(last), ChecksumType: "FULL_OBJECT" })
})
