/** One fenced block of a Markdown page or of a docstring. */
export interface Block {
  /** Path from the repository's root. */
  readonly file: string
  /** Line of its first line of code, from 1. */
  readonly line: number
  readonly language: string
  /** What stands behind the language. */
  readonly info: string
  readonly code: string
}

const fence = /^(\s*)```(\S*)[ \t]*(.*)$/

const fencedBlocks = (file: string, lines: ReadonlyArray<string>, firstLine: number): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let open: { language: string; info: string; at: number } | undefined
  for (const [i, line] of lines.entries()) {
    const [, , language = "", info = ""] = fence.exec(line) ?? []
    if (!fence.test(line)) continue
    if (open === undefined) open = { language, info: info.trim(), at: i + 1 }
    else {
      const { at, ...rest } = open
      blocks.push({ file, line: firstLine + at, ...rest, code: `${lines.slice(at, i).join("\n")}\n` })
      open = undefined
    }
  }
  if (open !== undefined) throw new Error(`${file}:${firstLine + open.at - 1}: the block is not closed`)
  return blocks
}

/** Blocks of a Markdown page. */
export const blocksOfPage = (file: string, text: string): ReadonlyArray<Block> =>
  fencedBlocks(file, text.split("\n"), 1)

/** Blocks in the docstrings of a TypeScript module. */
export const blocksOfModule = (file: string, text: string): ReadonlyArray<Block> =>
  [...text.matchAll(/\/\*\*.*?\*\//gs)].flatMap(({ 0: comment, index }) => {
    const firstLine = text.slice(0, index).split("\n").length
    const lines = comment.split("\n").map((line) => line.replace(/^\s*\* ?/, ""))
    return fencedBlocks(file, lines, firstLine)
  })
