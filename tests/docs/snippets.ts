import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Block } from "./blocks.ts"

/** Blocks as modules of their own, below the repository so that they import its packages. */
export interface Snippets extends Disposable {
  readonly directory: string
  readonly pathOf: (block: Block) => string
}

/** The file's name says where the block stands; `pageOf` reads it back. */
const nameOf = ({ file, line }: Block): string => `${file.replaceAll("/", "__")}__L${line}.ts`

/** `docs__hooks.md__L12.ts` → `docs/hooks.md` */
export const pageOf = (name: string): string => name.replace(/__L\d+\.ts$/, "").replaceAll("__", "/")

/** Writes each block to the lines that it has in its page, so that errors name the page's own lines. */
export const writeSnippets = (blocks: ReadonlyArray<Block>): Snippets => {
  const parent = join(import.meta.dirname, ".snippets")
  mkdirSync(parent, { recursive: true })
  const directory = mkdtempSync(join(parent, "run-"))
  const pathOf = (block: Block): string => join(directory, nameOf(block))
  for (const block of blocks) writeFileSync(pathOf(block), "\n".repeat(block.line - 1) + block.code)
  return { directory, pathOf, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) }
}
