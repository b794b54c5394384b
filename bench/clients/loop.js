/**
 * The least that an upload can be in Node: a bare `node:http` loop, no signature, no retry, no check of the answer.
 * `node loop.js file` reads whole parts at their positions; `node loop.js stream` copies chunks into a part,
 * and `node loop.js pipe` those of standard input. `node loop.js file md5` takes the MD5 of each part as well.
 */
import { createHash } from "node:crypto"
import { open } from "node:fs/promises"
import * as http from "node:http"
import * as https from "node:https"
import { crc32 } from "node:zlib"
import { measure } from "../measure.js"
import { concurrency, freshChunks, partSize } from "../workload.js"

const { Agent, request } = process.env["BENCH_ENDPOINT"]?.startsWith("https:") === true ? https : http
const agent = new Agent({ keepAlive: true, maxSockets: concurrency })

/**
 * @param {string} method
 * @param {string} url
 * @param {Buffer} body
 * @param {Record<string, string>} headers
 * @returns {Promise<{ text: string, etag: string }>}
 */
const send = (method, url, body, headers = {}) =>
  new Promise((resolve, reject) => {
    const outgoing = request(url, { method, agent, headers: { ...headers, "content-length": body.length } })
    outgoing.on("error", reject)
    outgoing.on("response", (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (/** @type {string} */ piece) => {
        text += piece
      })
      response.on("end", () => {
        if (response.statusCode === 200) resolve({ text, etag: String(response.headers.etag) })
        else reject(new Error(`${method} was answered ${response.statusCode}`))
      })
    })
    outgoing.end(body)
  })

const withMd5 = process.argv[3] === "md5"

/** A buffer per part in flight, allocated once. */
const newBuffer = () => Buffer.allocUnsafeSlow(partSize)

/** @param {Buffer} body */
const checksum = (body) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(body))
  const header = { "x-amz-checksum-crc32": bytes.toString("base64") }
  return withMd5 ? { ...header, "content-md5": createHash("md5").update(body).digest("base64") } : header
}

/** @typedef {(partNumber: number, body: Buffer) => Promise<void>} SendPart */

/**
 * @param {SendPart} sendPart
 * @param {string} path
 * @param {number} size
 */
const sendFile = async (sendPart, path, size) => {
  await using file = await open(path)
  let next = 0
  const worker = async () => {
    const buffer = newBuffer()
    for (let offset = next; offset < size; offset = next) {
      next += partSize
      const { bytesRead } = await file.read(buffer, 0, Math.min(partSize, size - offset), offset)
      await sendPart(offset / partSize + 1, buffer.subarray(0, bytesRead))
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

/**
 * @param {SendPart} sendPart
 * @param {AsyncIterable<Buffer>} chunks
 */
const sendStream = async (sendPart, chunks) => {
  const idle = Array.from({ length: concurrency + 1 }, newBuffer)
  /** @type {Set<Promise<void>>} */
  const inFlight = new Set()
  let partNumber = 0
  let buffer = idle.pop() ?? newBuffer()
  let filled = 0
  const flush = async () => {
    const body = buffer
    const sending = sendPart(++partNumber, body.subarray(0, filled)).then(() => {
      inFlight.delete(sending)
      idle.push(body)
    })
    inFlight.add(sending)
    while (idle.length === 0) await Promise.race(inFlight)
    buffer = idle.pop() ?? newBuffer()
    filled = 0
  }
  for await (const chunk of chunks) {
    for (let taken = 0; taken < chunk.length; ) {
      const copied = chunk.copy(buffer, filled, taken)
      taken += copied
      filled += copied
      if (filled === partSize) await flush()
    }
  }
  if (filled > 0) await flush()
  await Promise.all(inFlight)
}

await measure(async ({ endpoint, size, file }) => {
  const object = `${endpoint}/bench/object`
  const created = await send("POST", `${object}?uploads`, Buffer.alloc(0))
  const uploadId = /<UploadId>(.*)<\/UploadId>/.exec(created.text)?.[1]
  /** @type {string[]} */
  const etags = []
  /** @type {SendPart} */
  const sendPart = async (partNumber, body) => {
    const url = `${object}?partNumber=${partNumber}&uploadId=${uploadId}`
    etags[partNumber - 1] = (await send("PUT", url, body, checksum(body))).etag
  }
  if (process.argv[2] === "file") await sendFile(sendPart, file, size)
  else await sendStream(sendPart, process.argv[2] === "pipe" ? process.stdin : freshChunks(size))
  const parts = etags.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`)
  const complete = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`
  await send("POST", `${object}?uploadId=${uploadId}`, Buffer.from(complete))
})
