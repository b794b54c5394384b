/**
 * A record that many processes replace, each only if nobody did so before it.
 *
 * The record is the file with the highest number. It is replaced by giving the next number to a whole, synced
 * file: link(2) does that for one process alone, so there is no lock that a killed process could leave behind,
 * and no moment at which half a record has the name of a whole one.
 *
 * @module
 */
import type { DurableFiles } from "../platform/durable-files.ts"
import { seal, unseal } from "./seal.ts"

export interface Numbered {
  readonly number: number
  /** Undefined when it is damaged. */
  readonly text: string | undefined
}

/** `lost`: somebody else has replaced the record. `gone`: the directory is not there. */
export type Replaced = "done" | "lost" | "gone"

/** How often a directory is read again in which a record was replaced while it was being read. */
const looks = 100

export const numberedFile = (files: DurableFiles, name: string) => {
  const prefix = `${name}.`
  const path = (directory: string, number: number): string => `${directory}/${prefix}${number}`

  /** What stays behind does no harm, and goes with its directory. */
  const tidy = (file: string): Promise<void> => files.remove(file).catch(() => undefined)

  /** Ascending; undefined where there is no directory. */
  const numbers = async (directory: string): Promise<ReadonlyArray<number> | undefined> =>
    (await files.list(directory))
      ?.filter((file) => file.startsWith(prefix))
      .map((file) => Number(file.slice(prefix.length)))
      .sort((a, b) => a - b)

  return {
    /** The newest record, or undefined where there is none. */
    read: async (directory: string): Promise<Numbered | undefined> => {
      for (let look = 1; ; look++) {
        const number = (await numbers(directory))?.at(-1)
        if (number === undefined) return undefined
        const line = await files.read(path(directory, number))
        if (line !== undefined) return { number, text: unseal(line) }
        if (look === looks) throw new Error(`the record ${path(directory, number)} is listed, but not there`)
      }
    },

    /** Replaces record `from` (0: none yet) by `to`, durably. */
    replace: async (directory: string, from: number, to: number, text: string): Promise<Replaced> => {
      const before = await numbers(directory)
      if (before === undefined) return "gone"
      if ((before.at(-1) ?? 0) !== from) return "lost"
      const draft = `${directory}/.${crypto.randomUUID()}`
      if ((await files.create(draft, seal(text))) !== "ours") return "gone"
      const claim = await files.link(draft, path(directory, to)).finally(() => tidy(draft))
      if (claim !== "ours") return claim === "taken" ? "lost" : "gone"
      await files.syncDirectory(directory)
      // A number is free again once later ones stand: then ours came too late, and counts for nothing.
      const after = (await numbers(directory)) ?? []
      for (const number of after) if (number < to) await tidy(path(directory, number))
      if (after.at(-1) === to) return "done"
      await tidy(path(directory, to))
      return "lost"
    }
  }
}

export type NumberedFile = ReturnType<typeof numberedFile>
