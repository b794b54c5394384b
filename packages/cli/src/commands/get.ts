/**
 * `sluice get`: objects into files, or onto standard output.
 *
 * @module
 */
import { mkdir, stat } from "node:fs/promises"
import { basename, join, sep } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { parseArgs } from "node:util"
import { type Sluice, Source } from "@sluice/core/promise"
import * as Result from "effect/Result"
import { makeBatchReport, quiet } from "../BatchReport.ts"
import { type Command, exitCode, type Flags, UsageError, type World } from "../Command.ts"
import { eachObject, nothingBelow } from "../each-object.ts"
import { namesOf } from "../KeyPath.ts"
import { openEngine } from "../open-engine.ts"
import { Problems } from "../Problems.ts"
import { placeIn } from "../place-in.ts"
import { placeFlags, readSettings, sendFlags } from "../Settings.ts"
import { folderOf, parseTarget, stdin as stdout, type Target } from "../Target.ts"
import { defaultFiles, parseFiles } from "../UploadJob.ts"
import { formatSize } from "../units.ts"

const { journal: _, ...ownFlags } = placeFlags
const flags = {
  recursive: { type: "boolean", short: "r", help: "all objects below the prefix, into a directory" },
  version: { type: "string", value: "ID", help: "an older version; sluice versions lists them" },
  raw: { type: "boolean", help: "the stored bytes as they are, whatever plugin made them" },
  resume: { type: "boolean", help: "skip the files that have their object's bytes already" },
  files: { type: "string", value: "N", help: "files at a time, 1 to 1000 (default: 16)" },
  concurrency: { type: "string", value: "N", help: "ranges in flight for each, 1 to 256 (default: 4)" },
  bandwidth: sendFlags.bandwidth,
  json: { type: "boolean", help: "print every result as a line of JSON" },
  quiet,
  "dry-run": { type: "boolean", help: "print what would be written, and write nothing" },
  ...ownFlags
} as const satisfies Flags

export const get: Command = {
  name: "get",
  takes: "s3://bucket/key [FILE|-]   |   -r s3://bucket/prefix/ [DIR]",
  summary: "Writes objects to files, shown identical, or one to standard output (-).",
  details: [
    "A file is there when it is whole. Ctrl-C stops and keeps what has come in FILE.sluice-part; the same",
    "command goes on with it. What stood at the name is replaced. Standard output (-) gets the bytes as they",
    "come: exit code 0 says that they were the object's.",
    "",
    "With --recursive each object is written or fails by itself. No key leads out of the directory: one",
    "with .. in it, or with a slash in front, is refused by name, and nothing is written through a link.",
    "",
    "Exit codes: 0 written, 1 failed, 2 not understood, 130 interrupted."
  ],
  flags,
  run: async (args, world) => {
    const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
    const problems = new Problems()
    const [from, to, ...more] = positionals
    if (from === undefined) problems.add("object", "missing; name one, such as s3://bucket/key")
    if (more.length > 0) problems.add("object", "one at a time, and one file behind it")
    const target = problems.read("object", from, parseTarget) ?? { bucket: "", path: "" }
    const recursive = values.recursive ?? false
    if (from !== undefined && !recursive && (target.path === "" || target.path.endsWith("/"))) {
      problems.add("object", `"${from}" is a prefix; what is below it needs --recursive`)
    }
    if (recursive && (to === stdout || values.version !== undefined)) {
      problems.add("--recursive", "takes neither - nor --version; name one object for these")
    }
    const files = problems.read("--files", values.files, parseFiles) ?? defaultFiles
    const settings = readSettings(values, world.env, problems)
    if (problems.lines.length > 0) throw new UsageError(problems.lines)
    const getting: Getting = {
      raw: values.raw ?? false,
      resume: values.resume ?? false,
      dryRun: values["dry-run"] ?? false,
      versionId: values.version
    }
    const { bucket } = target
    await using sluice = openEngine({ ...settings, bucket, place: settings.placeOf(), journal: undefined }, world)
    if (to === stdout) return await toStdout(sluice, target, getting, world)
    const report = makeBatchReport({ ...values, verb: "written" }, world)
    const one = async (key: string, size: number | undefined, place: () => Promise<string>): Promise<void> => {
      const uri = `s3://${bucket}/${key}`
      try {
        const path = await place()
        const done = await getOne(sluice, key, path, getting, size, (...far) => report.moved(uri, ...far), world)
        report.tell({ from: uri, to: path, ...done })
      } catch (error) {
        if (world.signal.aborted) report.tell({ from: uri, result: "stopped", words: "stopped" })
        else report.fail(uri, error)
      }
    }
    if (!recursive) {
      await one(target.path, undefined, () => fileFor(target.path, to))
      return report.end()
    }
    const prefix = folderOf(target)
    const directory = to ?? "."
    const placeOf = (key: string) => async (): Promise<string> => {
      const names = namesOf(key.slice(prefix.length), sep)
      if (Result.isFailure(names)) throw new Error(`not written: ${names.failure}`)
      if (getting.dryRun) return join(directory, ...names.success)
      await mkdir(directory, { recursive: true })
      return placeIn(directory, names.success)
    }
    const found = await eachObject(
      sluice.list({ prefix, signal: world.signal }),
      files,
      async ({ key, size }) => {
        if (!key.endsWith("/") || size > 0) return one(key, size, placeOf(key))
        report.tell({ from: `s3://${bucket}/${key}`, result: "skipped", words: "skipped: a folder's mark" })
      },
      world
    )
    if (!found) report.fail(`s3://${bucket}/${prefix}`, new Error(nothingBelow))
    return report.end()
  }
}

