import type { Block } from "./blocks.ts"

/** `sluice COMMAND --flag …` as a page shows it. */
export interface SluiceCall {
  readonly at: string
  readonly command: string
  readonly flags: ReadonlyArray<string>
}

/** Commands of a shell block: lines without comments, split where a pipe or a list goes on. */
const commandsOf = ({
  file,
  line,
  code
}: Block): ReadonlyArray<{ readonly at: string; readonly words: Array<string> }> =>
  code.split("\n").flatMap((text, i) =>
    text
      .replace(/(^|\s)#.*$/, "")
      .split(/\|\|?|&&|;/)
      .map((command) => ({ at: `${file}:${line + i}`, words: command.split(/\s+/).filter((word) => word !== "") }))
  )

/** Every call of `sluice` in a block. */
export const sluiceCalls = (block: Block): ReadonlyArray<SluiceCall> =>
  commandsOf(block).flatMap(({ at, words }) => {
    const name = words.findIndex((word) => word === "sluice" || word.endsWith("/sluice.js"))
    const isCall = name !== -1 && words.slice(0, name).every((word) => /^(npx|node|[A-Z_0-9]+=.*)$/.test(word))
    if (!isCall) return []
    const args = words.slice(name + 1)
    return [{ at, command: args[0] ?? "", flags: args.filter((word) => /^--?[a-z]/.test(word)) }]
  })

/** Every npm script that a block runs. */
export const npmScripts = (block: Block): ReadonlyArray<{ readonly at: string; readonly script: string }> =>
  commandsOf(block).flatMap(({ at, words }) => {
    const [npm, verb = "", name = ""] = words
    if (npm !== "npm") return []
    if (verb === "run") return [{ at, script: name }]
    return verb === "start" || verb === "test" ? [{ at, script: verb }] : []
  })

/** Flags that a help text lists, long and short. */
export const flagsOf = (help: string): ReadonlyArray<string> =>
  [...help.matchAll(/^ +(-\w)?,? *(--[a-z-]+)/gm)].flatMap(([, short, long]) =>
    [short, long].filter((flag) => flag !== undefined)
  )

/** Targets of a page's links that are no addresses, without their anchors. */
export const linksOf = (text: string): ReadonlyArray<string> =>
  [...text.replace(/```[\s\S]*?```/g, "").matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) =>
    /^(https?:|mailto:|#)/.test(target) ? [] : [target.replace(/#.*$/, "")]
  )
