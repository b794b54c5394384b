/**
 * tus-js-client in front of a tus server that stores in S3: `node tus.js @tus/server`, in this process, or
 * `node tus.js tusd`, in a child of its own. What is asked of the pair is asked of both.
 */
import { spawn } from "node:child_process"
import { createReadStream, existsSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { connect } from "node:net"
import { Readable } from "node:stream"
import { setTimeout as sleep } from "node:timers/promises"
import { chunks, job, play } from "./play.js"

const { bucket, credentials, endpoint, file, kind, partSize, port, region, resumable, state } = job

const home = new URL("../../.tools/tus/node_modules/", import.meta.url)
const tus = await import(new URL("tus-js-client/lib.esm/node/index.js", home).href)

/** @returns {Promise<() => void>} what stops it */
const startServer = async () => {
  const { Server } = await import(new URL("@tus/server/dist/index.js", home).href)
  const { S3Store } = await import(new URL("@tus/s3-store/dist/index.js", home).href)
  const datastore = new S3Store({
    ...(partSize === undefined ? {} : { partSize }),
    s3ClientConfig: { bucket, endpoint, region, credentials, forcePathStyle: true }
  })
  const tusServer = new Server({ path: "/files", datastore })
  const server = createServer((request, response) => void tusServer.handle(request, response))
  await new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(undefined)))
  return () => {
    server.close()
    server.closeAllConnections()
  }
}

/** @returns {Promise<() => void>} what stops it */
const startTusd = async () => {
  const program = new URL("../../.tools/bin/tusd", import.meta.url).pathname
  const parts = partSize === undefined ? [] : ["-s3-part-size", String(partSize)]
  const where = ["-host", "127.0.0.1", "-port", String(port), "-s3-bucket", bucket, "-s3-endpoint", endpoint]
  const server = spawn(program, [...where, ...parts, "-verbose=false", "-show-startup-logs=false"], {
    stdio: "ignore",
    env: {
      PATH: process.env["PATH"],
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_REGION: region
    }
  })
  const answers = () =>
    new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(socket.end()))
      socket.once("error", () => resolve(undefined))
    })
  while ((await answers()) === undefined) await sleep(20)
  return () => void server.kill()
}

const stop = process.argv[2] === "tusd" ? await startTusd() : await startServer()
const urls = `${state}/urls.json`
if (resumable === true && !existsSync(urls)) writeFileSync(urls, "{}")

await play(
  async (signal) => {
    const known = kind === "file" ? {} : { uploadLengthDeferred: true, chunkSize: partSize ?? 8 * 2 ** 20 }
    const body = kind === "file" ? createReadStream(file) : Readable.from(chunks(), { objectMode: false })
    /** @type {Promise<unknown> | undefined} */
    let aborted
    try {
      await new Promise((resolve, reject) => {
        const upload = new tus.Upload(body, {
          endpoint: `http://127.0.0.1:${port}/files/`,
          ...known,
          ...(resumable === true ? { urlStorage: new tus.FileUrlStorage(urls) } : {}),
          onError: reject,
          onSuccess: resolve
        })
        signal.addEventListener("abort", () => {
          aborted = upload.abort(true).finally(() => reject(new Error("aborted")))
        })
        const begin = async () => {
          const [earlier] = resumable === true ? await upload.findPreviousUploads() : []
          if (earlier !== undefined) upload.resumeFromPreviousUpload(earlier)
          upload.start()
        }
        begin().catch(reject)
      })
    } finally {
      await aborted?.catch(() => undefined)
      setTimeout(stop, 2_000) // what the server still has to do, it may do
    }
  },
  { abortable: true }
)
