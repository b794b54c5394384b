#!/usr/bin/env node
/**
 * Simulated uploads by the thousand (docs/testkit.md, "Simulation").
 *
 *   npm run sim -- [--seeds N] [--from S] [--minutes M] [--workers K] [--keep SITE …] [--fair] [--record]
 *
 * Without --from the seeds are fresh ones, and printed. Exits 1 when a promise is broken.
 */
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import { describeFinding, shrinkSimulation, simulate } from "@sluice/testkit/simulation"

/** Seeds that a worker is given at a time. */
const batch = 20
/** Findings after which nobody needs more. */
const enough = 5

const header = `| Day | Seeds | Uploads | Runs, resumes too | Requests | Faults | Violations |
|---|---|---|---|---|---|---|`

// Errors are made by the thousand, and nobody reads their stacks.
Error.stackTraceLimit = 0

/** @typedef {{ seeds: number, uploads: number, runs: number, succeeded: number, calls: number, faults: number }} Tally */

/** @returns {Tally} */
const nothing = () => ({ seeds: 0, uploads: 0, runs: 0, succeeded: 0, calls: 0, faults: 0 })

/** @param {number} from @param {number} seeds @param {ReadonlySet<string> | undefined} keep */
async function explore(from, seeds, keep) {
  const tally = nothing()
  /** @type {string[]} */
  const findings = []
  for (let seed = from; seed < from + seeds; seed++) {
    const found = await simulate({ seed, keep })
    tally.seeds++
    tally.uploads += found.uploads
    tally.runs += found.runs
    tally.succeeded += found.succeeded
    tally.calls += found.calls
    tally.faults += found.faults.length
    if (found.violations.length > 0) findings.push(describeFinding(await shrinkSimulation(found)))
  }
  return { tally, findings }
}

async function work() {
  parentPort?.on("message", async ({ from, seeds }) => {
    parentPort?.postMessage(await explore(from, seeds, workerData.keep))
  })
}

async function main() {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string" },
      from: { type: "string" },
      minutes: { type: "string" },
      workers: { type: "string", default: String(availableParallelism()) },
      keep: { type: "string", multiple: true },
      fair: { type: "boolean", default: false },
      record: { type: "boolean", default: false }
    }
  })
  const from = values.from === undefined ? Math.floor(Date.now() / 1000) * 1000 : Number(values.from)
  const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes)
  const seeds =
    values.seeds === undefined ? (values.minutes === undefined ? 100 : Number.POSITIVE_INFINITY) : Number(values.seeds)
  const keep = values.fair ? new Set() : values.keep === undefined ? undefined : new Set(values.keep)
  const deadline = performance.now() + minutes * 60_000
  const began = performance.now()
  const total = nothing()
  /** @type {string[]} */
  const findings = []
  console.log(`simulating from seed ${from}`)

  let next = from
  let told = began
  const more = () => next < from + seeds && performance.now() < deadline && findings.length < enough
  const report = () => {
    const seconds = ((performance.now() - began) / 1000).toFixed(0)
    console.log(
      `${total.seeds} seeds from ${from}: ${total.uploads} uploads in ${total.runs} runs, ${total.succeeded} stored, ${total.calls} requests, ${total.faults} faults, ${findings.length} violations, ${seconds} s`
    )
  }
  await Promise.all(
    Array.from({ length: Number(values.workers) }, async () => {
      const worker = new Worker(new URL(import.meta.url), {
        workerData: { keep },
        resourceLimits: { maxYoungGenerationSizeMb: 64 }
      })
      while (more()) {
        const count = Math.min(batch, from + seeds - next)
        worker.postMessage({ from: next, seeds: count })
        next += count
        const [answer] = await once(worker, "message")
        for (const key of /** @type {(keyof Tally)[]} */ (Object.keys(total))) total[key] += answer.tally[key]
        for (const finding of answer.findings) console.log(finding)
        findings.push(...answer.findings)
        if (performance.now() - told > 60_000) {
          told = performance.now()
          report()
        }
      }
      await worker.terminate()
    })
  )
  report()
  if (values.record) record(from, total, findings.length)
  process.exitCode = findings.length === 0 ? 0 : 1
}

/** One row between the markers of docs/reliability.md. @param {number} from @param {Tally} total @param {number} violations */
function record(from, { seeds, uploads, runs, calls, faults }, violations) {
  const page = new URL("../../docs/reliability.md", import.meta.url)
  const day = new Date().toISOString().slice(0, 10)
  const row = `| ${[day, `${from} … ${from + seeds - 1}`, uploads, runs, calls, faults, violations].join(" | ")} |`
  const text = readFileSync(page, "utf8").replace(
    /(<!-- simulation -->\n)(.*?)\n*(<!-- \/simulation -->)/s,
    (_, begin, rows, end) => `${begin}\n${rows.trim() || header}\n${row}\n\n${end}`
  )
  writeFileSync(page, text)
}

await (isMainThread ? main() : work())
