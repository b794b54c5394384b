/** Bun's own S3 client. It has no way to end an upload that runs. */
import { chunks, job, play } from "./play.js"

const { bucket, credentials, endpoint, file, key, kind, partSize, region } = job

const { Bun } = /** @type {any} */ (globalThis)
const client = new Bun.S3Client({ endpoint, bucket, region, ...credentials })
const options = partSize === undefined ? {} : { partSize }

await play(
  () =>
    kind === "file"
      ? client.write(key, Bun.file(file), options)
      : client.write(key, new Response(/** @type {any} */ (chunks)()), options),
  { abortable: false }
)
