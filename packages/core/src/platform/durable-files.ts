/**
 * The few file operations a journal stands on. Contents are durable when an operation answers; names are when their
 * directory is synced.
 *
 * @module
 */
import { builtin } from "./node-builtins.ts"

/** What became of a name that may be given once: it is ours, somebody has it, or its directory is not there. */
export type Claim = "ours" | "taken" | "gone"

export interface DurableFiles {
  /** The path from the root, whatever directory the process goes to later. */
  readonly absolute: (path: string) => string
  /** Names in a directory, or undefined where there is none. */
  readonly list: (directory: string) => Promise<ReadonlyArray<string> | undefined>
  /** The text of a file, or undefined where there is none. */
  readonly read: (path: string) => Promise<string | undefined>
  /** Writes a new file that only this user may read. */
  readonly create: (path: string, text: string) => Promise<Claim>
  /** Adds to the end of a file. False where there is none. */
  readonly append: (path: string, text: string) => Promise<boolean>
  /** Gives a file a second name, unless that name is taken: atomic, also over NFS (link(2)). */
  readonly link: (from: string, to: string) => Promise<Claim>
  /** Gives a directory another name, unless a directory with something in it has that name (rename(2)). */
  readonly rename: (from: string, to: string) => Promise<Claim>
  /** Removes a file, or a directory with all that is in it. */
  readonly remove: (path: string) => Promise<void>
  /** Makes a directory that only this user may enter, and those above it. */
  readonly makeDirectory: (path: string) => Promise<void>
  /** Makes the names in a directory durable. */
  readonly syncDirectory: (path: string) => Promise<void>
}

/** The code of what the runtime's file functions throw (`ENOENT`, …). */
export const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined

/** What `run` gives, or the answer that the code of its error stands for. */
const orElse = async <A, B>(run: Promise<A>, ...answers: ReadonlyArray<readonly [code: string, answer: B]>) => {
  try {
    return await run
  } catch (cause) {
    const known = answers.find(([code]) => code === codeOf(cause))
    if (known === undefined) throw cause
    return known[1]
  }
}

const gone = ["ENOENT", undefined] as const
/** What a runtime says where directories cannot be synced: Windows, whose names are durable without. */
const unsyncable = ["EPERM", "EISDIR", "EACCES", "EINVAL"] as const

/** The runtime's files, or undefined where it has none. */
export const durableFiles = (): DurableFiles | undefined => {
  const fs = builtin("node:fs")?.promises
  const paths = builtin("node:path")
  if (fs === undefined || paths === undefined) return undefined

  const claim = (run: Promise<void>): Promise<Claim> =>
    orElse<Claim, Claim>(
      run.then(() => "ours"),
      ["EEXIST", "taken"],
      ["ENOTEMPTY", "taken"],
      ["ENOENT", "gone"]
    )

  const write = async (path: string, flags: "wx" | number, text: string): Promise<void> => {
    const file = await fs.open(path, flags, 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  return {
    absolute: (path) => paths.resolve(path),
    list: (directory) => orElse(fs.readdir(directory), gone),
    read: (path) => orElse(fs.readFile(path, "utf8"), gone),
    create: (path, text) => claim(write(path, "wx", text)),
    append: async (path, text) => {
      const { O_APPEND, O_WRONLY } = fs.constants
      // Not "a", which would make a file in a session that was just deleted.
      return (await claim(write(path, O_APPEND | O_WRONLY, text))) === "ours"
    },
    link: (from, to) => claim(fs.link(from, to)),
    rename: (from, to) => claim(fs.rename(from, to)),
    remove: (path) => fs.rm(path, { recursive: true, force: true }),
    makeDirectory: async (path) => {
      await fs.mkdir(path, { recursive: true, mode: 0o700 })
    },
    syncDirectory: async (path) => {
      const directory = await orElse(fs.open(path, "r"), ...unsyncable.map((code) => [code, undefined] as const))
      if (directory === undefined) return
      try {
        await orElse(directory.sync(), ...unsyncable.map((code) => [code, undefined] as const))
      } finally {
        await directory.close()
      }
    }
  }
}
