/** files-sdk: files under an `UploadControl`, which can be aborted and resumed; streams in parts. */
import { existsSync, openAsBlob, readFileSync, writeFileSync } from "node:fs"
import { Readable } from "node:stream"
import { chunks, job, play } from "./play.js"

const { bucket, credentials, endpoint, file, key, kind, onlyIfAbsent, partSize, region, resumable, state } = job

const home = new URL("../../.tools/files-sdk/node_modules/files-sdk/dist/", import.meta.url)
const { Files, UploadControl } = await import(new URL("index.js", home).href)
const { s3 } = await import(new URL("s3/index.js", home).href)

const files = new Files({ adapter: s3({ bucket, endpoint, region, credentials, forcePathStyle: true }) })
const multipart = partSize === undefined ? true : { partSize }
const token = `${state}/token.json`

await play(
  async (signal) => {
    if (kind === "stream") {
      await files.upload(key, Readable.toWeb(Readable.from(chunks(), { objectMode: false })), { multipart, signal })
      return
    }
    const body = await openAsBlob(file)
    if (onlyIfAbsent === true) {
      await files.upload(key, body, { multipart, signal, condition: { type: "create" } })
      return
    }
    const control =
      resumable === true && existsSync(token)
        ? UploadControl.from(JSON.parse(readFileSync(token, "utf8")))
        : new UploadControl()
    const keep = () => {
      const session = control.toJSON()
      if (resumable === true && session) writeFileSync(token, JSON.stringify(session))
    }
    /** @type {Promise<unknown> | undefined} */
    let aborted
    signal.addEventListener("abort", () => {
      aborted = Promise.resolve(control.abort())
    })
    await files.upload(key, body, { multipart, control, onProgress: keep }).finally(() => aborted)
  },
  { abortable: true }
)
