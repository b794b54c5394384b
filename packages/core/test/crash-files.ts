/**
 * Files in memory that can be cut off at any byte, as a SIGKILL leaves them and as a loss of power does.
 */
import type { Claim, DurableFiles } from "../src/platform/durable-files.ts"

interface File {
  text: string
  /** What has reached the disk for certain. */
  synced: string
}

type Directory = Map<string, Entry>
/** A name's change that is not durable yet. */
type Change = (into: Directory) => void

interface Folder {
  readonly names: Directory
  readonly synced: Directory
  changes: Array<Change>
}

type Entry = File | Folder

const isFolder = (entry: Entry | undefined): entry is Folder => entry !== undefined && "names" in entry

const newFolder = (): Folder => ({ names: new Map(), synced: new Map(), changes: [] })

/** What a loss of power does to what was not synced: a number from 0 up to 1 for each question asked. */
export type Chance = () => number

export interface CrashFiles {
  readonly files: DurableFiles
  /** As they are when the process is gone this moment: all that it did is there. */
  readonly afterKill: () => CrashFiles
  /** What was synced is there; of the rest, whatever chance says. */
  readonly afterPowerLoss: (chance: Chance) => CrashFiles
}

/** Tells of every step before it is taken: each byte written, each name given or taken, each sync. */
export const crashFiles = (step: () => void = () => {}, root: Folder = newFolder()): CrashFiles => {
  const inside = (names: ReadonlyArray<string>): Folder | undefined => {
    const entry = names.reduce<Entry | undefined>((at, name) => (isFolder(at) ? at.names.get(name) : undefined), root)
    return isFolder(entry) ? entry : undefined
  }
  const namesOf = (path: string): ReadonlyArray<string> => path.split("/").filter((name) => name !== "")
  const folderAt = (path: string): Folder | undefined => inside(namesOf(path))
  const at = (path: string): { folder: Folder; name: string; entry: Entry | undefined } | undefined => {
    const names = namesOf(path)
    const [folder, name] = [inside(names.slice(0, -1)), names.at(-1)]
    return folder === undefined || name === undefined ? undefined : { folder, name, entry: folder.names.get(name) }
  }
  const change = (folder: Folder, made: Change): void => {
    step()
    made(folder.names)
    folder.changes.push(made)
  }
  const write = (file: File, text: string): void => {
    for (const character of text) {
      step()
      file.text += character
    }
    step()
    file.synced = file.text
  }

  const files: DurableFiles = {
    absolute: (path) => path,
    list: async (path) => {
      const folder = folderAt(path)
      return folder === undefined ? undefined : [...folder.names.keys()]
    },
    read: async (path) => {
      const entry = at(path)?.entry
      return entry === undefined || isFolder(entry) ? undefined : entry.text
    },
    create: async (path, text): Promise<Claim> => {
      const place = at(path)
      if (place === undefined) return "gone"
      if (place.entry !== undefined) return "taken"
      const file: File = { text: "", synced: "" }
      change(place.folder, (names) => names.set(place.name, file))
      write(file, text)
      return "ours"
    },
    append: async (path, text) => {
      const entry = at(path)?.entry
      if (entry === undefined || isFolder(entry)) return false
      write(entry, text)
      return true
    },
    link: async (from, to): Promise<Claim> => {
      const [source, target] = [at(from), at(to)]
      if (target?.entry !== undefined) return "taken"
      const entry = source?.entry
      if (entry === undefined || target === undefined) return "gone"
      change(target.folder, (names) => names.set(target.name, entry))
      return "ours"
    },
    rename: async (from, to): Promise<Claim> => {
      const [source, target] = [at(from), at(to)]
      const entry = source?.entry
      if (source === undefined || entry === undefined || target === undefined) return "gone"
      if (isFolder(target.entry) && target.entry.names.size > 0) return "taken"
      if (source.folder !== target.folder) throw new Error("only within a directory")
      change(target.folder, (names) => {
        names.delete(source.name)
        names.set(target.name, entry)
      })
      return "ours"
    },
    remove: async (path) => {
      const place = at(path)
      if (place?.entry === undefined) return
      if (isFolder(place.entry)) {
        const { entry } = place
        for (const name of [...entry.names.keys()]) change(entry, (names) => names.delete(name))
      }
      change(place.folder, (names) => names.delete(place.name))
    },
    makeDirectory: async (path) => {
      const place = at(path)
      if (place === undefined) throw new Error("no such directory")
      if (place.entry !== undefined) return
      const folder = newFolder()
      change(place.folder, (names) => names.set(place.name, folder))
    },
    syncDirectory: async (path) => {
      const folder = folderAt(path)
      if (folder === undefined) throw new Error("no such directory")
      step()
      for (const made of folder.changes) made(folder.synced)
      folder.changes = []
    }
  }

  const survivingFile = ({ text, synced }: File, chance: Chance): File => {
    const more = text.slice(synced.length)
    const kept = synced + more.slice(0, Math.round(chance() * more.length))
    return { text: kept, synced: kept }
  }
  const survivingFolder = ({ synced, changes }: Folder, chance: Chance): Folder => {
    const names = new Map(synced)
    for (const made of changes) if (chance() >= 0.5) made(names)
    const kept = [...names].map(
      ([name, entry]) =>
        [name, isFolder(entry) ? survivingFolder(entry, chance) : survivingFile(entry, chance)] as const
    )
    return { names: new Map(kept), synced: new Map(kept), changes: [] }
  }

  return {
    files,
    afterKill: () => crashFiles(undefined, copyOf(root)),
    afterPowerLoss: (chance) => crashFiles(undefined, survivingFolder(root, chance))
  }
}

const copyOf = ({ names }: Folder): Folder => {
  const copies = [...names].map(([name, entry]) => [name, isFolder(entry) ? copyOf(entry) : { ...entry }] as const)
  return { names: new Map(copies), synced: new Map(copies), changes: [] }
}
