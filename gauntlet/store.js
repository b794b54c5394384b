/**
 * The faulty store of one cell: the testkit's embedded server, what it saw, and the few troubles that take time.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises"
import { S3Client } from "@aws-sdk/client-s3"
import { FaultInjector } from "@sluice/testkit"
import { startS3 } from "@sluice/testkit/store"

/** @typedef {Parameters<FaultInjector["middleware"]>[0]} Call */
/** @typedef {(call: Call, next: FaultInjector["middleware"] extends (call: any, next: infer N) => unknown ? N : never) => ReturnType<FaultInjector["middleware"]>} Trouble */

/**
 * What the store saw.
 *
 * @typedef {object} Seen
 * @property {number} running requests that carry bytes and are not answered
 * @property {number} partRequests parts and whole objects that began to arrive
 * @property {number} creates Creates that were applied
 * @property {number} troubled requests that met a trouble of the line
 * @property {number} partsStored parts that were stored
 * @property {number} storedAt when the last one was, by performance.now()
 * @property {number} bytesReceived bytes of parts and objects that arrived, stored or not
 * @property {number} bytesStored bytes of parts and objects that were stored
 */

export const bucket = "gauntlet"

/** @param {Call} call */
export const isPart = ({ op }) => op === "UploadPart"

/** Starts a store without faults; lines add theirs. */
export const startStore = async () => {
  const faults = new FaultInjector()
  /** @type {Array<Trouble>} */
  const troubles = []
  /** @type {Seen} */
  const seen = {
    running: 0,
    troubled: 0,
    partRequests: 0,
    creates: 0,
    partsStored: 0,
    storedAt: 0,
    bytesReceived: 0,
    bytesStored: 0
  }

  /** @type {Trouble} */
  const watch = async (call, next) => {
    const carries = call.op === "UploadPart" || call.op === "PutObject"
    if (!carries) {
      const response = await next(call)
      if (call.op === "CreateMultipartUpload" && response.status === 200) seen.creates++
      return response
    }
    seen.partRequests++
    let bytes = 0
    const counted = async function* () {
      for await (const chunk of call.body) {
        bytes += chunk.length
        seen.bytesReceived += chunk.length
        yield chunk
      }
    }
    seen.running++
    const response = await next({ ...call, body: counted() }).finally(() => seen.running--)
    if (response.status === 200) {
      seen.bytesStored += bytes
      seen.storedAt = performance.now()
      if (isPart(call)) seen.partsStored++
    }
    return response
  }

  const server = await startS3({ buckets: [bucket] }, (call, next) => {
    const chain = [...troubles, faults.middleware, watch].reduceRight(
      (/** @type {typeof next} */ inner, trouble) => (call) => trouble(call, inner),
      next
    )
    return chain(call)
  })
  const { endpoint, region, credentials } = server
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  return {
    server,
    faults,
    seen,
    /** For what the harness itself does to the bucket. */
    client,
    /** @param {Trouble} trouble */
    trouble: (trouble) => void troubles.push(trouble),
    /** Whether the line's fault struck at all. */
    struck: () => seen.troubled + faults.hits.length > 0,
    close: async () => {
      client.destroy()
      await server.close()
    }
  }
}

/** @typedef {Awaited<ReturnType<typeof startStore>>} Store */

/**
 * A network that takes `ms` for the bytes of each part: they come in small pieces.
 *
 * @param {number} ms
 * @returns {Trouble}
 */
export const slowParts = (ms) => (call, next) => {
  if (!isPart(call)) return next(call)
  const size = Number(call.headers["x-amz-decoded-content-length"] ?? call.headers["content-length"] ?? 0)
  const slowly = async function* () {
    const began = performance.now()
    let bytes = 0
    for await (const chunk of call.body) {
      bytes += chunk.length
      const due = began + (ms * bytes) / size
      await sleep(Math.max(0, due - performance.now()))
      yield chunk
    }
  }
  return next({ ...call, body: slowly() })
}

/**
 * A store that applies Create and takes `ms` to answer.
 *
 * @param {number} ms
 * @returns {Trouble}
 */
export const slowCreate = (ms) => async (call, next) => {
  const response = await next(call)
  if (call.op === "CreateMultipartUpload") await sleep(ms)
  return response
}

/**
 * Answers 503 to every try of one part, for `ms` from the first.
 *
 * @param {number} partNumber
 * @param {number} ms
 * @param {Seen} seen
 * @returns {Trouble}
 */
export const outage = (partNumber, ms, seen) => {
  const faults = new FaultInjector()
  faults.add({
    match: { op: "UploadPart", partNumber },
    action: { type: "status", status: 503, code: "SlowDown" },
    times: Number.POSITIVE_INFINITY
  })
  /** @type {number | undefined} */
  let until
  return (call, next) => {
    if (isPart(call) && call.partNumber === partNumber) until ??= performance.now() + ms
    if (until === undefined || performance.now() >= until) return next(call)
    if (isPart(call) && call.partNumber === partNumber) seen.troubled++
    return faults.middleware(call, next)
  }
}

/** Keeps the second part that arrives waiting until `open()`. */
export const slowSecondPart = () => {
  let arrived = 0
  let waiting = false
  const opened = Promise.withResolvers()
  return {
    open: () => opened.resolve(undefined),
    waiting: () => waiting,
    /** @type {Trouble} */
    trouble: async (call, next) => {
      if (!isPart(call) || ++arrived !== 2) return next(call)
      waiting = true
      await opened.promise
      if (call.signal.aborted) throw new Error("the client is gone")
      return next(call)
    }
  }
}

const checksumHeader = /^(content-md5|x-amz-checksum-.*|x-amz-sdk-checksum-algorithm|x-amz-trailer)$/
const checksumElement = /<(Checksum[A-Z0-9]+|ChecksumType)>[^<]*<\/\1>/g

/**
 * A store that neither looks at checksums nor answers with any: what it says of a part is its ETag, the MD5 of what it
 * keeps. One part is damaged on its way, at its first try: what it keeps differs from what was sent.
 *
 * @param {number} partNumber
 * @param {Seen} seen
 * @returns {Trouble}
 */
export const damagedWithoutChecksums = (partNumber, seen) => async (call, next) => {
  const headers = Object.fromEntries(Object.entries(call.headers).filter(([name]) => !checksumHeader.test(name)))
  const damaged = isPart(call) && call.partNumber === partNumber && call.attempt === 1
  if (damaged) seen.troubled++
  const body = async function* () {
    if (call.op === "CompleteMultipartUpload") {
      let text = ""
      for await (const chunk of call.body) text += Buffer.from(chunk).toString("utf8")
      yield Buffer.from(text.replaceAll(checksumElement, ""))
      return
    }
    let first = damaged
    for await (const chunk of call.body) {
      const piece = first ? Uint8Array.from(chunk, (byte, at) => (at === 0 ? byte ^ 1 : byte)) : chunk
      first = false
      yield piece
    }
  }
  const response = await next({ ...call, headers, body: body(), payload: "UNSIGNED-PAYLOAD", trailers: new Map() })
  const answered = Object.fromEntries(Object.entries(response.headers).filter(([name]) => !checksumHeader.test(name)))
  return typeof response.body === "string"
    ? { ...response, headers: answered, body: response.body.replaceAll(checksumElement, "") }
    : { ...response, headers: answered }
}
