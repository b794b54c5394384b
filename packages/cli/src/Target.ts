/**
 * Where uploads go: `s3://bucket/key` or `s3://bucket/prefix/`. Pure.
 *
 * @module
 */
import { basename } from "node:path"
import * as Result from "effect/Result"
import { parseBucket } from "./Config.ts"
import type { Parse } from "./units.ts"

export interface Target {
  readonly bucket: string
  /** A key, or a prefix: empty or with a `/` at its end. */
  readonly path: string
}

/** The name of standard input among the sources. */
export const stdin = "-"

/** Reads `s3://bucket/path`. */
export const parseTarget: Parse<Target> = (text) => {
  const [, bucket = "", path = ""] = /^s3:\/\/([^/]*)(?:\/([\s\S]*))?$/.exec(text) ?? []
  if (bucket === "") return Result.fail("name a target such as s3://bucket/key or s3://bucket/prefix/")
  return Result.map(parseBucket(bucket), () => ({ bucket, path }))
}

/** The prefix below which many files are put. */
export const folderOf = ({ path }: Target): string => (path === "" || path.endsWith("/") ? path : `${path}/`)

/** Whether a path means what is in a directory, without its name, as in `photos/` and `.`. */
export const meansContents = (path: string): boolean => /(^|[/\\])\.{0,2}$/.test(path)

/**
 * The key of each source, in order: one source to a path without `/` at its end takes that path as its key; else the
 * path is a folder and every file keeps its name.
 */
export const keysFor = (
  target: Target,
  sources: ReadonlyArray<string>
): Result.Result<ReadonlyArray<readonly [source: string, key: string]>, string> => {
  const { path } = target
  if (sources.length === 1 && sources[0] !== undefined && path !== "" && !path.endsWith("/")) {
    return Result.succeed([[sources[0], path]])
  }
  if (sources.includes(stdin)) {
    return Result.fail(`standard input has no name; give it one file's whole key, as in s3://${target.bucket}/name.bin`)
  }
  const folder = folderOf(target)
  const keys = new Map<string, string>()
  for (const source of sources) {
    const key = `${folder}${basename(source)}`
    const rival = keys.get(key)
    if (rival !== undefined) return Result.fail(`"${rival}" and "${source}" would both be s3://${target.bucket}/${key}`)
    keys.set(key, source)
  }
  return Result.succeed(Array.from(keys, ([key, source]) => [source, key] as const))
}
