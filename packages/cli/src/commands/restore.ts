/**
 * `sluice restore`: an older version made the newest again.
 *
 * @module
 */
import { parseArgs } from "node:util"
import type { ObjectVersion, Sluice } from "@sluice/core/promise"
import { type Command, exitCode, type Flags, UsageError } from "../Command.ts"
import { readObjectJob } from "../ObjectJob.ts"
import { openEngine } from "../open-engine.ts"
import { openJournal } from "../open-journal.ts"
import { Problems } from "../Problems.ts"
import { placeFlags } from "../Settings.ts"
import { formatSize } from "../units.ts"

const flags = {
  version: { type: "string", value: "ID", help: "which version; sluice versions lists them" },
  "dry-run": { type: "boolean", help: "print what would be done, and do nothing" },
  ...placeFlags
} as const satisfies Flags

export const restore: Command = {
  name: "restore",
  takes: "s3://bucket/key --version ID",
  summary: "Makes an older version of an object the newest again, also after it was deleted.",
  details: [
    "The store copies it above the others, and the copy is compared with it. No version is deleted.",
    "",
    "Exit codes: 0 restored (or the newest already), 1 failed, 2 not understood, 130 interrupted."
  ],
  flags,
  uploads: true,
  run: async (args, world) => {
    const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
    const problems = new Problems()
    const { bucket, key, settings } = readObjectJob(positionals, values, world.env, problems)
    const versionId = values.version ?? ""
    if (versionId === "") problems.add("--version", "missing; sluice versions lists them")
    if (problems.lines.length > 0) throw new UsageError(problems.lines)
    const uri = `s3://${bucket}/${key}`
    const dryRun = values["dry-run"] === true
    // What a kill leaves of a large copy is the sweep's to end.
    const journal = dryRun ? undefined : await openJournal(settings.journal.directory)
    await using sluice = openEngine({ ...settings, bucket, place: settings.placeOf(), journal }, world)
    try {
      if (dryRun) {
        world.out(`${uri}  ${foresee(await find(sluice, key, versionId))}`)
        return exitCode.done
      }
      const { size, versionId: made, written } = await sluice.restore(key, versionId, { signal: world.signal })
      world.out(`${uri}  ${written ? `restored, ${formatSize(size)}, as version ${made ?? "null"}` : newestAlready}`)
      return exitCode.done
    } catch (error) {
      if (world.signal.aborted) return exitCode.stopped
      throw error
    }
  }
}

const newestAlready = "is at this version; nothing to do"

const find = async (sluice: Sluice, key: string, versionId: string): Promise<ObjectVersion> => {
  for await (const version of sluice.versions(key)) if (version.versionId === versionId) return version
  throw new Error(`there is no version "${versionId}" of it; sluice versions lists them`)
}

const foresee = ({ deleteMarker, isLatest, lastModified, size }: ObjectVersion): string => {
  if (deleteMarker) throw new Error("this is a delete marker, and no version that can be restored")
  if (isLatest) return newestAlready
  return `would be restored, ${formatSize(size)} of ${lastModified?.toISOString() ?? "an unknown time"}`
}
