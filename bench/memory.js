/**
 * `node bench/memory.js [--size 8GiB] [--max-size 64GiB] [--client sluice|loop] [--delay 30]`: pipes an object of unknown
 * length through a client into the discarding sink and holds its peak memory to the one formula:
 * idle + min(budget, part size × (concurrency + 1)) + 32 MiB. The sink answers a part `--delay` milliseconds after its
 * last byte, so that every run, also a short one, comes to hold as many parts as it may.
 *
 * With several sizes (`--size 1GiB,8GiB,64GiB`) it also holds the peaks to each other: ±10 % of their mean. Memory does
 * not grow with the object.
 */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { runClient } from "./client.js"
import { compileSink } from "./sink.js"
import { concurrency, MiB, parseSize, partSize } from "./workload.js"

/** Sluice's default memory budget. */
const budgetMiB = 256
/** What the formula leaves to sockets, garbage and the runtime. */
const slackMiB = 32

const pipeSource = fileURLToPath(new URL("clients/pipe-source.js", import.meta.url))

/** How far a peak may be from the mean of all. */
const spread = 0.1

/**
 * One pipe of `size` bytes.
 *
 * @param {{ sink: string, client: string, size: number, maxSize: number | undefined, partDelayMs: number, signal: AbortSignal }} options
 * @returns {Promise<{ peakRssMiB: number, within: boolean }>}
 */
const pipe = async ({ sink, client, size, maxSize, partDelayMs, signal }) => {
  const source = spawn(process.execPath, [pipeSource, String(size)], { stdio: ["ignore", "pipe", "inherit"], signal })
  source.once("error", () => undefined) // interrupted; the client's end tells
  const args = maxSize === undefined ? ["pipe"] : ["pipe", String(maxSize)]
  const row = { name: `${client}-pipe`, script: `${client}.js`, args }
  const options = { sink, file: "", size, signal, partDelayMs, stdin: source.stdout }
  const { measured, seen } = await runClient(row, options).finally(() => source.kill())
  // Parts of a stream without --max-size double in size as it grows.
  const partMiB = Math.max(partSize, seen.largestPart) / MiB
  const payloadMiB = Math.min(budgetMiB, partMiB * (concurrency + 1))
  const boundMiB = measured.idleRssMiB + payloadMiB + slackMiB
  const within = measured.peakRssMiB <= boundMiB
  console.log(
    [
      `sent       ${size / MiB} MiB of unknown length, ${seen.requests} requests, largest part ${seen.largestPart / MiB} MiB`,
      `idle RSS   ${measured.idleRssMiB.toFixed(0)} MiB`,
      `peak RSS   ${measured.peakRssMiB.toFixed(0)} MiB`,
      `bound      ${boundMiB.toFixed(0)} MiB = idle + min(${budgetMiB}, ${partMiB} × ${concurrency + 1}) + ${slackMiB}`,
      within ? "within the bound" : `above the bound by ${(measured.peakRssMiB - boundMiB).toFixed(0)} MiB`
    ].join("\n")
  )
  return { peakRssMiB: measured.peakRssMiB, within }
}

const main = async () => {
  const { values } = parseArgs({
    options: {
      size: { type: "string", default: "8GiB" },
      "max-size": { type: "string" },
      client: { type: "string", default: "sluice" },
      delay: { type: "string", default: "30" }
    }
  })
  const maxSize = values["max-size"] === undefined ? undefined : parseSize(values["max-size"])
  const interrupted = new AbortController()
  process.once("SIGINT", () => interrupted.abort(new Error("interrupted")))
  const sink = compileSink()
  const runs = []
  for (const size of values.size.split(",").map(parseSize)) {
    const partDelayMs = Number(values.delay)
    runs.push(await pipe({ sink, client: values.client, size, maxSize, partDelayMs, signal: interrupted.signal }))
  }
  const peaks = runs.map(({ peakRssMiB }) => peakRssMiB)
  const mean = peaks.reduce((sum, peak) => sum + peak, 0) / peaks.length
  const farthest = Math.max(...peaks.map((peak) => Math.abs(peak - mean) / mean))
  if (runs.length > 1) {
    console.log(
      `peaks      ${peaks.map((peak) => peak.toFixed(0)).join(", ")} MiB: within ±${(farthest * 100).toFixed(1)} % of their mean`
    )
  }
  process.exitCode = runs.every(({ within }) => within) && farthest <= spread ? 0 : 1
}

await main().catch((error) => {
  console.error(`memory: ${error.message}`)
  process.exitCode = 2
})
