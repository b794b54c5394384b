/**
 * What `sluice doctor` was asked to look at. Pure.
 *
 * @module
 */
import { parseArgs } from "node:util"
import { bucketFlags } from "./BucketJob.ts"
import { type Flags, UsageError } from "./Command.ts"
import type { Environment } from "./Config.ts"
import { Problems } from "./Problems.ts"
import { parseOrigin } from "./parse-origin.ts"
import { readBucket } from "./read-bucket.ts"
import { readSettings, type Settings } from "./Settings.ts"

export const flags = {
  "read-only": { type: "boolean", help: "write nothing; then rights to write, checksums and encryption stay unknown" },
  "dry-run": { type: "boolean", help: "the same as --read-only" },
  origin: { type: "string", value: "URL", help: "whose pages upload (default: one that the bucket's rules name)" },
  json: { type: "boolean", help: "print every finding as a line of JSON" },
  ...bucketFlags
} as const satisfies Flags

export interface DoctorJob {
  readonly bucket: string
  readonly readOnly: boolean
  readonly json: boolean
  readonly origin: string | undefined
  readonly settings: Settings
}

/** Reads the arguments behind `sluice doctor`; throws `UsageError` with every line of what is wrong. */
export const readDoctorJob = (args: ReadonlyArray<string>, env: Environment): DoctorJob => {
  const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
  const problems = new Problems()
  const bucket = readBucket(positionals, problems)
  const origin = problems.read("--origin", values.origin, parseOrigin)
  const settings = readSettings(values, env, problems)
  if (bucket === undefined || problems.lines.length > 0) throw new UsageError(problems.lines)
  return {
    bucket,
    readOnly: values["read-only"] === true || values["dry-run"] === true,
    json: values.json ?? false,
    origin,
    settings
  }
}
