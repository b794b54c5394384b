import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type Block, blocksOfModule, blocksOfPage } from "./blocks.ts"
import { checkTypes } from "./check-types.ts"

const root = join(import.meta.dirname, "../..")
const read = (file: string): string => readFileSync(join(root, file), "utf8")
const isOurs = (path: string): boolean => !/(^|\/)(node_modules|dist|\.tools)(\/|$)/.test(path)

const pages = globSync(["*.md", "docs/**/*.md", "bench/*.md", "packages/**/*.md"], { cwd: root }).filter(isOurs).sort()
const modules = globSync("packages/*/src/**/*.ts", { cwd: root })
  .filter((path) => !/\.test\.ts$/.test(path))
  .sort()

const blocks: ReadonlyArray<Block> = [
  ...pages.flatMap((file) => blocksOfPage(file, read(file))),
  ...modules.flatMap((file) => blocksOfModule(file, read(file)))
]
const examples = blocks.filter(({ language }) => language === "ts")

describe("every TypeScript example", () => {
  it("compiles under the repository's strict options", () => {
    expect(checkTypes(examples)).toEqual([])
  })
})
