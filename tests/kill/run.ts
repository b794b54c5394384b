#!/usr/bin/env node
/**
 * Processes killed by SIGKILL at seeded random moments, once or twice, and their uploads resumed: none may be lost.
 *
 *   npm run kill -- [--runs 200] [--seed 1] [--write]
 *
 * Run n of a seed is run 1 of seed + n − 1: what a failure prints repeats it alone. `--write` records the result in
 * docs/reliability.md. Exits 1 where an upload was lost.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { findMinIO } from "@sluice/testkit"
import { startEmbedded, startMinIOTarget, type Target } from "../engine/stores.ts"
import { isRefused, live, openWorkplace, resumed, sizes, type Workplace } from "./lives.ts"

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    write: { type: "boolean", default: false }
  }
})
const runs = Number(values.runs)
const seed = Number(values.seed)
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed))
  throw new Error("--runs and --seed are numbers")

/** mulberry32: the same seed, the same numbers in [0, 1). */
const randomOf = (seed: number) => {
  let state = seed | 0
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Store {
  readonly name: string
  readonly target: Target
}

interface Run {
  readonly seed: number
  readonly store: string
  readonly what: string
  /** Where each process died; one that ended before its time is not among them. */
  readonly deaths: ReadonlyArray<string>
  /** The store refused what it had, and the next run began anew (decision 0043). */
  readonly anew: boolean
  readonly lost: unknown
}

/** Steps that an upload takes when nothing happens; a death is drawn among them. */
const stepsOf = { "a multipart upload": 26, "a single PUT": 12 } as const

const runOne = async (stores: ReadonlyArray<Store>, place: Workplace, seed: number): Promise<Run> => {
  const random = randomOf(seed)
  const below = (n: number): number => Math.floor(random() * n)
  // The first numbers of neighbouring seeds are alike.
  for (let i = 0; i < 8; i++) random()
  const { name, target } = stores[below(stores.length)] ?? embedded
  const what = random() < 0.8 ? "a multipart upload" : "a single PUT"
  // At a step, or up to 30 ms after it: in a request, in a write, between two.
  const death = () => ({ killAt: 1 + below(stepsOf[what]), killAfterMs: random() < 0.5 ? 0 : 1 + below(30) })
  const [first, second] = [death(), random() < 0.4 ? death() : undefined]
  const work = place.workOf(target, sizes[what])
  const deaths: Array<string> = []
  try {
    for (const [again, moment] of [first, second].entries()) {
      if (moment === undefined) continue
      const life = await live({ ...work, ...moment, resume: again === 1 })
      if (life.signal === "SIGKILL") {
        const later = moment.killAfterMs === 0 ? "" : ` + ${moment.killAfterMs} ms`
        deaths.push(`${life.steps[moment.killAt - 1]}${later}`)
      } else if (!/^stored \d+ source$/.test(life.last) && !isRefused(life)) throw new Error(life.errors)
    }
    return { seed, store: name, what, deaths, ...(await resumed(target, work)), lost: undefined }
  } catch (lost) {
    return { seed, store: name, what, deaths, anew: false, lost }
  }
}

const begun = performance.now()
const embedded: Store = { name: "embedded", target: await startEmbedded() }
const stores = [embedded]
if (findMinIO() !== undefined) stores.push({ name: "MinIO", target: await startMinIOTarget() })
const place = await openWorkplace()
const done: Array<Run> = []
// Whole uploads that were not killed do not count: as many seeds as it takes for so many kills.
let next = seed
const enough = (): boolean => done.filter(({ deaths, lost }) => deaths.length > 0 || lost !== undefined).length >= runs
const worker = async (): Promise<void> => {
  while (!enough()) {
    const run = await runOne(stores, place, next++)
    done.push(run)
    const end =
      run.lost === undefined
        ? run.anew
          ? "whole, begun anew"
          : "whole"
        : `LOST: npm run kill -- --runs 1 --seed ${run.seed}`
    console.log(
      `${done.length}  seed ${run.seed}  ${run.store}, ${run.what}: killed ${run.deaths.join(", then ") || "never"}: ${end}`
    )
    if (run.lost !== undefined) console.error(run.lost)
  }
}
try {
  await Promise.all([worker(), worker()])
  for (const { target } of stores) await target.assertNothingLeft()
} finally {
  await place[Symbol.asyncDispose]()
  for (const { target } of stores) await target[Symbol.asyncDispose]()
}

const killed = done.filter(({ deaths, lost }) => deaths.length > 0 || lost !== undefined)
const steps = new Set(killed.flatMap(({ deaths }) => deaths.map((death) => death.replace(/ \+ .*/, ""))))
const lost = killed.filter((run) => run.lost !== undefined)
const result: Readonly<Record<string, string | number>> = {
  Date: new Date().toISOString().slice(0, 10),
  Seeds: `${seed} to ${next - 1}`,
  "Uploads killed": killed.length,
  "Killed twice": killed.filter(({ deaths }) => deaths.length > 1).length,
  ...Object.fromEntries(stores.map(({ name }) => [`On ${name}`, killed.filter(({ store }) => store === name).length])),
  "Different steps": steps.size,
  "Begun anew": killed.filter(({ anew }) => anew).length,
  Lost: lost.length
}
console.table([result])
console.log(`${Math.round((performance.now() - begun) / 1_000)} s`)

if (values.write) {
  const page = new URL("../../docs/reliability.md", import.meta.url)
  const [begin, end] = ["<!-- kills -->", "<!-- /kills -->"]
  const row = (cells: ReadonlyArray<string | number>): string => `| ${cells.join(" | ")} |`
  const names = Object.keys(result)
  const table = [row(names), `|${names.map(() => "---|").join("")}`, row(Object.values(result))].join("\n")
  const text = readFileSync(page, "utf8")
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`docs/reliability.md has no place for kills`)
  writeFileSync(page, `${before}${begin}\n\n${table}\n\n${end}${after}`)
}
process.exit(lost.length === 0 ? 0 : 1)
