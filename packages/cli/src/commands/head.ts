/**
 * `sluice head`: what a store says of an object.
 *
 * @module
 */
import { parseArgs } from "node:util"
import type { ObjectHead } from "@sluice/core/promise"
import { type Command, exitCode, type Flags, UsageError } from "../Command.ts"
import { readObjectJob } from "../ObjectJob.ts"
import { openEngine } from "../open-engine.ts"
import { Problems } from "../Problems.ts"
import { printable } from "../progress-line.ts"
import { placeFlags } from "../Settings.ts"
import { formatSize } from "../units.ts"

const { journal: _, ...ownFlags } = placeFlags
const flags = {
  version: { type: "string", value: "ID", help: "an older version; sluice versions lists them" },
  json: { type: "boolean", help: "print it as a line of JSON" },
  ...ownFlags
} as const satisfies Flags

const rowsOf = (head: ObjectHead): ReadonlyArray<readonly [string, string | undefined]> => [
  ["size", `${head.size} (${formatSize(head.size)})`],
  ["etag", head.etag],
  ["version", head.versionId],
  ["modified", head.lastModified?.toISOString()],
  ["checksum", head.checksum && `${head.checksum.algorithm} ${head.checksum.value} (${head.checksum.type})`],
  ["content-type", head.contentType],
  ["content-encoding", head.contentEncoding],
  ["cache-control", head.cacheControl],
  ["storage-class", head.storageClass],
  ["encryption", head.serverSideEncryption],
  ...Object.entries(head.metadata ?? {}).map(([name, value]) => [`x-amz-meta-${name}`, value] as const)
]

export const head: Command = {
  name: "head",
  takes: "s3://bucket/key",
  summary: "Prints what the store says of an object.",
  details: ["Exit codes: 0 it stands there, 1 it does not, or failed, 2 not understood."],
  flags,
  run: async (args, world) => {
    const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
    const problems = new Problems()
    const { bucket, key, settings } = readObjectJob(positionals, values, world.env, problems)
    if (problems.lines.length > 0) throw new UsageError(problems.lines)
    await using sluice = openEngine({ ...settings, bucket, place: settings.placeOf(), journal: undefined }, world)
    const found = await sluice.head(key, { versionId: values.version })
    if (values.json === true) world.out(JSON.stringify(found))
    else {
      for (const [name, value] of rowsOf(found)) {
        if (value !== undefined) world.out(`${name.padEnd(18)}${printable(value)}`)
      }
    }
    return exitCode.done
  }
}
