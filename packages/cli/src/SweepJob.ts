/**
 * What `sluice sweep` was asked to do, and which sessions go to which store. Pure.
 *
 * @module
 */
import { parseArgs } from "node:util"
import type { Session } from "@sluice/core/promise"
import { type Flags, UsageError } from "./Command.ts"
import type { Environment } from "./Config.ts"
import { Problems } from "./Problems.ts"
import { noteOf } from "./ResumeNote.ts"
import { type Place, placeFlags, readSettings, type Settings } from "./Settings.ts"
import { parseDuration } from "./units.ts"

export const flags = {
  "older-than": { type: "string", value: "TIME", help: "since when nobody has worked on them, as 24h (default: 7d)" },
  "dry-run": { type: "boolean", help: "print what would be done, and do nothing" },
  ...placeFlags
} as const satisfies Flags

export interface SweepJob {
  readonly olderThanMs: number
  readonly dryRun: boolean
  readonly settings: Settings
}

const defaultOlderThanMs = 7 * 86_400_000

/** Reads the arguments behind `sluice sweep`; throws `UsageError` with every line of what is wrong. */
export const readSweepJob = (args: ReadonlyArray<string>, env: Environment): SweepJob => {
  const { values } = parseArgs({ args: [...args], options: flags })
  const problems = new Problems()
  const job: SweepJob = {
    olderThanMs: problems.read("--older-than", values["older-than"], parseDuration) ?? defaultOlderThanMs,
    dryRun: values["dry-run"] ?? false,
    settings: readSettings(values, env, problems)
  }
  if (problems.lines.length > 0) throw new UsageError(problems.lines)
  return job
}

/** Sessions of one bucket at one place. */
export interface Shelf {
  readonly bucket: string
  readonly place: Place
  readonly sessionIds: ReadonlySet<string>
}

/**
 * One journal may name uploads in many stores, also in buckets of the same name. What one store has never heard of
 * is no proof about another.
 */
export const shelvesOf = (
  sessions: ReadonlyArray<Pick<Session, "bucket" | "pluginState" | "sessionId">>,
  { placeOf }: Pick<Settings, "placeOf">
): ReadonlyArray<Shelf> => {
  const shelves = new Map<string, Shelf & { readonly sessionIds: Set<string> }>()
  for (const session of sessions) {
    const { bucket, sessionId } = session
    const { endpoint, region, profile, provider } = placeOf(noteOf(session))
    const name = JSON.stringify([bucket, endpoint, region, profile, provider])
    const shelf = shelves.get(name) ?? { bucket, place: { endpoint, region, profile, provider }, sessionIds: new Set() }
    shelf.sessionIds.add(sessionId)
    shelves.set(name, shelf)
  }
  return [...shelves.values()]
}
