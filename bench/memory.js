/**
 * `node bench/memory.js [--size 8GiB] [--client sluice|loop]`: pipes an object of unknown length through a client into
 * the discarding sink and holds its peak memory to the one formula:
 * idle + min(budget, part size × (concurrency + 1)) + 32 MiB.
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

const main = async () => {
  const { values } = parseArgs({
    options: { size: { type: "string", default: "8GiB" }, client: { type: "string", default: "sluice" } }
  })
  const size = parseSize(values.size)
  const interrupted = new AbortController()
  process.once("SIGINT", () => interrupted.abort(new Error("interrupted")))
  const sink = compileSink()
  const source = spawn(process.execPath, [pipeSource, String(size)], {
    stdio: ["ignore", "pipe", "inherit"],
    signal: interrupted.signal
  })
  source.once("error", () => undefined) // interrupted; the client's end tells
  const row = { name: `${values.client}-pipe`, script: `${values.client}.js`, args: ["pipe"] }
  const options = { sink, file: "", size, signal: interrupted.signal, stdin: source.stdout }
  const { measured, seen } = await runClient(row, options).finally(() => source.kill())
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
