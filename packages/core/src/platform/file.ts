/**
 * Files by path: size and identity, and positional reads that scatter into slabs.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SourceReader } from "../Source.ts"
import { type UploadError, uploadError } from "../UploadError.ts"
import { builtin } from "./node-builtins.ts"

/** What is known of a file before it is read. */
export interface FileStat {
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** Milliseconds since the epoch. */
  readonly modifiedMs: number
  readonly inode: string
}

const advice: Readonly<Record<string, string>> = {
  ENOENT: "no such file; check the path",
  EACCES: "not readable by this user; check its permissions",
  EPERM: "not readable by this user; check its permissions",
  EISDIR: "is a directory; name the files in it"
}

const fileFailed = (path: string, cause: unknown): UploadError => {
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined
  const why =
    (code === undefined ? undefined : advice[code]) ?? (cause instanceof Error ? cause.message : String(cause))
  return uploadError({ _tag: "SourceFailed", message: `cannot read the file "${path}": ${why}`, cause }, { cause })
}

const noFiles = (path: string): UploadError =>
  uploadError({
    _tag: "SourceFailed",
    message: `cannot read the file "${path}": this runtime has no files; pass a Blob or a stream`
  })

/** Size and identity now, or why the file cannot be uploaded. */
export const statFile = (path: string): FileStat | UploadError => {
  const fs = builtin("node:fs")
  const paths = builtin("node:path")
  if (fs === undefined || paths === undefined) return noFiles(path)
  try {
    const stat = fs.statSync(path)
    if (stat.isDirectory()) return fileFailed(path, Object.assign(new Error("is a directory"), { code: "EISDIR" }))
    if (!stat.isFile()) {
      return uploadError({
        _tag: "SourceFailed",
        message: `"${path}" is not a regular file; pipe it in instead (its length is not known)`
      })
    }
    fs.accessSync(path, fs.constants.R_OK)
    return { name: paths.basename(path), size: stat.size, modifiedMs: stat.mtimeMs, inode: String(stat.ino) }
  } catch (cause) {
    return fileFailed(path, cause)
  }
}

/**
 * Opens a file for reading from `offset`. Reads are positional and scatter into the given slabs in one
 * system call (`createReadStream` alone costs 0.7 to 1.7 CPU seconds a GiB).
 */
export const openFile = (path: string, offset: number): Effect.Effect<SourceReader, UploadError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => {
        const fs = builtin("node:fs")
        return fs === undefined ? Promise.reject(noFiles(path)) : fs.promises.open(path, "r")
      },
      catch: (cause) => fileFailed(path, cause)
    }),
    (handle) => Effect.promise(() => handle.close().catch(() => undefined))
  ).pipe(
    Effect.map((handle) => {
      let position = offset
      return {
        _tag: "Positional",
        read: async (into) => {
          try {
            const { bytesRead } =
              into.length === 1 && into[0] !== undefined
                ? await handle.read(into[0], 0, into[0].length, position)
                : await handle.readv([...into], position)
            position += bytesRead
            return bytesRead
          } catch (cause) {
            throw fileFailed(path, cause)
          }
        }
      }
    })
  )
