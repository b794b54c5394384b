/**
 * `sluice versions`: what a bucket keeps of an object.
 *
 * @module
 */
import { parseArgs } from "node:util"
import type { ObjectVersion } from "@sluice/core/promise"
import { type Command, exitCode, type Flags, UsageError } from "../Command.ts"
import { readObjectJob } from "../ObjectJob.ts"
import { openEngine } from "../open-engine.ts"
import { Problems } from "../Problems.ts"
import { placeFlags } from "../Settings.ts"
import { formatSize } from "../units.ts"

const { journal: _, ...ownFlags } = placeFlags
const flags = {
  json: { type: "boolean", help: "print every version as a line of JSON" },
  ...ownFlags
} as const satisfies Flags

const lineOf = ({ deleteMarker, isLatest, lastModified, size, versionId }: ObjectVersion): string =>
  [
    versionId,
    lastModified?.toISOString() ?? "-",
    deleteMarker ? "deleted" : formatSize(size),
    ...(isLatest ? ["newest"] : [])
  ].join("  ")

export const versions: Command = {
  name: "versions",
  takes: "s3://bucket/key",
  summary: "Lists what the bucket keeps of an object: versions and delete markers, the newest first.",
  details: [
    "A line a version: its id, when it was written, its size, or that the object was deleted then.",
    "sluice restore makes one of them the newest again.",
    "",
    "Exit codes: 0 listed, 1 failed or nothing there, 2 not understood, 130 interrupted."
  ],
  flags,
  run: async (args, world) => {
    const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
    const problems = new Problems()
    const { bucket, key, settings } = readObjectJob(positionals, values, world.env, problems)
    if (problems.lines.length > 0) throw new UsageError(problems.lines)
    await using sluice = openEngine({ ...settings, bucket, place: settings.placeOf(), journal: undefined }, world)
    let found = false
    for await (const version of sluice.versions(key)) {
      if (world.signal.aborted) return exitCode.stopped
      found = true
      world.out(values.json === true ? JSON.stringify(version) : lineOf(version))
    }
    if (found) return exitCode.done
    world.err(`sluice: there is no version of s3://${bucket}/${key}`)
    return exitCode.failed
  }
}
