/**
 * A file that grows in any order beside its future name.
 *
 * @module
 */
import { builtin } from "./node-builtins.ts"

export interface PartialFile {
  /** Writes all of the slices, in a row from `position` on. */
  readonly write: (slices: ReadonlyArray<Uint8Array>, position: number) => Promise<void>
  /** Cuts off what follows, and makes what is there durable. */
  readonly seal: (size: number) => Promise<void>
  readonly close: () => Promise<void>
}

export interface PartialFiles {
  /** Opens the file for writing; makes it where there is none, as files of this user are made. */
  readonly open: (path: string) => Promise<PartialFile>
  /** Whether a file is there. */
  readonly exists: (path: string) => Promise<boolean>
  /** Gives a file its name, in place of whatever has it (rename(2)). */
  readonly replace: (from: string, to: string) => Promise<void>
  readonly directoryOf: (path: string) => string
}

const bytesOf = (slices: ReadonlyArray<Uint8Array>): number => slices.reduce((sum, { length }) => sum + length, 0)

/** The slices from `skip` bytes on. */
const after = (slices: ReadonlyArray<Uint8Array>, skip: number): ReadonlyArray<Uint8Array> => {
  let left = skip
  return slices.flatMap((slice) => {
    const rest = slice.subarray(Math.min(left, slice.length))
    left -= slice.length - rest.length
    return rest.length === 0 ? [] : [rest]
  })
}

/** The runtime's files, or undefined where it has none. */
export const partialFiles = (): PartialFiles | undefined => {
  const fs = builtin("node:fs")?.promises
  const paths = builtin("node:path")
  if (fs === undefined || paths === undefined) return undefined
  const { O_CREAT, O_RDWR } = fs.constants
  return {
    open: async (path) => {
      const file = await fs.open(path, O_RDWR | O_CREAT, 0o666)
      return {
        write: async (slices, position) => {
          let rest = slices
          for (let at = position; rest.length > 0; ) {
            const { bytesWritten } = await file.writev([...rest], at)
            at += bytesWritten
            rest = bytesWritten === bytesOf(rest) ? [] : after(rest, bytesWritten)
          }
        },
        seal: async (size) => {
          await file.truncate(size)
          await file.sync()
        },
        close: () => file.close()
      }
    },
    exists: async (path) => {
      try {
        return (await fs.stat(path)).isFile()
      } catch {
        return false
      }
    },
    replace: (from, to) => fs.rename(from, to),
    directoryOf: (path) => paths.dirname(path)
  }
}
