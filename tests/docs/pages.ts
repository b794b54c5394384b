import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Block, blocksOfModule, blocksOfPage } from "./blocks.ts"

export const root = join(import.meta.dirname, "../..")
export const read = (file: string): string => readFileSync(join(root, file), "utf8")

const find = (...patterns: ReadonlyArray<string>): ReadonlyArray<string> =>
  globSync([...patterns], { cwd: root })
    .filter((path) => !/(^|\/)(node_modules|dist|\.[^/]+)\//.test(path))
    .sort()

/** What people read. */
export const pages = find("*.md", "docs/**/*.md", "bench/*.md", "packages/**/*.md")

/** Published modules; their docstrings are read in editors. */
export const modules = find("packages/*/src/**/*.ts").filter((path) => !path.endsWith(".test.ts"))

export const blocksOfPages: ReadonlyArray<Block> = pages.flatMap((file) => blocksOfPage(file, read(file)))
export const blocksOfModules: ReadonlyArray<Block> = modules.flatMap((file) => blocksOfModule(file, read(file)))

export const isTypeScript = ({ language }: Block): boolean => language === "ts" || language === "typescript"
export const isShell = ({ language }: Block): boolean => ["sh", "bash", "shell", "console"].includes(language)
