/**
 * `node bench/memory.js [--size 8GiB]`: streams an object of unknown length through Sluice into the discarding sink and
 * holds its peak memory to the one formula: idle + min(budget, part size × (concurrency + 1)) + 32 MiB.
 */
import { parseArgs } from "node:util"
import { runClient } from "./client.js"
import { rows } from "./rows.js"
import { compileSink } from "./sink.js"
import { concurrency, MiB, parseSize, partSize } from "./workload.js"

/** Sluice's default memory budget. */
const budgetMiB = 256
/** What the formula leaves to sockets, garbage and the runtime. */
const slackMiB = 32

const main = async () => {
  const { values } = parseArgs({ options: { size: { type: "string", default: "8GiB" } } })
  const size = parseSize(values.size)
  const row = rows.find(({ name }) => name === "sluice-stream")
  if (row === undefined) throw new Error("there is no row sluice-stream")
  const interrupted = new AbortController()
  process.once("SIGINT", () => interrupted.abort(new Error("interrupted")))
  const { measured, seen } = await runClient(row, { sink: compileSink(), file: "", size, signal: interrupted.signal })
  const payloadMiB = Math.min(budgetMiB, (partSize / MiB) * (concurrency + 1))
  const boundMiB = measured.idleRssMiB + payloadMiB + slackMiB
  const within = measured.peakRssMiB <= boundMiB
  console.log(
    [
      `sent       ${size / MiB} MiB of unknown length, ${seen.requests} requests, largest part ${seen.largestPart / MiB} MiB`,
      `idle RSS   ${measured.idleRssMiB.toFixed(0)} MiB`,
      `peak RSS   ${measured.peakRssMiB.toFixed(0)} MiB`,
      `bound      ${boundMiB.toFixed(0)} MiB = idle + min(${budgetMiB}, ${partSize / MiB} × ${concurrency + 1}) + ${slackMiB}`,
      within ? "within the bound" : `above the bound by ${(measured.peakRssMiB - boundMiB).toFixed(0)} MiB`
    ].join("\n")
  )
  process.exitCode = within ? 0 : 1
}

await main().catch((error) => {
  console.error(`memory: ${error.message}`)
  process.exitCode = 2
})
