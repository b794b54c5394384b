import { globSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { read, root } from "./pages.ts"

const page = read("docs/reliability.md")

/** The rows that a text names: `[row 12]`, `[rows 9, 18]`. */
const rowsOf = (text: string): ReadonlyArray<number> =>
  [...text.matchAll(/\[rows? (\d+(?:, ?\d+)*)\]/g)].flatMap(([, rows = ""]) => rows.split(",").map(Number))

/** The rows of the tables, as they stand. */
const rows = [...page.matchAll(/^\| (\d+) \| [^|]* \| ([^|]*) \|(.*)$/gm)].map(([, row, what = "", rest = ""]) => ({
  row: Number(row),
  what,
  files: [...rest.matchAll(/\]\(\.\.\/([\w./-]+\.test\.ts)\)/g)].map(([, file = ""]) => file).sort()
}))

const tests = globSync(["tests/**/*.test.ts", "packages/*/{src,test}/**/*.test.ts"], { cwd: root })
  .filter((file) => !/node_modules|dist/.test(file) && !file.startsWith(join("tests", "docs")))
  .map((file) => ({ file: file.replaceAll("\\", "/"), text: read(file) }))

it("docs/reliability.md has each row of the fault matrix, in order", () => {
  expect(rows.map(({ row }) => row)).toEqual(Array.from({ length: 65 }, (_, i) => i + 1))
})

it("each row names files whose titles name it, or what it waits for (npm run reliability)", () => {
  const marked = new Map(tests.map(({ file, text }) => [file, new Set(rowsOf(text))]))
  for (const { row, files, what } of rows) {
    expect(
      files.filter((file) => marked.get(file)?.has(row) !== true),
      `files of row ${row}`
    ).toEqual([])
    if (files.length === 0) expect(what, `row ${row}`).toMatch(/^waits for /i)
  }
})

it("no test is expected to fail but those that docs/reliability.md tells of", () => {
  const bugs = page.split("## Known bugs")[1] ?? ""
  const told = [...bugs.matchAll(/\]\(\.\.\/([\w./-]+\.test\.ts)\)/g)].map(([, file]) => file)
  const failing = tests.filter(({ text }) => /\b(it|test)(\.\w+)*\.fails\b/.test(text)).map(({ file }) => file)
  expect(told.sort()).toEqual(failing.sort())
})

it("the core names no temporary directory", () => {
  const modules = globSync("packages/core/src/**/*.ts", { cwd: root }).filter((file) => !file.endsWith(".test.ts"))
  expect(modules.length).toBeGreaterThan(50)
  expect(modules.filter((file) => /tmpdir|mkdtemp/.test(read(file)))).toEqual([])
})
