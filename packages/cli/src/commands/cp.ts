/**
 * `sluice cp`: objects copied within a store, or from one to another.
 *
 * @module
 */
import { posix } from "node:path"
import { parseArgs } from "node:util"
import { makeBatchReport, quiet } from "../BatchReport.ts"
import { type Command, type Flags, UsageError } from "../Command.ts"
import { parseEndpoint, parseRegion } from "../Config.ts"
import { eachObject, type NamedObject, nothingBelow } from "../each-object.ts"
import { openEngine } from "../open-engine.ts"
import { openJournal } from "../open-journal.ts"
import { Problems } from "../Problems.ts"
import { type Place, placeFlags, readSettings, sendFlags } from "../Settings.ts"
import { folderOf, parseTarget } from "../Target.ts"
import { defaultFiles, parseFiles } from "../UploadJob.ts"
import { formatSize } from "../units.ts"

const flags = {
  recursive: { type: "boolean", short: "r", help: "all objects below the prefix" },
  version: { type: "string", value: "ID", help: "an older version; sluice versions lists them" },
  raw: { type: "boolean", help: "the stored bytes as they are, whatever plugin made them" },
  files: { type: "string", value: "N", help: "objects at a time, 1 to 1000 (default: 16)" },
  bandwidth: sendFlags.bandwidth,
  json: { type: "boolean", help: "print every result as a line of JSON" },
  quiet,
  "dry-run": { type: "boolean", help: "print what would be copied, and copy nothing" },
  "to-endpoint": { type: "string", value: "URL", help: "the store of the copy, where it is another" },
  "to-region": { type: "string", value: "NAME", help: "its region" },
  "to-profile": { type: "string", value: "NAME", help: "profile for it, of the shared AWS config" },
  ...placeFlags
} as const satisfies Flags

export const cp: Command = {
  name: "cp",
  takes: "s3://bucket/key s3://bucket/key   |   -r s3://bucket/prefix/ s3://bucket/prefix/",
  summary: "Copies objects within a store or to another, and shows that the copies are the same.",
  details: [
    "Within one store the store moves the bytes; between two, or where it refuses, they are read and uploaded.",
    "Each line says which. A target that ends in / keeps the object's last name below it.",
    "",
    "Exit codes: 0 copied, 1 failed, 2 not understood, 130 interrupted."
  ],
  flags,
  uploads: true,
  run: async (args, world) => {
    const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
    const problems = new Problems()
    const [first, second, ...more] = positionals
    if (first === undefined || second === undefined || more.length > 0) {
      problems.add("objects", "name two: s3://bucket/key and where its copy goes")
    }
    const source = problems.read("from", first, parseTarget) ?? { bucket: "", path: "" }
    const target = problems.read("to", second, parseTarget) ?? { bucket: "", path: "" }
    const { raw, recursive = false, version: versionId } = values
    const dryRun = values["dry-run"] ?? false
    if (first !== undefined && !recursive && (source.path === "" || source.path.endsWith("/"))) {
      problems.add("from", `"${first}" is a prefix; what is below it needs --recursive`)
    }
    if (recursive && versionId !== undefined) problems.add("--version", "is of one object, not of a prefix")
    const files = problems.read("--files", values.files, parseFiles) ?? defaultFiles
    const endpoint = problems.read("--to-endpoint", values["to-endpoint"], parseEndpoint)
    const region = problems.read("--to-region", values["to-region"], parseRegion)
    const isSameBucket = endpoint === undefined && source.bucket === target.bucket
    // The listing would come to the copies, and copy these too, for ever.
    if (recursive && isSameBucket && folderOf(target).startsWith(folderOf(source))) {
      problems.add("to", `"${second}" lies in what is copied; name a prefix beside it`)
    }
    const settings = readSettings(values, world.env, problems)
    if (problems.lines.length > 0) throw new UsageError(problems.lines)

    const place = settings.placeOf()
    const elsewhere: Place =
      endpoint === undefined
        ? { ...place, region: region ?? place.region, profile: values["to-profile"] ?? place.profile }
        : {
            endpoint,
            region: region ?? place.region,
            profile: values["to-profile"] ?? place.profile,
            provider: undefined
          }
    // What a kill leaves of a large copy is the sweep's to end.
    const journal = dryRun ? undefined : await openJournal(settings.journal.directory)
    await using from = openEngine({ ...settings, bucket: source.bucket, place, journal: undefined }, world)
    await using to = openEngine({ ...settings, bucket: target.bucket, place: elsewhere, journal }, world)
    const report = makeBatchReport({ ...values, verb: "copied" }, world)
    const keyFor = (key: string): string =>
      recursive
        ? folderOf(target) + key.slice(folderOf(source).length)
        : target.path === "" || target.path.endsWith("/")
          ? target.path + posix.basename(key)
          : target.path

    const one = async ({ key, size }: NamedObject): Promise<void> => {
      const at = { from: `s3://${source.bucket}/${key}`, to: `s3://${target.bucket}/${keyFor(key)}` }
      try {
        if (dryRun) {
          const bytes = size ?? (await from.head(key, { versionId })).size
          report.tell({ ...at, size: bytes, result: "planned", words: `${formatSize(bytes)}  from ${at.from}` })
        } else {
          const { by, proof, ...copied } = await to.copy({
            from: { sluice: from, key, versionId, raw },
            to: { key: keyFor(key) },
            onFailure: "abort",
            signal: world.signal
          })
          const who = by === "store" ? "by the store" : "read and uploaded"
          const shown = proof === "source" ? "" : ", shown by sizes only"
          report.tell({ ...at, size: copied.size, result: "done", words: `${formatSize(copied.size)}  ${who}${shown}` })
        }
      } catch (error) {
        if (world.signal.aborted) report.tell({ ...at, result: "stopped", words: "stopped" })
        else report.fail(at.from, error)
      }
    }
    const prefix = folderOf(source)
    const objects = recursive ? from.list({ prefix, signal: world.signal }) : [{ key: source.path }]
    const found = await eachObject<NamedObject>(objects, files, one, world)
    if (!found) report.fail(`s3://${source.bucket}/${prefix}`, new Error(nothingBelow))
    return report.end()
  }
}
