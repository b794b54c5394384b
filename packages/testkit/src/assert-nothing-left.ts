import { AssertionError } from "node:assert"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { HeadBucketCommand, ListPartsCommand, S3Client, S3ServiceException } from "@aws-sdk/client-s3"

/** Where to look, and for what. */
export interface NothingLeftOptions {
  readonly endpoint: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** Every multipart upload that was begun, finished or not: `recordingProxy(…).uploads`, or those seen at the store. */
  readonly uploads: Iterable<{ readonly bucket: string; readonly key: string; readonly uploadId: string }>
  /** Directories that must be empty; one that does not exist is. */
  readonly tempDirectories?: ReadonlyArray<string>
}

/**
 * Proves that nothing stayed behind: the store answers NoSuchUpload to ListParts for every upload, and the directories
 * hold nothing. Rejects with an `AssertionError` that names every leftover.
 *
 * ListMultipartUploads is no proof: MinIO answers it only for an exact object name as the prefix.
 */
export async function assertNothingLeft(options: NothingLeftOptions): Promise<void> {
  const { endpoint, region, credentials, tempDirectories = [] } = options
  const uploads = [...options.uploads]
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  try {
    const leftovers: Array<string> = []
    for (const bucket of new Set(uploads.map((upload) => upload.bucket)))
      leftovers.push(...(await unknownBucket(client, bucket)))
    for (const upload of uploads) leftovers.push(...(await leftoverUpload(client, upload)))
    for (const directory of tempDirectories) leftovers.push(...(await leftoverFiles(directory)))
    if (leftovers.length > 0) throw new AssertionError({ message: `Left behind:\n- ${leftovers.join("\n- ")}` })
  } finally {
    client.destroy()
  }
}

type Upload = NothingLeftOptions["uploads"] extends Iterable<infer U> ? U : never

/** MinIO answers NoSuchUpload also for a bucket that does not exist, and a slip in a test would then pass as proof. */
async function unknownBucket(client: S3Client, bucket: string): Promise<ReadonlyArray<string>> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }))
    return []
  } catch (error) {
    if (!(error instanceof S3ServiceException)) throw error
    return [`uploads of bucket ${bucket}: not proven gone, the store answered HeadBucket with ${error.name}`]
  }
}

async function leftoverUpload(client: S3Client, { bucket, key, uploadId }: Upload): Promise<ReadonlyArray<string>> {
  const name = `upload ${uploadId} of s3://${bucket}/${key}`
  try {
    const { Parts = [] } = await client.send(new ListPartsCommand({ Bucket: bucket, Key: key, UploadId: uploadId }))
    return [`${name}: still open, with ${Parts.length} parts listed`]
  } catch (error) {
    if (!(error instanceof S3ServiceException)) throw error
    // Any other answer (no access, say) leaves the question open, so it counts as left.
    return error.name === "NoSuchUpload" ? [] : [`${name}: not proven gone, the store answered ${error.name}`]
  }
}

async function leftoverFiles(directory: string): Promise<ReadonlyArray<string>> {
  try {
    const entries = await readdir(directory, { recursive: true })
    return entries.sort().map((entry) => `file ${join(directory, entry)}`)
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return []
    throw error
  }
}
