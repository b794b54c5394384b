/**
 * What `sluice resume` was asked to do, read from its arguments and the environment. Pure.
 *
 * @module
 */
import { parseArgs } from "node:util"
import { type Flags, UsageError } from "./Command.ts"
import type { Environment } from "./Config.ts"
import { Problems } from "./Problems.ts"
import { placeFlags, readSettings, type Settings, sendFlags } from "./Settings.ts"

export const flags = {
  ...sendFlags,
  "dry-run": { type: "boolean", help: "print what would be sent, and send nothing" },
  ...placeFlags,
  "on-failure": { type: "string", value: "WHAT", help: "abort, keep or auto (default: keep)" }
} as const satisfies Flags

export interface ResumeJob {
  readonly sessionIds: ReadonlyArray<string>
  /** The file of the one session that is named; by default the one that it began with. `-` is standard input. */
  readonly file: string | undefined
  readonly settings: Settings
  /** Print events instead of words. */
  readonly json: boolean
  /** Print what would be sent, and send nothing. */
  readonly dryRun: boolean
}

/** As the engine makes them. */
const isSessionId = (text: string): boolean => /^[0-9a-f]{40}$/.test(text)

/** Session ids among the arguments; anything else is wrong. */
export const readSessionIds = (positionals: ReadonlyArray<string>, problems: Problems): ReadonlyArray<string> => {
  for (const text of positionals) {
    if (!isSessionId(text)) problems.add("session", `"${text}" is no session's id; sluice resume lists them`)
  }
  return positionals
}

/** Reads the arguments behind `sluice resume`; throws `UsageError` with every line of what is wrong. */
export const readResumeJob = (args: ReadonlyArray<string>, env: Environment): ResumeJob => {
  const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
  const problems = new Problems()
  const [first = "", second = ""] = positionals
  const hasFile = positionals.length === 2 && isSessionId(first) && !isSessionId(second)
  const settings = readSettings(values, env, problems)
  const job: ResumeJob = {
    sessionIds: readSessionIds(hasFile ? [first] : positionals, problems),
    file: hasFile ? second : undefined,
    // What was kept once is ended by `sluice cancel`, not by credentials that were forgotten.
    settings: { ...settings, engine: { onFailure: "keep", ...settings.engine } },
    json: values.json ?? false,
    dryRun: values["dry-run"] ?? false
  }
  if (problems.lines.length > 0) throw new UsageError(problems.lines)
  return job
}
