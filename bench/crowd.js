/**
 * `node bench/crowd.js [--uploads 1000] [--large 2GiB]`: many uploads at once in one process, to the discarding sink.
 *
 * 1. 1,000 streams of 16 MiB together: all succeed, and their payload stays within the memory budget.
 * 2. While 8 streams of 2 GiB run, 100 of 16 MiB are started: each ends before the first large one.
 */
import { parseArgs } from "node:util"
import { createSluice, s3 } from "@sluice/core/promise"
import { compileSink, startSink } from "./sink.js"
import { freshChunks, MiB, parseSize } from "./workload.js"

const small = 16 * MiB
/** Sluice's default memory budget. */
const budgetMiB = 256
/** Chunks that an upload has pulled and found no slab for, and those that V8 has not freed yet. */
const chunksKiB = 128
/** What an upload costs beside that: fibers, hooks, events, a session, sockets, and V8's room for their garbage. */
const eachKiB = 384
const slackMiB = 64

const rssMiB = () => process.memoryUsage.rss() / MiB
const peakMiB = () => process.resourceUsage().maxRSS / 1024

/**
 * The highest value of something that nobody announces: asked every few milliseconds.
 *
 * @param {() => number} value
 */
const peakOf = (value) => {
  let peak = value()
  const timer = setInterval(() => {
    peak = Math.max(peak, value())
  }, 5)
  return {
    stop: () => {
      clearInterval(timer)
      return peak
    }
  }
}

/** @param {string} endpoint */
const connect = (endpoint) =>
  createSluice({
    store: s3({
      bucket: "bench",
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "bench", secretAccessKey: "bench-secret" }
    })
  })

/**
 * @param {import("@sluice/core/promise").Sluice} sluice
 * @param {string} key
 * @param {number} size
 */
const store = async (sluice, key, size) => {
  const stored = await sluice.upload({ key, body: freshChunks(size), size }).done()
  if (stored.size !== size) throw new Error(`${key}: ${stored.size} bytes stored instead of ${size}`)
}

/**
 * @param {string} endpoint
 * @param {number} uploads
 */
const together = async (endpoint, uploads) => {
  await using sluice = connect(endpoint)
  await store(sluice, "warm", small)
  const idle = rssMiB()
  const buffers = peakOf(() => process.memoryUsage().arrayBuffers / MiB)
  const started = performance.now()
  await Promise.all(Array.from({ length: uploads }, (_, i) => store(sluice, `small/${i}`, small)))
  const seconds = (performance.now() - started) / 1000
  const payload = buffers.stop()
  const payloadBound = budgetMiB + (uploads * chunksKiB) / 1024
  const bound = idle + budgetMiB + (uploads * eachKiB) / 1024 + slackMiB
  console.log(
    `${uploads} uploads of 16 MiB at once: all stored in ${seconds.toFixed(1)} s\n` +
      `  payload  ${payload.toFixed(0)} MiB at most, bound ${payloadBound.toFixed(0)} = ${budgetMiB} + ${uploads} × ${chunksKiB} KiB\n` +
      `  RSS      ${peakMiB().toFixed(0)} MiB at most, bound ${bound.toFixed(0)} = idle ${idle.toFixed(0)} + ${budgetMiB} + ${uploads} × ${eachKiB} KiB + ${slackMiB}`
  )
  return payload <= payloadBound && peakMiB() <= bound
}

/**
 * @param {string} endpoint
 * @param {number} size of a large one
 */
const overtaking = async (endpoint, size) => {
  await using sluice = connect(endpoint)
  /** @type {string[]} */
  const ended = []
  const run = async (/** @type {string} */ key, /** @type {number} */ bytes) => {
    await store(sluice, key, bytes)
    ended.push(key)
  }
  const large = Array.from({ length: 8 }, (_, i) => run(`large/${i}`, size))
  // All eight have parts in flight: the first of the small ones meets a full house.
  await store(sluice, "between", small)
  const later = Array.from({ length: 100 }, (_, i) => run(`later/${i}`, small))
  await Promise.all([...large, ...later])
  const before = ended.findIndex((key) => key.startsWith("large/"))
  console.log(`100 uploads of 16 MiB behind 8 of ${size / MiB} MiB: ${before} ended before the first large one`)
  return before === later.length
}

const { values } = parseArgs({
  options: { uploads: { type: "string", default: "1000" }, large: { type: "string", default: "2GiB" } }
})
const sink = await startSink(compileSink())
try {
  const held = await together(sink.endpoint, Number(values.uploads))
  const overtook = await overtaking(sink.endpoint, parseSize(values.large))
  process.exitCode = held && overtook ? 0 : 1
} catch (error) {
  console.error(`crowd: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 2
} finally {
  await sink.stop()
}
