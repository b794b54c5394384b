/**
 * `sluice rm`: objects removed, one or all below a prefix.
 *
 * @module
 */
import { parseArgs } from "node:util"
import { makeBatchReport, quiet } from "../BatchReport.ts"
import { type Command, type Flags, UsageError } from "../Command.ts"
import { eachObject, type NamedObject, nothingBelow } from "../each-object.ts"
import { openEngine } from "../open-engine.ts"
import { Problems } from "../Problems.ts"
import { placeFlags, readSettings } from "../Settings.ts"
import { folderOf, parseTarget } from "../Target.ts"
import { formatSize } from "../units.ts"

const { journal: _, ...ownFlags } = placeFlags
const flags = {
  recursive: { type: "boolean", short: "r", help: "all objects below the prefix; needs --yes" },
  yes: { type: "boolean", help: "yes, all of them" },
  version: { type: "string", value: "ID", help: "this version, for good; sluice versions lists them" },
  json: { type: "boolean", help: "print every result as a line of JSON" },
  quiet,
  "dry-run": { type: "boolean", help: "print what would be removed, and remove nothing" },
  ...ownFlags
} as const satisfies Flags

const atATime = 16

export const rm: Command = {
  name: "rm",
  takes: "s3://bucket/key   |   -r s3://bucket/prefix/",
  summary: "Removes an object, a version of one, or all objects below a prefix.",
  details: [
    "A bucket with versions keeps what was removed below a delete marker; sluice restore brings it back. A",
    "version that is named is gone for good. Removing what is not there succeeds, as it does in S3.",
    "",
    "Exit codes: 0 removed, 1 failed, 2 not understood, 130 interrupted."
  ],
  flags,
  run: async (args, world) => {
    const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
    const problems = new Problems()
    const [name, ...more] = positionals
    if (name === undefined || more.length > 0) problems.add("object", "name one, such as s3://bucket/key")
    const target = problems.read("object", name, parseTarget) ?? { bucket: "", path: "" }
    const { recursive = false, version: versionId } = values
    const dryRun = values["dry-run"] ?? false
    if (name !== undefined && !recursive && (target.path === "" || target.path.endsWith("/"))) {
      problems.add("object", `"${name}" is a prefix; what is below it needs --recursive`)
    }
    if (recursive && versionId !== undefined) problems.add("--version", "is of one object, not of a prefix")
    if (recursive && !dryRun && values.yes !== true) {
      problems.add("--recursive", "removes every object below the prefix: say --yes, or look first with --dry-run")
    }
    const settings = readSettings(values, world.env, problems)
    if (problems.lines.length > 0) throw new UsageError(problems.lines)
    const { bucket } = target
    await using sluice = openEngine({ ...settings, bucket, place: settings.placeOf(), journal: undefined }, world)
    const report = makeBatchReport({ ...values, verb: "removed" }, world)
    const one = async ({ key, size }: NamedObject): Promise<void> => {
      const from = `s3://${bucket}/${key}`
      try {
        if (dryRun) {
          const bytes = size ?? (await sluice.head(key, { versionId })).size
          report.tell({ from, size: bytes, result: "planned", words: formatSize(bytes) })
        } else {
          await sluice.remove(key, { versionId })
          report.tell({ from, ...(size === undefined ? {} : { size }), result: "done", words: "removed" })
        }
      } catch (error) {
        if (world.signal.aborted) report.tell({ from, result: "stopped", words: "stopped" })
        else report.fail(from, error)
      }
    }
    const prefix = folderOf(target)
    const objects = recursive ? sluice.list({ prefix, signal: world.signal }) : [{ key: target.path }]
    const found = await eachObject<NamedObject>(objects, atATime, one, world)
    // Nothing is left of it, which is what was asked for; it may have been another prefix that was meant.
    if (!found) report.tell({ from: `s3://${bucket}/${prefix}`, result: "skipped", words: nothingBelow })
    return report.end()
  }
}
