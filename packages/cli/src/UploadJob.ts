/**
 * What `sluice upload` was asked to do, read from its arguments and the environment. Pure.
 *
 * @module
 */
import { parseArgs } from "node:util"
import type { Bandwidth } from "@sluice/core/Bandwidth"
import { defaults, type EngineOptions } from "@sluice/core/Defaults"
import type { ObjectAttributes } from "@sluice/core/ObjectStore"
import * as Result from "effect/Result"
import { quiet } from "./BatchReport.ts"
import { type Flags, UsageError } from "./Command.ts"
import { type Environment, parseMultipart, parseOption } from "./Config.ts"
import { isPattern } from "./GlobPattern.ts"
import { Problems } from "./Problems.ts"
import { type Selection, selectionOf } from "./Selection.ts"
import { type JournalPlace, type Place, placeFlags, readSettings, sendFlags } from "./Settings.ts"
import { folderOf, keysFor, meansContents, parseTarget, stdin, type Target } from "./Target.ts"
import { type Parse, parseCount, parseOneOf, parseSize, within } from "./units.ts"
import type { LinkPolicy } from "./walk-files.ts"

export const flags = {
  ...sendFlags,
  ...placeFlags,
  "part-size": { type: "string", value: "SIZE", help: "bytes a part, 5MiB to 5GiB (default: 8MiB)" },
  multipart: { type: "string", value: "MODE", help: "never, auto or always (default: auto)" },
  "max-size": {
    type: "string",
    value: "SIZE",
    help: "the most that can come out of the pipe; plans equal parts for it"
  },
  "content-type": { type: "string", value: "TYPE", help: "media type (default: by the file's name)" },
  "cache-control": { type: "string", value: "TEXT", help: "Cache-Control of the object" },
  metadata: { type: "string", multiple: true, value: "K=V", help: "user metadata; may be repeated" },
  tag: { type: "string", multiple: true, value: "K=V", help: "object tag; may be repeated" },
  "storage-class": { type: "string", value: "NAME", help: "STANDARD_IA, GLACIER_IR, … as the store names them" },
  sse: { type: "boolean", help: "have the store encrypt (SSE-S3); refuse one that does not" },
  "on-failure": {
    type: "string",
    value: "WHAT",
    help: "abort, keep or auto (default: auto, keeps what can be resumed)"
  },
  recursive: { type: "boolean", short: "r", help: "all files below the directories that are named" },
  include: { type: "string", multiple: true, value: "GLOB", help: "only such files; may be repeated" },
  exclude: { type: "string", multiple: true, value: "GLOB", help: "no such files or directories; may be repeated" },
  symlinks: {
    type: "string",
    value: "WHAT",
    help: "skip, follow or refuse the symbolic links below a directory (default: skip)"
  },
  files: { type: "string", value: "N", help: "files at a time, 1 to 1000 (default: 16)" },
  resume: {
    type: "boolean",
    help: "go on with an earlier run: skip files that the store has, send only what is missing of others"
  },
  "dry-run": { type: "boolean", help: "print what would be stored, and store nothing" },
  "no-resume": { type: "boolean", help: "keep nothing: an upload that fails or is interrupted is aborted" },
  quiet
} as const satisfies Flags

export interface UploadJob {
  readonly bucket: string
  readonly place: Place
  readonly bandwidth: Bandwidth | undefined
  /** Undefined where nothing is to be kept. */
  readonly journal: JournalPlace | undefined
  readonly target: Target
  readonly sources: ReadonlyArray<string>
  /** Those of sources that are files. */
  readonly keys: ReadonlyArray<readonly [source: string, key: string]>
  /** Undefined where one file is stored, and shown while it is. */
  readonly batch: BatchJob | undefined
  readonly engine: Partial<EngineOptions>
  readonly attributes: ObjectAttributes
  readonly maxSize: number | undefined
  /** Have the store encrypt. */
  readonly sse: boolean
  /** Print events instead of words. */
  readonly json: boolean
  /** No line for what went well. */
  readonly quiet: boolean
}

/** How many files are found, and what is done about each. */
export interface BatchJob {
  readonly recursive: boolean
  readonly selection: Selection
  readonly links: LinkPolicy
  /** Files at a time. */
  readonly files: number
  readonly resume: boolean
  readonly dryRun: boolean
}

const parseLinks = parseOneOf<LinkPolicy>(["skip", "follow", "refuse"])
export const parseFiles = within(parseCount, 1, 1_000)
export const defaultFiles = 16

const parsePair: Parse<readonly [string, string]> = (text) => {
  const at = text.indexOf("=")
  return at < 1 ? Result.fail("give it as name=value") : Result.succeed([text.slice(0, at), text.slice(at + 1)])
}

