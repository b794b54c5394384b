import { lstat, mkdir } from "node:fs/promises"
import { join } from "node:path"

/**
 * The path of a file below a directory, whose directories are made. Rejects where one of them is a symbolic link or a
 * file: what is written then would be elsewhere.
 */
export const placeIn = async (directory: string, names: ReadonlyArray<string>): Promise<string> => {
  let path = directory
  for (const name of names.slice(0, -1)) {
    path = join(path, name)
    await mkdir(path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error
      if (!(await lstat(path)).isDirectory()) {
        throw new Error(`"${path}" is no directory, and nothing is written through it; move it away`)
      }
    })
  }
  return join(path, ...names.slice(-1))
}
