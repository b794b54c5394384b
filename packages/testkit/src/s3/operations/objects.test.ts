import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { expect, it } from "vitest"
import { begin, crc32Of, firstPart, lastPart } from "../../../test/behaviour/support.ts"
import { startS3 } from "../../index.ts"

// Of ceph/s3-tests; the real stores that this suite knows tell of a part the whole's checksum, or none.
it("a part that is read tells its own checksum, and of which kind the object's is", async () => {
  await using server = await startS3()
  const { endpoint, region, credentials } = server
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })
  const store = { ...server, s3, bucket: "sluice" }
  const upload = await begin(store, "k", { ChecksumAlgorithm: "CRC32", ChecksumType: "COMPOSITE" })
  const parts = []
  for (const [index, bytes] of [firstPart, lastPart].entries()) {
    parts.push(await upload.put(index + 1, bytes, { ChecksumCRC32: crc32Of(bytes) }))
  }
  await upload.complete(parts)
  const read = new GetObjectCommand({ Bucket: "sluice", Key: "k", PartNumber: 2, ChecksumMode: "ENABLED" })
  expect(await s3.send(read)).toMatchObject({ ChecksumCRC32: crc32Of(lastPart), ChecksumType: "COMPOSITE" })
  s3.destroy()
})
