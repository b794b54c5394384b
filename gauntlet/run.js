/**
 * `npm run gauntlet [-- --only sluice,lib-storage --lines 1,4]`: twelve lines, the same for everybody. A whole run (but
 * for line 10, which may be left out) writes docs/gauntlet.md and the readme's table. Exits 1 if a line of ours fails.
 */
import { randomBytes } from "node:crypto"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { MiB, openArena } from "./cell.js"
import { verdict as toVerdict } from "./judge.js"
import { lines } from "./lines.js"
import { toDocument, toReadme, toText, withTable } from "./report.js"
import { missing, rivals } from "./rivals.js"

/** @typedef {import("./judge.js").Observation} Observation */
/** @typedef {import("./judge.js").Verdict} Verdict */
/** @typedef {import("./lines.js").Line} Line */
/** @typedef {import("./rivals.js").Rival} Rival */

/** Four whole parts, and one that is not. */
const size = 33 * MiB
const usualLimitMs = 90_000
/** How many cells of each kind run at a time. */
const lanes = { waiting: 100, busy: availableParallelism() + 1, alone: 1, long: 1 }
/** The line that takes longer than all the others. */
const longest = 10

const root = fileURLToPath(new URL("../", import.meta.url))

/** @param {string | undefined} given @param {ReadonlyArray<string>} known @param {string} option */
const choice = (given, known, option) => {
  const chosen = given?.split(",").map((name) => name.trim()) ?? known
  const unknown = chosen.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new Error(`${option} ${unknown.join(",")}: there are ${known.join(", ")}`)
  return (/** @type {string} */ name) => chosen.includes(name)
}

const readOptions = () => {
  const { values } = parseArgs({ options: { only: { type: "string" }, lines: { type: "string" } } })
  const ids = rivals.map(({ id }) => id)
  const numbers = lines.map(({ number }) => `${number}`)
  const [isChosen, isRun] = [choice(values.only, ids, "--only"), choice(values.lines, numbers, "--lines")]
  const chosen = lines.filter(({ number }) => isRun(`${number}`))
  return {
    rivals: rivals.filter(({ id }) => isChosen(id)),
    lines: chosen,
    whole: ids.every(isChosen) && lines.every((line) => line.number === longest || chosen.includes(line))
  }
}

/**
 * Runs tasks, so many at a time.
 *
 * @param {number} width
 * @param {ReadonlyArray<() => Promise<void>>} tasks
 */
const inLane = async (width, tasks) => {
  const waiting = [...tasks]
  const work = async () => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) await task()
  }
  await Promise.all(Array.from({ length: Math.min(width, tasks.length) }, work))
}

/**
 * @param {Rival} rival
 * @param {Line} line
 * @param {string} file
 * @returns {Promise<{ verdict: Verdict, message: string }>}
 */
const runCell = async (rival, line, file) => {
  const reason = rival.cannot?.[line.number]
  if (reason !== undefined) return { verdict: toVerdict("none", reason, "no option"), message: "" }
  const arena = await openArena(rival, { file, size }, line.limitMs ?? usualLimitMs)
  try {
    const seen = await line.run(arena)
    return { verdict: line.judge(seen), message: seen.message }
  } finally {
    await arena.close()
  }
}

const main = async () => {
  const options = readOptions()
  const present = options.rivals.filter((rival) => {
    const reason = missing(rival)
    if (reason !== undefined) console.error(`${rival.name} is left out: ${reason}`)
    return reason === undefined
  })
  const folder = await mkdtemp(join(tmpdir(), "gauntlet-source-"))
  const file = join(folder, "file")
  /** @type {Map<string, { verdict: Verdict, message: string }>} */
  const cells = new Map()
  const began = performance.now()
  try {
    await writeFile(file, randomBytes(size))
    const tasks = (/** @type {Line["load"]} */ load) =>
      options.lines
        .filter((line) => line.load === load)
        // What may take longest begins first.
        .sort((one, other) => (other.limitMs ?? usualLimitMs) - (one.limitMs ?? usualLimitMs))
        .flatMap((line) =>
          present.map((rival) => async () => {
            const result = await runCell(rival, line, file)
            cells.set(`${rival.id} ${line.number}`, result)
            console.error(`line ${line.number}  ${rival.name}: ${result.verdict.word}`)
          })
        )
    await Promise.all([inLane(lanes.waiting, tasks("waiting")), inLane(lanes.busy, tasks("busy"))])
    await inLane(lanes.alone, tasks("alone"))
    await inLane(lanes.long, tasks("long"))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  /** @type {import("./report.js").Run} */
  const run = {
    rivals: present,
    lines: options.whole ? lines : options.lines,
    cell: (rival, line) => cells.get(`${rival.id} ${line.number}`),
    date: new Date().toISOString().slice(0, 10),
    machine: `${process.platform}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(0)}, Node ${process.versions.node}`,
    command: "npm run gauntlet",
    seconds: (performance.now() - began) / 1_000
  }
  console.log(toText(run))
  if (options.whole) {
    const readme = join(root, "README.md")
    const text = await readFile(readme, "utf8")
    await writeFile(join(root, "docs/gauntlet.md"), toDocument(run))
    if (withTable(text, run) === text) console.log(`\n${toReadme(run)}`)
    else await writeFile(readme, withTable(text, run))
    console.log("\nwritten: docs/gauntlet.md")
  }
  const ours = [...cells].filter(([name, { verdict }]) => name.startsWith("sluice ") && verdict.mark !== "pass")
  for (const [name, { verdict }] of ours) console.error(`not passed: ${name}: ${verdict.word}`)
  process.exitCode = ours.length > 0 ? 1 : 0
}

await main()
