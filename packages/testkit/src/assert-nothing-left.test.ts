import { randomUUID } from "node:crypto"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  S3Client,
  UploadPartCommand
} from "@aws-sdk/client-s3"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { assertNothingLeft } from "./assert-nothing-left.ts"
import { type MinIO, minIOSuite, startMinIO } from "./MinIO.ts"
import { type RecordingProxy, recordingProxy } from "./recording-proxy.ts"

const offline = {
  endpoint: "http://127.0.0.1:1",
  region: "us-east-1",
  credentials: { accessKeyId: "a", secretAccessKey: "s" }
}

describe("assertNothingLeft, temporary directories", () => {
  it("is green for an empty directory and for one that is gone, red for a file that it names", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sluice-left-"))
    try {
      const options = { ...offline, uploads: [], tempDirectories: [directory, join(directory, "gone")] }
      await assertNothingLeft(options)
      await mkdir(join(directory, "nested"))
      await writeFile(join(directory, "nested", "part-7.tmp"), "")
      await expect(assertNothingLeft(options)).rejects.toThrow(join(directory, "nested", "part-7.tmp"))
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})

const suite = minIOSuite("assertNothingLeft, uploads")
describe.skipIf(suite.skip)(suite.title, () => {
  const Bucket = `left-${randomUUID()}`
  let minio: MinIO
  let proxy: RecordingProxy
  let s3: S3Client

  beforeAll(async () => {
    minio = await startMinIO()
    await minio.createBucket(Bucket)
    proxy = await recordingProxy(minio.endpoint)
    s3 = new S3Client({ ...minio, endpoint: proxy.endpoint, forcePathStyle: true })
  })
  afterAll(async () => {
    s3.destroy()
    await proxy.close()
    await minio.close()
  })

  async function begin(Key: string) {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    const part = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: "part" }))
    return { UploadId, ETag: part.ETag }
  }

  it("is green after an abort and after a complete, and red, naming it, for an upload that was left", async () => {
    const aborted = await begin("aborted")
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: "aborted", UploadId: aborted.UploadId }))
    const completed = await begin("completed")
    await s3.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key: "completed",
        UploadId: completed.UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag: completed.ETag }] }
      })
    )
    expect(proxy.uploads).toHaveLength(2)
    await assertNothingLeft({ ...minio, uploads: proxy.uploads })

    const left = await begin("deliberately/left")
    const verdict = assertNothingLeft({ ...minio, uploads: proxy.uploads })
    await expect(verdict).rejects.toThrow(`upload ${left.UploadId} of s3://${Bucket}/deliberately/left: still open`)
    await expect(verdict).rejects.not.toThrow("completed")

    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: "deliberately/left", UploadId: left.UploadId }))
    await assertNothingLeft({ ...minio, uploads: proxy.uploads })
  })

  it("an answer that proves nothing is red", async () => {
    const uploads = [{ bucket: "no-such-bucket", key: "k", uploadId: "u" }]
    await expect(assertNothingLeft({ ...minio, uploads })).rejects.toThrow("not proven gone")
    const { credentials } = offline
    await expect(assertNothingLeft({ ...minio, credentials, uploads })).rejects.toThrow("InvalidAccessKeyId")
  })
})
