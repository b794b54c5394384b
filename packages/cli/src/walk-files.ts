import { opendir, realpath, stat } from "node:fs/promises"
import { join, sep } from "node:path"
import type { Selection } from "./Selection.ts"

/** What to do about symbolic links below a directory. */
export type LinkPolicy = "skip" | "follow" | "refuse"

/** Something below a directory. */
export type Found =
  | { readonly _tag: "File"; readonly path: string; readonly below: string }
  | { readonly _tag: "Skipped"; readonly path: string; readonly why: string }
  | { readonly _tag: "Failed"; readonly path: string; readonly why: string }

type Kind = "file" | "directory" | "link" | "other"

interface Entry {
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

const kindOf = (entry: Entry): Kind =>
  entry.isFile() ? "file" : entry.isDirectory() ? "directory" : entry.isSymbolicLink() ? "link" : "other"

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * The files below a directory, as the system tells of them: no directory is ever held as a whole. What cannot be read
 * is told by name, and the rest is gone through.
 */
export async function* walkFiles(root: string, selection: Selection, links: LinkPolicy): AsyncGenerator<Found> {
  yield* walk(root, "", [])

  async function* walk(directory: string, below: string, above: ReadonlyArray<string>): AsyncGenerator<Found> {
    try {
      for await (const entry of await opendir(directory)) {
        const path = join(directory, entry.name)
        // Patterns are written with slashes on every system.
        const within = below === "" ? entry.name : `${below}/${entry.name}`
        const kind = kindOf(entry)
        if (kind !== "link") yield* one(kind, path, within, above)
        else if (!selection.hasFile(within) && !selection.entersDirectory(within)) continue
        else if (links === "follow") yield* follow(path, within, above)
        else if (links === "skip") yield { _tag: "Skipped", path, why: "a symbolic link" }
        else yield { _tag: "Failed", path, why: "a symbolic link" }
      }
    } catch (error) {
      yield { _tag: "Failed", path: directory, why: reason(error) }
    }
  }

  async function* one(kind: Kind, path: string, within: string, above: ReadonlyArray<string>): AsyncGenerator<Found> {
    if (kind === "directory") {
      if (selection.entersDirectory(within)) yield* walk(path, within, above)
    } else if (selection.hasFile(within)) {
      if (kind === "file") yield { _tag: "File", path, below: within.replaceAll("/", sep) }
      else yield { _tag: "Failed", path, why: "not a regular file" }
    }
  }

  async function* follow(path: string, within: string, above: ReadonlyArray<string>): AsyncGenerator<Found> {
    try {
      const kind = kindOf(await stat(path))
      const real = await realpath(path)
      const place = await realpath(join(path, ".."))
      // A directory that leads to itself has files without end.
      if (kind === "directory" && (`${place}${sep}`.startsWith(`${real}${sep}`) || above.includes(real))) {
        yield { _tag: "Failed", path, why: "a symbolic link to a directory that it is in" }
      } else yield* one(kind, path, within, [...above, real])
    } catch (error) {
      yield { _tag: "Failed", path, why: reason(error) }
    }
  }
}
