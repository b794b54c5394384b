#!/usr/bin/env node
/**
 * Plants one bug after another in a copy of the repository, and runs the tests of the rows that it is planted for.
 *
 *   npm run mutants [-- --rows 9,18 | --only WORDS] [--write]
 *
 * Exits 1 where a bug survives: no test of one of its rows turns red. `--write` puts what was seen into
 * docs/reliability.md. The copy is of the last commit; MinIO is left out, as its tests are those of the embedded server.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { mutants } from "./mutants.js"

/** @typedef {import("./mutants.js").Mutant} Mutant */
/** @typedef {{ readonly red: number, readonly of: number, readonly silent: ReadonlyArray<string> }} Seen how many of a row's tests turned red; those that did not */

const root = resolve(import.meta.dirname, "../..")
const page = join(root, "docs/reliability.md")
const { values } = parseArgs({
  options: { rows: { type: "string" }, only: { type: "string" }, write: { type: "boolean", default: false } }
})

/** A run that hangs is red: no test of the whole takes so long. */
const mostMs = 240_000

/** The copy: the last commit, built, on this tree's dependencies. */
function makeCopy() {
  const copy = mkdtempSync(join(tmpdir(), "sluice-mutants-"))
  run("git", ["clone", "--quiet", "--shared", root, copy], root)
  const modules = join(copy, "node_modules")
  mkdirSync(join(modules, "@sluice"), { recursive: true })
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== "@sluice") symlinkSync(join(root, "node_modules", name), join(modules, name))
  }
  for (const name of readdirSync(join(copy, "packages"))) {
    symlinkSync(join("../../packages", name), join(modules, "@sluice", name))
  }
  run(join(modules, ".bin/tsc"), ["-b"], copy)
  return copy
}

/** @param {string} command @param {string[]} args @param {string} cwd */
function run(command, args, cwd) {
  const { status, stderr, stdout } = spawnSync(command, args, { cwd, encoding: "utf8" })
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stdout}${stderr}`)
}

/** Where a row's tests are, as the copy's page says. @param {string} copy @param {number} row */
function filesOf(copy, row) {
  const line = readFileSync(join(copy, "docs/reliability.md"), "utf8")
    .split("\n")
    .find((text) => text.startsWith(`| ${row} |`))
  return [...(line ?? "").matchAll(/\]\(\.\.\/([^)]+\.test\.ts)\)/g)].map(([, file = ""]) => file)
}

/** @param {string} title @param {number} row */
const names = (title, row) =>
  [...title.matchAll(/\[rows? (\d+(?:, ?\d+)*)\]/g)].some(([, rows = ""]) => rows.split(",").map(Number).includes(row))

/** Replaces each `from`, which must be there once. @param {string} source @param {Mutant} mutant */
function planted(source, { bug, edits, file }) {
  let text = source
  for (const [from, to] of edits) {
    if (text.split(from).length !== 2) throw new Error(`"${bug}" no longer fits ${file}: ${from}`)
    text = text.replace(from, () => to)
  }
  return text
}

/** What tsc makes of a module of ours: types gone, relative imports renamed. @param {string} source */
const built = (source) => stripTypeScriptTypes(source).replace(/((?:from |import\()"\.[^"]*)\.ts"/g, '$1.js"')

/** Runs the tests of a mutant's rows on it. @param {string} copy @param {Mutant} mutant @returns {Map<number, Seen> | undefined} undefined: hung */
function tryOut(copy, mutant) {
  const report = join(copy, "report.json")
  const pattern = `\\[rows? ([0-9, ]*[ ,])?(${mutant.rows.join("|")})[\\],]`
  const files = [...new Set(mutant.rows.flatMap((row) => filesOf(copy, row)))]
  rmSync(report, { force: true })
  const { signal } = spawnSync(
    join(copy, "node_modules/.bin/vitest"),
    ["run", ...files, "-t", pattern, "--reporter=json", `--outputFile=${report}`, "--testTimeout=20000"],
    {
      cwd: copy,
      env: { ...process.env, SLUICE_HEAVY: "1" },
      timeout: mostMs,
      killSignal: "SIGKILL"
    }
  )
  if (signal !== null) return undefined
  /** @type {{ testResults: { assertionResults: { fullName: string, ancestorTitles: string[], title: string, status: string }[] }[] }} */
  const { testResults } = JSON.parse(readFileSync(report, "utf8"))
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
  return new Map(
    mutant.rows.map((row) => {
      const own = tests.filter(
        ({ ancestorTitles, status, title }) =>
          /^(passed|failed)$/.test(status) && names([...ancestorTitles, title].join(" "), row)
      )
      const silent = own.filter(({ status }) => status === "passed").map(({ fullName }) => fullName)
      return [row, { red: own.length - silent.length, of: own.length, silent }]
    })
  )
}

/** The table between the markers of the page. @param {string[]} rows */
function record(rows) {
  const head = "| Undone | Row | Tests that turn red |\n|---|---|---|"
  const table = [head, ...rows].join("\n")
  const text = readFileSync(page, "utf8")
  writeFileSync(
    page,
    text.replace(/(<!-- mutants -->\n).*?(<!-- \/mutants -->)/s, (_, begin, end) => `${begin}\n${table}\n\n${end}`)
  )
}

const wanted = values.rows?.split(",").map(Number)
const chosen = mutants.filter(
  ({ bug, rows }) =>
    (wanted === undefined || rows.some((row) => wanted.includes(row))) &&
    (values.only === undefined || bug.includes(values.only))
)
const copy = makeCopy()
/** @type {string[]} */
const table = []
/** Tests of each row that no bug has turned red so far. @type {Map<number, Set<string>>} */
const neverRed = new Map()
let survivors = 0
try {
  for (const mutant of chosen) {
    const source = join(copy, "packages/core/src", mutant.file)
    const output = join(copy, "packages/core/dist", mutant.file.replace(/\.ts$/, ".js"))
    const [before, builtBefore] = [readFileSync(source, "utf8"), readFileSync(output, "utf8")]
    const after = planted(before, mutant)
    writeFileSync(source, after)
    writeFileSync(output, built(after))
    const began = performance.now()
    const seen = tryOut(copy, mutant)
    writeFileSync(source, before)
    writeFileSync(output, builtBefore)
    for (const row of mutant.rows) {
      const { red, of, silent } = seen?.get(row) ?? { red: 1, of: 1, silent: [] }
      if (seen !== undefined) {
        const known = neverRed.get(row)
        neverRed.set(row, new Set(known === undefined ? silent : silent.filter((one) => known.has(one))))
      }
      if (red === 0) survivors++
      const told = seen === undefined ? "the run hangs" : `${red} of ${of}`
      console.log(
        `${red === 0 ? "SURVIVES" : "found"}  row ${row}: ${mutant.bug}: ${told}, ${((performance.now() - began) / 1000).toFixed(0)} s`
      )
      table.push(`| ${mutant.bug} | ${row} | ${told} |`)
    }
  }
} finally {
  rmSync(copy, { recursive: true, force: true })
}
for (const [row, tests] of [...neverRed].sort(([a], [b]) => a - b)) {
  for (const test of tests) console.log(`row ${row}, never red: ${test}`)
}
if (values.write) record(table.sort((a, b) => Number(a.split("|")[2]) - Number(b.split("|")[2])))
console.log(`${chosen.length} bugs planted, ${survivors} survived in a row`)
process.exitCode = survivors === 0 ? 0 : 1
