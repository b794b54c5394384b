/**
 * What `sluice bucket` was asked to set. Pure.
 *
 * @module
 */
import { parseArgs } from "node:util"
import { type CorsOptions, corsProblems } from "@sluice/core/Cors"
import { type LifecycleOptions, lifecycleProblems, lifecycleRules, tiers } from "@sluice/core/Lifecycle"
import * as Result from "effect/Result"
import { type Flags, UsageError } from "./Command.ts"
import type { Environment } from "./Config.ts"
import { Problems } from "./Problems.ts"
import { readBucket } from "./read-bucket.ts"
import { placeFlags, readSettings, type Settings } from "./Settings.ts"
import { type Parse, parseDuration, parseOneOf } from "./units.ts"

const { journal: _, ...place } = placeFlags

/** Where a bucket is: what needs no journal has no flag for it. */
export const bucketFlags = place

export const flags = {
  yes: { type: "boolean", help: "write it" },
  json: { type: "boolean", help: "print each rule as a line of JSON" },
  "dry-run": { type: "boolean", help: "print what would be written, and write nothing (the default)" },
  "abort-after": {
    type: "string",
    value: "DAYS",
    help: "lifecycle: incomplete uploads end, as 7d (the default) or off"
  },
  "infrequent-after": { type: "string", value: "DAYS", help: "lifecycle: objects move to STANDARD_IA, as 30d" },
  "glacier-after": { type: "string", value: "DAYS", help: "lifecycle: objects move to GLACIER, as 90d" },
  tiers: { type: "boolean", help: "lifecycle: the last two together, after 30 and 90 days" },
  prefix: { type: "string", value: "PREFIX", help: "lifecycle: whose objects move (default: all)" },
  expire: {
    type: "string",
    value: "PREFIX=DAYS",
    multiple: true,
    help: "lifecycle: objects below it are deleted, as tmp/=7d"
  },
  origin: {
    type: "string",
    value: "URL",
    multiple: true,
    help: "cors: whose pages upload, as https://app.example.com or *"
  },
  ...bucketFlags
} as const satisfies Flags

interface Job {
  readonly bucket: string
  readonly dryRun: boolean
  readonly json: boolean
  readonly settings: Settings
}

export type BucketJob = Job &
  (
    | { readonly setting: "lifecycle"; readonly options: LifecycleOptions }
    | { readonly setting: "cors"; readonly options: CorsOptions }
  )

const lifecycleFlags = ["abort-after", "infrequent-after", "glacier-after", "tiers", "prefix", "expire"] as const

const dayMs = 86_400_000

/** Whole days, written as `7d`, `48h` or a number of days. */
const parseDays: Parse<number> = (text) => {
  const days = /^\d{1,6}$/.test(text) ? Result.succeed(Number(text) * dayMs) : parseDuration(text)
  return Result.flatMap(days, (ms) =>
    ms > 0 && ms % dayMs === 0 ? Result.succeed(ms / dayMs) : Result.fail("give whole days, as 7d")
  )
}

const parseAbort: Parse<number | false> = (text) => (text === "off" ? Result.succeed(false) : parseDays(text))

const parseExpire: Parse<{ readonly prefix: string; readonly days: number }> = (text) => {
  const at = text.lastIndexOf("=")
  return at < 1
    ? Result.fail("give a prefix and days, as tmp/=7d")
    : Result.map(parseDays(text.slice(at + 1)), (days) => ({ prefix: text.slice(0, at), days }))
}

/** The library's names of options, as flags. */
const byFlags = (problem: string): string =>
  problem
    .replace("infrequentAccessAfterDays", "--infrequent-after")
    .replace("glacierAfterDays", "--glacier-after")
    .replace("abortAfterDays", "--abort-after")
    .replace(/^expire/, "--expire")

/** Reads the arguments behind `sluice bucket`; throws `UsageError` with every line of what is wrong. */
export const readBucketJob = (args: ReadonlyArray<string>, env: Environment): BucketJob => {
  const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
  const [word = "", ...targets] = positionals
  const problems = new Problems()
  const setting = parseOneOf(["lifecycle", "cors"])(word)
  if (Result.isFailure(setting)) problems.add("SETTING", "say which first: lifecycle or cors")
  const bucket = readBucket(targets, problems)
  const { origin = [], yes = false } = values
  if (yes && values["dry-run"] === true) problems.add("--yes", "is the opposite of --dry-run; give one of them")
  const wantsTiers = values.tiers === true
  const read = <A>(flag: "abort-after" | "infrequent-after" | "glacier-after", parse: Parse<A>): A | undefined =>
    problems.read(`--${flag}`, values[flag], parse)
  const lifecycle: LifecycleOptions = {
    ...(wantsTiers ? tiers : {}),
    ...given("abortAfterDays", read("abort-after", parseAbort)),
    ...given("infrequentAccessAfterDays", read("infrequent-after", parseDays)),
    ...given("glacierAfterDays", read("glacier-after", parseDays)),
    prefix: values.prefix,
    expire: (values.expire ?? []).flatMap((text) => problems.read("--expire", text, parseExpire) ?? [])
  }
  const isCors = Result.isSuccess(setting) && setting.success === "cors"
  const meant = isCors ? corsProblems({ origins: origin }) : lifecycleProblems(lifecycle)
  problems.lines.push(...meant.map(byFlags))
  if (!isCors && problems.lines.length === 0 && lifecycleRules(lifecycle).length === 0) {
    problems.add("--abort-after", "off leaves no rule to write; name another, or leave it out. No rule is removed here")
  }
  if (!isCors && origin.length > 0) problems.add("--origin", "belongs to cors")
  if (isCors && lifecycleFlags.some((flag) => values[flag] !== undefined)) {
    problems.add("SETTING", "cors takes no ages and no prefix; they belong to lifecycle")
  }
  const settings = readSettings(values, env, problems)
  if (bucket === undefined || problems.lines.length > 0) throw new UsageError(problems.lines)
  const job = { bucket, dryRun: !yes, json: values.json ?? false, settings }
  return isCors
    ? { ...job, setting: "cors", options: { origins: origin } }
    : { ...job, setting: "lifecycle", options: lifecycle }
}

const given = <K extends string, A>(name: K, value: A | undefined): { readonly [P in K]?: A } => {
  const option: { [P in K]?: A } = {}
  if (value !== undefined) option[name] = value
  return option
}