const positiveSize = within(parseSize, 1, Number.POSITIVE_INFINITY)

/** Reads the arguments behind `sluice upload`; throws `UsageError` with every line of what is wrong. */
export const readUploadJob = (args: ReadonlyArray<string>, env: Environment): UploadJob => {
  const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
  const problems = new Problems()
  const read = <A>(flag: keyof typeof flags, text: string | undefined, parse: Parse<A>): A | undefined =>
    problems.read(`--${flag}`, text, parse)
  const readPairs = (flag: keyof typeof flags, texts: ReadonlyArray<string> | undefined) =>
    texts && Object.fromEntries(texts.map((text) => read(flag, text, parsePair)).filter((pair) => pair !== undefined))

  const settings = readSettings(values, env, problems)
  const noResume = values["no-resume"] ?? false
  if (noResume && values["on-failure"] === "keep") {
    problems.add("--on-failure", '"keep" contradicts --no-resume; give one of them')
  }
  const partSize = read("part-size", values["part-size"], parseOption("partSize"))
  const multipart = read("multipart", values.multipart, parseMultipart)
  const paths = readPaths(positionals, problems)
  const recursive = values.recursive ?? false
  const resume = values.resume ?? false
  const dryRun = values["dry-run"] ?? false
  const isBatch = recursive || resume || dryRun || paths.sources.length > 1 || paths.sources.some(isPattern)
  const [source = ""] = paths.sources
  if (!isBatch && source !== "" && meansContents(source)) {
    problems.add("files", `"${source}" is a directory; what is below it needs --recursive`)
  }
  if (isBatch && paths.sources.includes(stdin)) {
    problems.add("files", "standard input is one object; store it by itself, without --recursive, --resume, --dry-run")
  }
  if (resume && noResume) problems.add("--resume", "contradicts --no-resume; give one of them")
  const job: UploadJob = {
    ...paths,
    batch: isBatch
      ? {
          recursive,
          selection: selectionOf(values.include ?? [], values.exclude ?? []),
          links: read("symlinks", values.symlinks, parseLinks) ?? "skip",
          files: read("files", values.files, parseFiles) ?? defaultFiles,
          resume,
          dryRun
        }
      : undefined,
    place: settings.placeOf(),
    bandwidth: settings.bandwidth,
    journal: noResume ? undefined : settings.journal,
    engine: {
      ...settings.engine,
      ...(partSize === undefined ? {} : { partSize }),
      ...(multipart === undefined ? {} : { multipart }),
      ...(noResume ? { onFailure: "abort" } : {})
    },
    attributes: {
      contentType: values["content-type"],
      cacheControl: values["cache-control"],
      storageClass: values["storage-class"],
      metadata: readPairs("metadata", values.metadata),
      tags: readPairs("tag", values.tag)
    },
    maxSize: read("max-size", values["max-size"], positiveSize),
    sse: values.sse ?? false,
    json: values.json ?? false,
    quiet: values.quiet ?? false
  }
  if (problems.lines.length > 0) throw new UsageError(problems.lines)
  return job
}

/**
 * Whether the uploads of a source of so many bytes go into the journal. A file that goes in one request has nothing to
 * go on with, and what a journal must sync for it takes longer than the request.
 */
export const isJournalled = (
  size: number | undefined,
  { multipart, multipartThreshold, onFailure, partSize }: Partial<EngineOptions>
): boolean => {
  if (onFailure === "keep" || multipart === "always") return true
  return multipart !== "never" && (size === undefined || size >= (multipartThreshold ?? partSize ?? defaults.partSize))
}

/** All but the last are sources; the last says where they go. */
const readPaths = (
  positionals: ReadonlyArray<string>,
  problems: Problems
): Pick<UploadJob, "keys" | "bucket" | "sources" | "target"> => {
  const nothing = { keys: [], bucket: "", sources: [], target: { bucket: "", path: "" } }
  const sources = positionals.slice(0, -1)
  const named = positionals.at(-1)
  if (named === undefined) problems.add("target", "missing; give the files and then s3://bucket/key")
  const target = problems.read("target", named, parseTarget)
  if (target === undefined) return nothing
  if (sources.length === 0) {
    problems.add("files", `missing; name the files to store before "${named}", or - for standard input`)
    return nothing
  }
  // What patterns and directories hold is seen when it is found.
  const plain = sources.filter((source) => sources.length === 1 || !(isPattern(source) || meansContents(source)))
  const keys = keysFor(sources.length === 1 ? target : { ...target, path: folderOf(target) }, plain)
  if (Result.isSuccess(keys)) return { keys: keys.success, bucket: target.bucket, sources, target }
  problems.add("target", keys.failure)
  return nothing
}
