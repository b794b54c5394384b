/**
 * What a command of `sluice` is: words for `--help`, flags, and something to do.
 *
 * @module
 */
import type { Environment } from "./Config.ts"

/** One flag, for `node:util`'s parseArgs and for `--help` alike. */
export interface Flag {
  readonly type: "boolean" | "string"
  readonly short?: string
  readonly multiple?: boolean
  /** What stands behind the flag in `--help`. */
  readonly value?: string
  readonly help: string
}

export type Flags = Readonly<Record<string, Flag>>

/** The world outside, as a command sees it. */
export interface World {
  readonly env: Environment
  readonly out: (line: string) => void
  readonly err: (line: string) => void
  /** Rewrites the last line of the terminal, which has so many columns; undefined where standard error is no terminal. */
  readonly status: ((line: (columns: number) => string) => void) | undefined
  /** Aborts when the user wants to stop. */
  readonly signal: AbortSignal
}

export interface Command {
  readonly name: string
  /** What stands behind the name in `--help`. */
  readonly takes: string
  readonly summary: string
  readonly details: ReadonlyArray<string>
  readonly flags: Flags
  /** It begins multipart uploads or ends them: stopped in the middle, it may leave one unfinished. */
  readonly uploads?: true
  /** Ends with the exit code; rejects with what went wrong. */
  readonly run: (args: ReadonlyArray<string>, world: World) => Promise<number>
}

/** 0: done. 1: failed. 2: not understood. 130: stopped by the user. */
export const exitCode = { done: 0, failed: 1, usage: 2, stopped: 130 } as const

/** What is said when a command that shall stop has to be ended. */
export const outOfTime = (command: Pick<Command, "uploads"> | undefined): string =>
  `sluice: the store did not answer in time${command?.uploads === true ? "; an unfinished multipart upload may be left there" : ""}`

/** The command line or the environment cannot be understood; every line says why. */
export class UsageError extends Error {
  readonly lines: ReadonlyArray<string>
  constructor(lines: ReadonlyArray<string>) {
    super(lines.join("\n"))
    this.name = "UsageError"
    this.lines = lines
  }
}

/** Help for one command. */
export const helpOf = ({ details, flags, name, summary, takes }: Command): string => {
  const rows = Object.entries({ ...flags, help }).map(
    ([flag, { help: words, short, value }]) =>
      [
        `${short === undefined ? "    " : `-${short}, `}--${flag}${value === undefined ? "" : ` ${value}`}`,
        words
      ] as const
  )
  const width = Math.max(...rows.map(([left]) => left.length)) + 2
  return [
    `sluice ${name} ${takes}`.trim(),
    `  ${summary}`,
    "",
    ...details.map((line) => (line === "" ? "" : `  ${line}`)),
    "",
    "Flags:",
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`)
  ].join("\n")
}

/** Every command has it. */
export const help: Flag = { type: "boolean", short: "h", help: "print this" }
