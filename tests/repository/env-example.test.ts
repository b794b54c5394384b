import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"

const root = join(import.meta.dirname, "../..")
const read = (path: string) => readFileSync(join(root, path), "utf8")
const names = (text: string) => [...new Set(text.match(/\bSLUICE_[A-Z]+(?:_[A-Z]+)*\b/g))].sort()

it(".env.example names every variable that the packages and their tests read", () => {
  const sources = globSync(["packages/*/{src,test}/**/*.ts", "tests/acceptance/**/*.ts"], { cwd: root })
  expect(names(read(".env.example"))).toEqual(expect.arrayContaining(names(sources.map(read).join("\n"))))
})
