/**
 * `sluice verify`: whether an object has the bytes of a file.
 *
 * @module
 */
import { parseArgs } from "node:util"
import { Source } from "@sluice/core/promise"
import { type Command, exitCode, type Flags, UsageError } from "../Command.ts"
import { readObjectJob } from "../ObjectJob.ts"
import { openEngine } from "../open-engine.ts"
import { Problems } from "../Problems.ts"
import { placeFlags } from "../Settings.ts"

const { journal: _, ...ownFlags } = placeFlags
const flags = {
  download: { type: "boolean", help: "read the object where the store shows no digest that can be compared" },
  json: { type: "boolean", help: "print the result as a line of JSON" },
  ...ownFlags
} as const satisfies Flags

export const verify: Command = {
  name: "verify",
  takes: "FILE s3://bucket/key",
  summary: "Says whether an object has exactly the bytes of a file.",
  details: [
    "By the cheapest evidence that is sound: lengths, the checksum that the store keeps, an ETag that is an",
    "MD5; with --download by the bytes themselves. What a plugin compressed or encrypted differs.",
    "",
    "Exit codes: 0 the same, 1 different, not known, or failed, 2 not understood, 130 interrupted."
  ],
  flags,
  run: async (args, world) => {
    const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
    const problems = new Problems()
    const [file, ...names] = positionals
    const { bucket, key, settings } = readObjectJob(names, values, world.env, problems)
    if (file === undefined) problems.add("file", "name it first, then s3://bucket/key")
    if (problems.lines.length > 0 || file === undefined) throw new UsageError(problems.lines)
    await using sluice = openEngine({ ...settings, bucket, place: settings.placeOf(), journal: undefined }, world)
    try {
      const download = values.download ?? false
      const found = await sluice.verify({ key, body: Source.file(file), download, signal: world.signal })
      const words =
        found.matches === "unknown"
          ? "not known: the store shows no digest; --download reads the object"
          : `${found.matches ? "the same" : "different"} (${found.by})`
      world.out(values.json === true ? JSON.stringify(found) : `s3://${bucket}/${key}  ${words}`)
      return found.matches === true ? exitCode.done : exitCode.failed
    } catch (error) {
      if (world.signal.aborted) return exitCode.stopped
      throw error
    }
  }
}
