/**
 * What every client process in JavaScript does around its upload: says `ready`, waits for a line, uploads, and says how
 * it ended the moment it knows. Runs in Node and Bun.
 *
 * @module
 */
import { once } from "node:events"
import { writeSync } from "node:fs"
import { open } from "node:fs/promises"

/**
 * What is asked of a client.
 *
 * @typedef {object} Job
 * @property {string} endpoint
 * @property {string} bucket
 * @property {string} region
 * @property {{ accessKeyId: string, secretAccessKey: string }} credentials
 * @property {string} key
 * @property {string} file what to upload
 * @property {"file" | "stream"} kind `file`: as it likes; `stream`: in chunks, of unknown length
 * @property {number} chunk bytes of a stream's chunks
 * @property {number} [failAfter] bytes after which the stream fails
 * @property {number} [endless] bytes of a stream that is made up, instead of the file's
 * @property {number | undefined} [partSize] bytes, where one can choose; the client's own default if absent
 * @property {boolean} [onlyIfAbsent] If-None-Match: *
 * @property {boolean} [resumable] keep in `state` what a later run needs, and go on from there
 * @property {string} state a directory that outlives the process
 * @property {number} port a free one, for clients that are also servers
 */

/** @type {Job} */
export const job = JSON.parse(process.env["GAUNTLET_JOB"] ?? "{}")

/** @param {string} line */
const say = (line) => void writeSync(1, `${line}\n`)

/** @param {unknown} error */
const messageOf = (error) => {
  if (!(error instanceof Error)) return String(error)
  const text = error.message === "" ? error.name : error.message
  return text.split("\n")[0] ?? text
}

/**
 * Runs the upload when the harness says so. Where the client can abort, `upload` gets a signal and SIGINT fires it;
 * where it cannot, SIGINT ends the process.
 *
 * @param {(signal: AbortSignal) => Promise<unknown>} upload settles when the client says that it is over
 * @param {{ abortable: boolean }} options
 */
export const play = async (upload, { abortable }) => {
  const interrupted = new AbortController()
  if (abortable) process.on("SIGINT", () => interrupted.abort())
  say("ready")
  await once(process.stdin, "data")
  process.stdin.destroy()
  try {
    await upload(interrupted.signal)
    say(`settled ${JSON.stringify({ ok: true })}`)
  } catch (error) {
    say(`settled ${JSON.stringify({ ok: false, message: messageOf(error) })}`)
  }
}

const readBytes = 2 ** 20

/** The job's stream, each chunk with memory of its own. */
export async function* chunks() {
  if (job.endless !== undefined) {
    const block = Buffer.alloc(job.chunk, "sluice")
    for (let sent = 0; sent < job.endless; sent += block.length) yield block.subarray(0, job.endless - sent)
    return
  }
  const file = await open(job.file)
  try {
    let left = job.failAfter ?? Number.POSITIVE_INFINITY
    const buffer = new Uint8Array(readBytes)
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, readBytes)
      if (bytesRead === 0) return
      for (let at = 0; at < bytesRead; at += job.chunk) {
        const chunk = buffer.slice(at, Math.min(at + job.chunk, bytesRead))
        if (left < chunk.length) throw new Error("the disk is on fire")
        left -= chunk.length
        yield chunk
      }
    }
  } finally {
    await file.close()
  }
}
