/**
 * `sluice ls`: objects, open multipart uploads, and the sessions of the journal.
 *
 * @module
 */
import { parseArgs } from "node:util"
import type { ListedObject, ListedUpload } from "@sluice/core/promise"
import { type Command, exitCode, type Flags, UsageError, type World } from "../Command.ts"
import { openEngine } from "../open-engine.ts"
import { Problems } from "../Problems.ts"
import { printable } from "../progress-line.ts"
import { placeFlags, readSettings } from "../Settings.ts"
import { parseTarget } from "../Target.ts"
import { formatSize } from "../units.ts"
import { resume } from "./resume.ts"

const flags = {
  uploads: { type: "boolean", help: "the multipart uploads that are open in the bucket, whoever began them" },
  sessions: { type: "boolean", help: "the uploads that the journal keeps, as sluice resume lists them" },
  json: { type: "boolean", help: "print everything as lines of JSON" },
  ...placeFlags
} as const satisfies Flags

export const ls: Command = {
  name: "ls",
  takes: "[s3://bucket/prefix]",
  summary: "Lists objects, open multipart uploads (--uploads), or the journal's sessions (--sessions).",
  details: [
    "Keys that begin with the prefix, a line each: when it was written, its size, its key. Without a bucket,",
    "that of SLUICE_BUCKET. MinIO lists open uploads of an exact key only.",
    "",
    "Exit codes: 0 listed, 1 failed, 2 not understood, 130 interrupted."
  ],
  flags,
  run: async (args, world) => {
    const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
    if (values.sessions === true) {
      return resume.run([...(values.json === true ? ["--json"] : []), ...journalFlag(values.journal)], world)
    }
    const problems = new Problems()
    const [name = world.env["SLUICE_BUCKET"] && `s3://${world.env["SLUICE_BUCKET"]}/`, ...more] = positionals
    if (name === undefined || name === "" || more.length > 0) {
      problems.add("bucket", "name one, such as s3://bucket/prefix")
    }
    const { bucket, path: prefix } = problems.read("bucket", name, parseTarget) ?? { bucket: "", path: "" }
    const settings = readSettings(values, world.env, problems)
    if (problems.lines.length > 0) throw new UsageError(problems.lines)
    await using sluice = openEngine({ ...settings, bucket, place: settings.placeOf(), journal: undefined }, world)
    try {
      return values.uploads === true
        ? await each(sluice.openUploads({ prefix, signal: world.signal }), uploadLine, values.json, world)
        : await each(sluice.list({ prefix, signal: world.signal }), objectLine, values.json, world)
    } catch (error) {
      if (world.signal.aborted) return exitCode.stopped
      throw error
    }
  }
}

const journalFlag = (directory: string | undefined): ReadonlyArray<string> =>
  directory === undefined ? [] : ["--journal", directory]

const each = async <A>(
  items: AsyncIterable<A>,
  lineOf: (item: A) => string,
  json: boolean | undefined,
  { out, signal }: World
): Promise<number> => {
  for await (const item of items) {
    if (signal.aborted) return exitCode.stopped
    out(json === true ? JSON.stringify(item) : lineOf(item))
  }
  return exitCode.done
}

const when = (date: Date | undefined): string => date?.toISOString() ?? "-".padEnd(24)

const objectLine = ({ key, lastModified, size }: ListedObject): string =>
  `${when(lastModified)}  ${formatSize(size).padStart(9)}  ${printable(key)}`

const uploadLine = ({ initiated, key, uploadId }: ListedUpload): string =>
  `${when(initiated)}  ${printable(key)}  ${uploadId}`
