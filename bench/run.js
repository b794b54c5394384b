/**
 * `npm run bench`: every client against the discarding sink, interleaved round by round. See README.md.
 */
import { existsSync } from "node:fs"
import { rm, writeFile as write } from "node:fs/promises"
import { parseArgs } from "node:util"
import { runClient } from "./client.js"
import { printProfile } from "./profile.js"
import { rows } from "./rows.js"
import { compileSink, toolsDirectory } from "./sink.js"
import { partHeaders, summarize, toJson, toRun, toTable } from "./summary.js"
import { makeIdentity } from "./tls.js"
import { parseSize, writeFile } from "./workload.js"

/** The loosest that `--guard` lets a file upload cost beside the bare loop: beyond it something is broken. */
const guardRatio = 2

const readOptions = () => {
  const { values } = parseArgs({
    options: {
      size: { type: "string", default: "4GiB" },
      runs: { type: "string", default: "7" },
      only: { type: "string" },
      json: { type: "string" },
      guard: { type: "boolean", default: false },
      profile: { type: "boolean", default: false }
    }
  })
  const runs = Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs ${values.runs}: write a whole number from 1`)
  const only = values.only?.split(",").map((name) => name.trim())
  const unknown = only?.filter((name) => !rows.some((row) => row.name === name)) ?? []
  if (unknown.length > 0) {
    throw new Error(`--only ${unknown.join(",")}: no such row; there are ${rows.map((row) => row.name).join(", ")}`)
  }
  return {
    ...values,
    size: parseSize(values.size),
    runs,
    selected: rows.filter((row) => only?.includes(row.name) ?? true)
  }
}

/**
 * The rows in a new order each round, so that none always follows the same neighbour's heat.
 *
 * @param {number} round
 * @param {ReadonlyArray<import("./rows.js").Row>} selected
 */
const rotated = (round, selected) => {
  const first = round % selected.length
  return [...selected.slice(first), ...selected.slice(0, first)]
}

/** @param {AbortSignal} signal */
const main = async (signal) => {
  const options = readOptions()
  const sink = compileSink()
  const identity = options.selected.some((row) => row.tls === true) ? makeIdentity() : undefined
  const selected = options.selected.filter((row) => {
    if (row.tls === true && identity === undefined) {
      console.log(`${row.name}: left out, there is no openssl to make a certificate`)
      return false
    }
    const built = row.needs === undefined || existsSync(row.needs)
    if (!built) console.log(`${row.name}: left out, ${row.needs?.pathname} is not built (npm run build)`)
    return built
  })
  const file = `${toolsDirectory}object-${process.pid}`
  /** @type {Map<string, string[]>} */
  const headers = new Map()
  /** @type {import("./summary.js").Run[][]} */
  const rounds = []
  try {
    if (selected.some((row) => row.kind === "file")) await writeFile(file, options.size)
    for (let round = 0; round < options.runs; round++) {
      const runs = []
      for (const row of rotated(round, selected)) {
        const { measured, seen } = await runClient(row, {
          sink,
          file,
          size: options.size,
          signal,
          identity,
          profile: options.profile
        })
        const run = toRun(options.size, row.name, measured, seen)
        runs.push(run)
        headers.set(row.name, partHeaders(seen.firstPartHead))
        console.error(`round ${round + 1}/${options.runs}  ${row.name}  ${run.cpuSecondsPerGiB.toFixed(2)} CPU s/GiB`)
      }
      rounds.push(runs)
    }
  } finally {
    await rm(file, { force: true })
  }
  const summary = summarize(rounds)
  for (const row of selected) {
    console.log(`\n${row.name}: ${row.what}\nheaders of its first UploadPart:`)
    for (const line of headers.get(row.name) ?? []) console.log(`  ${line}`)
    if (options.profile) printProfile(row.name)
  }
  console.log(`\n${options.size / 2 ** 20} MiB, ${options.runs} rounds; median (min–max)\n\n${toTable(summary)}`)
  if (options.json !== undefined) await write(options.json, `${JSON.stringify(toJson(summary), undefined, 2)}\n`)
  if (options.guard) {
    const ratio = summary.ratios.fileVsLoop?.median ?? Number.POSITIVE_INFINITY
    if (ratio > guardRatio) {
      console.error(`guard: fileVsLoop is ${ratio.toFixed(2)}, more than ${guardRatio}`)
      process.exitCode = 1
    }
  }
}

const interrupted = new AbortController()
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.once(signal, () => interrupted.abort(new Error(`ended by ${signal}`)))
}
await main(interrupted.signal).catch((error) => {
  console.error(`bench: ${interrupted.signal.aborted ? "interrupted" : error.message}`)
  process.exitCode = interrupted.signal.aborted ? 130 : 2
})
