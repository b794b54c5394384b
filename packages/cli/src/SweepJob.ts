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
import { readBucketTarget } from "./read-bucket.ts"
import { type Place, placeFlags, readSettings, type Settings } from "./Settings.ts"
import { parseDuration } from "./units.ts"

export const flags = {
  "older-than": { type: "string", value: "TIME", help: "since when nobody has worked on them, as 24h (default: 7d)" },
  "dry-run": { type: "boolean", help: "print what would be done, and do nothing; with --all the default" },
  all: { type: "boolean", help: "every open multipart upload of the bucket, not only what the journal names" },
  prefix: { type: "string", value: "PREFIX", help: "with --all: only of keys that begin so" },
  yes: { type: "boolean", help: "with --all: end them" },
  ...placeFlags
} as const satisfies Flags

interface Job {
  readonly olderThanMs: number
  readonly dryRun: boolean
  readonly settings: Settings
}

/** What the journal names. */
export interface JournalSweepJob extends Job {
  readonly all: false
}

/** What is open in a bucket, whoever began it. */
export interface BucketSweepJob extends Job {
  readonly all: true
  readonly bucket: string
  readonly prefix: string
}

const defaultOlderThanMs = 7 * 86_400_000

/** Reads the arguments behind `sluice sweep`; throws `UsageError` with every line of what is wrong. */
export const readSweepJob = (args: ReadonlyArray<string>, env: Environment): JournalSweepJob | BucketSweepJob => {
  const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
  const { all = false, prefix, yes = false } = values
  const problems = new Problems()
  const job: Job = {
    olderThanMs: problems.read("--older-than", values["older-than"], parseDuration) ?? defaultOlderThanMs,
    dryRun: all ? !yes : (values["dry-run"] ?? false),
    settings: readSettings(values, env, problems)
  }
  if (yes && values["dry-run"] === true) problems.add("--yes", "is the opposite of --dry-run; give one of them")
  if (!all) {
    // Who names a bucket means it; the journal may name others.
    if (positionals.length > 0) problems.add("TARGET", "sweep goes by the journal; add --all to sweep a bucket")
    if (prefix !== undefined) problems.add("--prefix", "belongs to --all")
    if (yes) problems.add("--yes", "belongs to --all")
  }
  // A path behind the bucket is a prefix.
  const target = all ? readBucketTarget(positionals, problems) : undefined
  if (problems.lines.length > 0) throw new UsageError(problems.lines)
  return target === undefined
    ? { ...job, all: false }
    : { ...job, all: true, bucket: target.bucket, prefix: prefix ?? target.path }
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
