import { globSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { read, root } from "./pages.ts"

const page = read("docs/faults.md")

/** Every test that the page names: its file and its title as the source has it. */
const named = [...page.matchAll(/\]\(\.\.\/([\w./-]+\.test\.ts)\): ([^<|]+)/g)].map(([, file = "", title = ""]) => ({
  file,
  title: title.trim()
}))

it("every test that docs/faults.md names exists", () => {
  expect(named.length).toBeGreaterThan(90)
  expect(named.filter(({ file, title }) => !read(file).includes(title))).toEqual([])
})

it("docs/faults.md has each row of the fault matrix, in order", () => {
  const rows = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, row]) => Number(row))
  expect(rows).toEqual(Array.from({ length: 65 }, (_, i) => i + 1))
})

it("docs/faults.md tells of every test that is expected to fail", () => {
  const bugs = page.split("## Known bugs")[1] ?? ""
  const told = [...bugs.matchAll(/\]\(\.\.\/([\w./-]+\.test\.ts)\)/g)].map(([, file]) => file)
  const tests = globSync("{tests,packages/*/src}/**/*.test.ts", { cwd: root })
  const failing = tests.filter(
    (file) => /\b(it|test)(\.\w+)*\.fails\b/.test(read(file)) && !file.startsWith(join("tests", "docs"))
  )
  expect(told.sort()).toEqual(failing.sort())
})
