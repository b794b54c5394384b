/**
 * Keys of files, and files of keys. Pure.
 *
 * @module
 */
import * as Result from "effect/Result"

/** Bytes of a key in UTF-8, at most (S3 API Reference, "Object key naming"). */
const maxKeyLength = 1_024

const textOf = new TextEncoder()

/** The key of a file by its path below a directory: names with `/` between them, whatever the system writes. */
export const keyOf = (prefix: string, path: string, separator: string): Result.Result<string, string> => {
  const key = `${prefix}${path.split(separator).join("/")}`
  const { length } = textOf.encode(key)
  return length <= maxKeyLength
    ? Result.succeed(key)
    : Result.fail(`its key would have ${length} bytes; S3 takes ${maxKeyLength}`)
}

/** What a download calls its unfinished files (docs/reading.md, "Files"). */
const unfinished = /\.sluice-part(\.record)?$/

/** What Windows takes for something else than a name: devices, streams, other separators, names that it shortens. */
const notOnWindows = /[<>:"\\|?*\p{Cc}]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/iu

const badName = (name: string, separator: string): string | undefined => {
  if (name === "") return "it has an empty name between two slashes"
  if (name === "." || name === "..") return `"${name}" in it is no name of a file`
  if (name.includes("\0")) return "it has a NUL in it"
  if (separator === "\\" && notOnWindows.test(name)) return `"${name}" in it is no name of a file on this system`
  return undefined
}

/**
 * The names that lead to an object's file below a directory, by its key behind the prefix; or why it has none. No such
 * path leaves the directory, and no two keys have the same.
 */
export const namesOf = (key: string, separator: string): Result.Result<ReadonlyArray<string>, string> => {
  const names = key.split("/")
  const problem =
    names.map((name) => badName(name, separator)).find((found) => found !== undefined) ??
    (unfinished.test(key) ? "its name is what an unfinished download is called" : undefined)
  return problem === undefined ? Result.succeed(names) : Result.fail(problem)
}
