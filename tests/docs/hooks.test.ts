import { dirname, join } from "node:path"
import { hookNames } from "@sluice/core/Plugin"
import { expect, it } from "vitest"
import { read } from "./pages.ts"

const page = read("docs/hooks.md")
const between = (from: string, to: string): string => page.split(from)[1]?.split(to)[0] ?? ""

/** Misbehaviour, what the caller gets, and the test that holds it. */
const rows = [
  ...between("## What happens to a plugin that misbehaves", "\n## ").matchAll(
    /^\| ([^|]+) \| ([^|]+) \| \[([^\]]+)\]\(([\w./-]+\.test\.ts)\) \|$/gm
  )
].map(([, misbehaviour = "", answer = "", title = "", file = ""]) => ({ misbehaviour, answer, title, file }))

it("docs/hooks.md names for each misbehaviour its documented error and a test that exists", () => {
  const lines = between("## What happens to a plugin that misbehaves", "\n## ").match(/^\| /gm) ?? []
  // The head of the table has no test; its rule begins with another character.
  expect(rows.length).toBe(lines.length - 1)
  expect(rows.filter(({ file, title }) => !read(join(dirname("docs/hooks.md"), file)).includes(title))).toEqual([])
})

it("and forgets none that a plugin is promised", () => {
  const told = rows.map(({ misbehaviour }) => misbehaviour).join("; ")
  for (const misbehaviour of [
    "throws",
    "hangs",
    "another length",
    "keeps a slab",
    "next` twice",
    "asks for a service"
  ]) {
    expect(told).toContain(misbehaviour)
  }
})

it("the table of hooks has every hook, and the table of deadlines too", () => {
  const inTable = (text: string): ReadonlyArray<string> =>
    hookNames.filter((name) => new RegExp(`^\\|[^\\n]*\\x60${name}[\\x60(]`, "m").test(text))
  expect(inTable(between("## The hooks", "\n## "))).toEqual(hookNames)
  expect(inTable(between("## Deadlines", "\n## "))).toEqual(hookNames)
})
