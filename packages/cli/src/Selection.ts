/**
 * Which files below a directory are meant: `--include` and `--exclude`. Pure.
 *
 * @module
 */
import { posix } from "node:path"
import { matcher } from "./GlobPattern.ts"

export interface Selection {
  /** Whether a file is meant, by its path below the directory. */
  readonly hasFile: (path: string) => boolean
  /** Whether anything below a directory can be meant. */
  readonly entersDirectory: (path: string) => boolean
}

/** A pattern without a slash is about names, wherever they are; else about the whole path. */
const oneOf = (patterns: ReadonlyArray<string>): ((path: string) => boolean) => {
  const matchers = patterns.map((pattern) => {
    const matches = matcher(pattern)
    return pattern.includes("/") ? matches : (path: string) => matches(posix.basename(path))
  })
  return (path) => matchers.some((matches) => matches(path))
}

/** Files that are included (all, where nothing says which), but for those that are excluded, or whose directory is. */
export const selectionOf = (include: ReadonlyArray<string>, exclude: ReadonlyArray<string>): Selection => {
  const included = include.length === 0 ? () => true : oneOf(include)
  const excluded = oneOf(exclude)
  return { hasFile: (path) => included(path) && !excluded(path), entersDirectory: (path) => !excluded(path) }
}
