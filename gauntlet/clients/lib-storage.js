/** `@aws-sdk/lib-storage`, as its readme shows it. */
import { createReadStream } from "node:fs"
import { Readable } from "node:stream"
import { S3Client } from "@aws-sdk/client-s3"
import { Upload } from "@aws-sdk/lib-storage"
import { chunks, job, play } from "./play.js"

const { bucket, credentials, endpoint, file, key, kind, onlyIfAbsent, partSize, region } = job

const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })

await play(
  async (signal) => {
    const upload = new Upload({
      client,
      params: {
        Bucket: bucket,
        Key: key,
        Body: kind === "file" ? createReadStream(file) : Readable.from(chunks(), { objectMode: false }),
        ...(onlyIfAbsent === true ? { IfNoneMatch: "*" } : {})
      },
      ...(partSize === undefined ? {} : { partSize })
    })
    /** @type {Promise<void> | undefined} */
    let aborted
    signal.addEventListener("abort", () => {
      aborted = upload.abort()
    })
    await upload.done().finally(() => aborted)
  },
  { abortable: true }
)
