/** minio-js. It goes on with whatever upload of the key it finds, and has no way to end one that runs. */
import { Readable } from "node:stream"
import { Client } from "minio"
import { chunks, job, play } from "./play.js"

const { bucket, credentials, endpoint, file, key, kind, onlyIfAbsent, partSize, region } = job

const { hostname, port } = new URL(endpoint)
const client = new Client({
  endPoint: hostname,
  port: Number(port),
  useSSL: false,
  region,
  accessKey: credentials.accessKeyId,
  secretKey: credentials.secretAccessKey,
  ...(partSize === undefined ? {} : { partSize })
})
const headers = onlyIfAbsent === true ? { "If-None-Match": "*" } : {}

await play(
  async () => {
    if (kind === "file") {
      await client.fPutObject(bucket, key, file, headers)
      return
    }
    const stream = Readable.from(chunks(), { objectMode: false })
    stream.on("error", () => undefined) // nobody else listens, and the process would end
    await client.putObject(bucket, key, stream, undefined, headers)
  },
  { abortable: false }
)
