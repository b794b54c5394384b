import { stat } from "node:fs/promises"
import { basename, join, sep } from "node:path"
import * as Result from "effect/Result"
import { isPattern, matcher, splitPattern } from "./GlobPattern.ts"
import { keyOf } from "./KeyPath.ts"
import type { Selection } from "./Selection.ts"
import { folderOf, meansContents } from "./Target.ts"
import type { BatchJob, UploadJob } from "./UploadJob.ts"
import { type Found, walkFiles } from "./walk-files.ts"

/** One file and its key; or why there is none. */
export type PlannedFile =
  | { readonly _tag: "File"; readonly path: string; readonly key: string }
  | Exclude<Found, { readonly _tag: "File" }>

type Paths = Pick<UploadJob, "keys" | "sources" | "target">

/** The files that a pattern means, and no directory that cannot hold one. */
const matching = (pattern: string, { entersDirectory, hasFile }: Selection): Selection => {
  const matches = matcher(pattern)
  const deep = pattern.includes("**")
  const depth = pattern.split("/").length
  return {
    hasFile: (path) => matches(path) && hasFile(path),
    entersDirectory: (path) => (deep || path.split("/").length < depth) && entersDirectory(path)
  }
}

/**
 * The files of a batch with their keys, one after the other. A directory keeps its name, unless it is written with a
 * slash at its end; what a pattern finds keeps its path below the part that is no pattern.
 */
export async function* planFiles(
  { keys, sources, target }: Paths,
  { links, recursive, selection }: BatchJob
): AsyncGenerator<PlannedFile> {
  const whole = new Map(keys)
  const folder = folderOf(target)
  // Two files that would be one object can only come from two sources.
  const seen = sources.length > 1 ? new Map<string, string>() : undefined

  async function* below(root: string, prefix: string, chosen: Selection): AsyncGenerator<PlannedFile> {
    for await (const found of walkFiles(root, chosen, links)) {
      if (found._tag !== "File") yield found
      else {
        const { path } = found
        const key = keyOf(prefix, found.below, sep)
        yield Result.match(key, {
          onSuccess: (key): PlannedFile => ({ _tag: "File", path, key }),
          onFailure: (why): PlannedFile => ({ _tag: "Failed", path, why })
        })
      }
    }
  }

  async function* of(source: string): AsyncGenerator<PlannedFile> {
    const there = await stat(source).catch((error: NodeJS.ErrnoException) => error)
    if (!(there instanceof Error)) {
      if (!there.isDirectory())
        yield { _tag: "File", path: source, key: whole.get(source) ?? folder + basename(source) }
      else if (!recursive)
        yield { _tag: "Failed", path: source, why: "a directory; --recursive stores what is below it" }
      else yield* below(source, meansContents(source) ? folder : `${folder}${basename(source)}/`, selection)
    } else if (there.code === "ENOENT" && isPattern(source)) {
      const { base, pattern } = splitPattern(source.split(sep).join("/"))
      let found = false
      for await (const file of below(base, folder, matching(pattern, selection))) {
        found = true
        yield file
      }
      if (!found) yield { _tag: "Failed", path: source, why: "no file is called so" }
    } else yield { _tag: "Failed", path: source, why: there.message }
  }

  for (const source of sources) {
    for await (const file of of(source)) {
      const rival = file._tag === "File" ? seen?.get(file.key) : undefined
      if (file._tag !== "File") yield file
      else if (rival === undefined) {
        seen?.set(file.key, file.path)
        yield file
      } else if (join(rival) !== join(file.path)) {
        yield {
          _tag: "Failed",
          path: file.path,
          why: `"${rival}" would have the same key, s3://${target.bucket}/${file.key}`
        }
      }
    }
  }
}
