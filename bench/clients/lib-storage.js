/**
 * `@aws-sdk/lib-storage`: `node lib-storage.js default|tuned|unchecked file|stream`.
 *
 * `default` is what its readme shows. `tuned` has every setting we know to help, at the benchmark's part size,
 * concurrency and integrity (CRC32 header). `unchecked` is `tuned` without any checksum: its best speed.
 */
import { createReadStream } from "node:fs"
import { Agent } from "node:http"
import { Readable } from "node:stream"
import { S3Client } from "@aws-sdk/client-s3"
import { Upload } from "@aws-sdk/lib-storage"
import { measure } from "../measure.js"
import { concurrency, freshChunks, MiB, partSize } from "../workload.js"

const [variant = "default", kind = "file"] = process.argv.slice(2)
const tuned = variant !== "default"

/** @param {string} endpoint */
const newClient = (endpoint) => {
  const common = {
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "bench", secretAccessKey: "bench" }
  }
  if (!tuned) return new S3Client(common)
  const client = new S3Client({
    ...common,
    requestChecksumCalculation: variant === "unchecked" ? "WHEN_REQUIRED" : "WHEN_SUPPORTED",
    responseChecksumValidation: "WHEN_REQUIRED",
    expectContinueHeader: false,
    // An agent of our own: without one the SDK closes the connection after each part (performance notes, §7).
    requestHandler: { httpAgent: new Agent({ keepAlive: true, maxSockets: 50 }) }
  })
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args
      if (typeof request === "object" && request !== null && "headers" in request) {
        Object.assign(Object(request.headers), { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" })
      }
      return next(args)
    },
    { step: "build", name: "unsignedPayload" }
  )
  return client
}

await measure(async ({ endpoint, size, file }) => {
  const body =
    kind === "stream"
      ? Readable.from(freshChunks(size))
      : createReadStream(file, tuned ? { highWaterMark: MiB } : undefined)
  await new Upload({
    client: newClient(endpoint),
    params: { Bucket: "bench", Key: "object", Body: body },
    ...(tuned ? { partSize, queueSize: concurrency } : {})
  }).done()
})
