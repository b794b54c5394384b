/**
 * The report of a run on real stores as tables: every case, for the terminal; the differences and promises, for
 * docs/stores.md.
 */
import { tools } from "./tools.js"

const begin = "<!-- written by npm run test:stores -->"
const end = "<!-- end -->"

/**
 * @typedef {{ title: string, group: string, status: string, deviation?: string }} Case
 * @typedef {{ ancestorTitles: string[], title: string, status: string, meta?: { deviation?: string } }} Assertion
 * @typedef {{ testResults: Array<{ assertionResults: Assertion[] }> }} Report
 */

const suites = { behaviour: "S3 behaviour: ", promises: "the engine's promises: " }

/**
 * The cases of a kind that ran, by store, in the order of the suite.
 *
 * @param {Report} report @param {string} prefix
 * @returns {Map<string, Case[]>}
 */
function casesOf(report, prefix) {
  const stores = new Map()
  for (const { assertionResults } of report.testResults) {
    for (const { ancestorTitles, title, status, meta } of assertionResults) {
      const [suite = "", ...groups] = ancestorTitles
      if (!suite.startsWith(prefix) || status === "skipped" || title === "deviates in cases that the suite has")
        continue
      const store = suite.slice(prefix.length)
      const cases = stores.get(store) ?? []
      cases.push({ group: groups.join(" › "), title, status, deviation: meta?.deviation })
      stores.set(store, cases)
    }
  }
  return stores
}

/** @param {Report} report */
export function storesTable(report) {
  const behaviour = casesOf(report, suites.behaviour)
  const embedded = behaviour.get("embedded") ?? []
  const stores = [...behaviour.keys()]
  const rows = embedded.map((row, index) => ({
    name: `${row.group}: ${row.title}`,
    cells: stores.map((store) => cellOf(row, behaviour.get(store)?.[index]))
  }))
  const promises = casesOf(report, suites.promises)
  const everyCase = [["", ...stores], ...rows.map(({ name, cells }) => [name, ...cells.map(signOf)])]
    .map(([name = "", ...cells]) => `${cells.map((cell) => cell.padEnd(11)).join("")}${name}`)
    .join("\n")
  return {
    stores,
    everyCase: `${everyCase}\n\n✓ as S3 documents it   ≠ another answer, held to   ✗ not so, and known   ! failed`,
    markdown: [summary(stores, rows), differences(stores, rows), promised(promises)].join("\n\n")
  }
}

/** @typedef {{ kind: "same" | "other" | "lacks" | "failed", text: string }} Cell */

/**
 * @param {Case} expected @param {Case | undefined} seen
 * @returns {Cell}
 */
function cellOf(expected, seen) {
  if (seen === undefined || seen.status !== "passed") return { kind: "failed", text: "failed" }
  if (seen.deviation !== undefined) return { kind: "lacks", text: seen.deviation }
  return seen.title === expected.title ? { kind: "same", text: "" } : { kind: "other", text: ending(expected, seen) }
}

/** @param {Cell} cell */
const signOf = ({ kind }) => ({ same: "✓", other: "≠", lacks: "✗", failed: "!" })[kind]

/** What is particular to the answer: the words from the first that differs. @param {Case} expected @param {Case} seen */
function ending(expected, seen) {
  const words = seen.title.split(" ")
  const first = words.findIndex((word, index) => word !== expected.title.split(" ")[index])
  return words.slice(first).join(" ")
}

/** @param {Cell["kind"]} kind @param {number} index @param {Array<{ cells: Cell[] }>} rows */
const count = (kind, index, rows) => String(rows.filter(({ cells }) => cells[index]?.kind === kind).length)

/** @param {string[]} stores @param {Array<{ cells: Cell[] }>} rows */
const summary = (stores, rows) =>
  table([
    [`Of ${rows.length} cases of S3's behaviour`, ...stores.map(nameOf)],
    ["as S3 documents it", ...stores.map((_, index) => count("same", index, rows))],
    ["another answer, which the suite knows and demands", ...stores.map((_, index) => count("other", index, rows))],
    ["not so", ...stores.map((_, index) => count("lacks", index, rows))]
  ])

/** One row a case that differs anywhere; cases of one group that differ in one way are one row. */
/** @param {string[]} stores @param {Array<{ name: string, cells: Cell[] }>} rows */
function differences(stores, rows) {
  const real = stores.slice(1)
  const differing = rows.filter(({ cells }) => cells.some(({ kind }) => kind !== "same"))
  return table([
    ["Where they differ", ...real.map(nameOf)],
    ...differing.map(({ name, cells }) => [
      name,
      ...cells.slice(1).map(({ kind, text }) => (kind === "same" ? "✓" : kind === "lacks" ? `✗ ${text}` : text))
    ])
  ])
}

/** @param {Map<string, Case[]>} promises */
function promised(promises) {
  const stores = [...promises.keys()]
  const titles = (promises.get(stores[0] ?? "") ?? []).map(({ title }) => title)
  return table([
    ["What the engine promises", ...stores.map(nameOf)],
    ...titles.map((title, index) => [
      title,
      ...stores.map((store) => {
        const seen = promises.get(store)?.[index]
        return seen?.status === "passed" ? (seen.deviation ?? "✓") : "failed"
      })
    ])
  ])
}

/** @param {string} store */
function nameOf(store) {
  const version = tools[store]?.version.replace(/^v0\.0\.0-(\d{4})(\d\d)(\d\d).*$/, "of $1-$2-$3")
  return version === undefined ? store : `${store} ${version}`
}

/** @param {ReadonlyArray<ReadonlyArray<string>>} rows */
const table = ([head = [], ...rows]) =>
  [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n")

/** @param {string} page @param {{ markdown: string }} table */
export function storesPage(page, { markdown }) {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`docs/stores.md has no ${begin} and ${end}`)
  return `${page.slice(0, from)}${begin}\n\n${markdown}\n\n${page.slice(to)}`
}
