#!/usr/bin/env node
/**
 * Fills the tables of docs/reliability.md from a run of the tests whose titles name a row of the fault matrix.
 *
 *   npm run reliability [-- --report FILE…] [--check]
 *
 * `--report` takes the JSON of runs that were made already, of which a later one counts; `--check` compares and writes
 * nothing. Exits 1 where a marked test failed or was skipped, where a row has no test and does not say what it waits for,
 * and where `--check` differs.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"

/**
 * @typedef {{ ancestorTitles: string[], title: string, status: string }} Assertion
 * @typedef {{ name: string, assertionResults: Assertion[] }} TestFile
 * @typedef {{ file: string, promise: string, store: string, status: string, full: string }} Held
 */

const root = resolve(import.meta.dirname ?? ".", "..")
const page = join(root, "docs/reliability.md")
const { values } = parseArgs({
  options: { report: { type: "string", multiple: true }, check: { type: "boolean", default: false } }
})

const mark = /\s*\[rows? (\d+(?:, ?\d+)*)\]/g

/** The rows that a title names: `[row 12]`, `[rows 9, 18]`. @param {string} title @returns {number[]} */
const rowsOf = (title) => [...title.matchAll(mark)].flatMap(([, rows = ""]) => rows.split(",").map(Number))

/** @returns {TestFile[]} */
function runMarkedTests() {
  const directory = mkdtempSync(join(tmpdir(), "sluice-reliability-"))
  const report = join(directory, "report.json")
  try {
    const env = { ...process.env, SLUICE_TEST_REPORT: report, SLUICE_SERVICES: "required" }
    spawnSync("npx", ["vitest", "run", "-t", "\\[rows? \\d"], { cwd: root, env, stdio: "inherit" })
    return readReport(report)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** @param {string} path @returns {TestFile[]} */
function readReport(path) {
  return JSON.parse(readFileSync(path, "utf8")).testResults
}

/** Where a test ran. A test that says nothing of it stands on the embedded store, or on none. @param {string} file @param {string} full */
function storeOf(file, full) {
  if (/\bMinIO\b(?!,)/.test(full)) return "MinIO"
  return file.startsWith("tests/") && !file.startsWith("tests/peers/") ? "embedded" : ""
}

/** @param {TestFile[]} files @returns {Map<number, Held[]>} */
function testsByRow(files) {
  /** @type {Map<number, Held[]>} */
  const byRow = new Map()
  for (const [id, { titles, status }] of newest(files)) {
    const file = id.slice(0, id.indexOf(" "))
    for (const row of new Set(titles.flatMap(rowsOf))) {
      const promise = (titles.findLast((one) => rowsOf(one).includes(row)) ?? "").replaceAll(mark, "")
      const full = titles.join(" ")
      byRow.set(row, [...(byRow.get(row) ?? []), { file, promise, status, full, store: storeOf(file, full) }])
    }
  }
  return byRow
}

/** Each test once, as its last run says. @param {TestFile[]} files */
function newest(files) {
  /** @type {Map<string, { titles: string[], status: string }>} */
  const tests = new Map()
  for (const { name, assertionResults } of files) {
    const file = name.replace(/^.*\/(?=(tests|packages)\/)/, "")
    for (const { ancestorTitles, title, status } of assertionResults) {
      // A suite that one run skips, with the reason in its name, is another run's.
      const titles = [...ancestorTitles, title].map((one) => one.replace(/ \(skipped: [^)]*\)/, ""))
      const id = `${file} ${titles.join(" > ")}`
      // A run of some tests calls the others skipped.
      if (!tests.has(id) || /^(passed|failed)$/.test(status)) tests.set(id, { titles, status })
    }
  }
  return tests
}

const mostPromises = 3

/** @param {Held[]} tests */
function cellsOf(tests) {
  const files = [...new Set(tests.map(({ file }) => file))].sort()
  const heldBy = files.map((file) => {
    const promises = [...new Set(tests.filter((test) => test.file === file).map(({ promise }) => promise))]
    const more = promises.length > mostPromises ? `; ${promises.length - mostPromises} more` : ""
    const label = file.replace(/^(tests|packages\/(?=core\/))\/?|\/?src\/|\.test\.ts$/g, (part) =>
      part === "/src/" ? "/" : ""
    )
    return `[${label}](../${file}): ${promises.slice(0, mostPromises).join("; ").replaceAll("|", "\\|")}${more}`
  })
  const stores = ["embedded", "MinIO"].filter((name) => tests.some(({ store }) => store === name))
  return ` ${heldBy.join("<br>")} | ${stores.join(", ") || "none needed"} | ${tests.length} passed |`
}

const byRow = testsByRow(values.report === undefined ? runMarkedTests() : values.report.flatMap(readReport))
/** @type {string[]} */
const problems = []
for (const [row, tests] of byRow)
  for (const { full, status } of tests) if (status !== "passed") problems.push(`row ${row}, ${status}: ${full}`)

const before = readFileSync(page, "utf8")
const after = before.replaceAll(/^(\| (\d+) \| [^|]* \| ([^|]*) \|).*$/gm, (_, hand, number, what) => {
  const tests = byRow.get(Number(number))
  if (tests !== undefined) return `${hand}${cellsOf(tests)}`
  if (!/^waits for /i.test(what)) problems.push(`row ${number} has no test, and does not say what it waits for`)
  return `${hand} | | waiting |`
})
if (problems.length > 0) {
  console.error(problems.join("\n"))
  process.exit(1)
}
if (!values.check) writeFileSync(page, after)
else if (before !== after) {
  console.error("docs/reliability.md is not what the tests say; run `npm run reliability`")
  process.exit(1)
}
const tests = [...byRow.values()].flat()
console.log(`reliability: ${byRow.size} rows held by ${new Set(tests.map(({ full }) => full)).size} tests`)