interface Getting {
  readonly raw: boolean
  readonly resume: boolean
  readonly dryRun: boolean
  readonly versionId: string | undefined
}

/** Where one object goes: as named, or by its own name into the directory that is named or here. */
const fileFor = async (key: string, to: string | undefined): Promise<string> => {
  const isDirectory = to === undefined || /[/\\]$/.test(to) || (await stat(to).catch(() => undefined))?.isDirectory()
  if (to !== undefined && isDirectory !== true) return to
  const names = namesOf(basename(key), sep)
  if (Result.isFailure(names)) throw new Error(`not written: ${names.failure}; name the file`)
  return join(to ?? ".", ...names.success)
}

const getOne = async (
  sluice: Sluice,
  key: string,
  path: string,
  { dryRun, raw, resume, versionId }: Getting,
  size: number | undefined,
  moved: (bytes: number, total: number | undefined) => void,
  { signal }: World
) => {
  if (resume && (await isThere(sluice, key, path, signal))) {
    return { result: "skipped", size, words: "skipped: it has the object's bytes" } as const
  }
  if (dryRun) {
    const { size } = await sluice.head(key, { versionId })
    return { result: "planned", size, words: `${formatSize(size)}` } as const
  }
  const written = await sluice.download({
    key,
    to: path,
    raw,
    versionId,
    onFailure: "keep",
    signal,
    onProgress: ({ received, total }) => moved(received, total)
  })
  const found = written.found > 0 ? `, ${formatSize(written.found)} of it were here` : ""
  const shown = written.proof === "source" ? "" : ", shown by sizes only"
  return { result: "done", size: written.size, words: `${formatSize(written.size)}${found}${shown}` } as const
}

const isThere = async (sluice: Sluice, key: string, path: string, signal: AbortSignal): Promise<boolean> => {
  const there = await stat(path).catch(() => undefined)
  return there?.isFile() === true && (await sluice.verify({ key, body: Source.file(path), signal })).matches === true
}

const toStdout = async (
  sluice: Sluice,
  { bucket, path: key }: Target,
  { dryRun, raw, versionId }: Getting,
  { err, signal }: World
): Promise<number> => {
  if (dryRun) {
    err(`s3://${bucket}/${key}  ${formatSize((await sluice.head(key, { versionId })).size)} would be written`)
    return exitCode.done
  }
  try {
    const { stream } = await sluice.read({ key, raw, versionId, signal })
    await pipeline(Readable.from(stream), process.stdout, { end: false })
    return exitCode.done
  } catch (error) {
    if (signal.aborted) return exitCode.stopped
    throw error
  }
}
