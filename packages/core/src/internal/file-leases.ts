/**
 * Leases between processes: a numbered record, so that of two who reach for it one gets it.
 *
 * @module
 */
import type { DurableFiles } from "../platform/durable-files.ts"
import { type Holder, isDead, thisProcess } from "../platform/holder.ts"
import { numberedFile } from "./numbered-file.ts"

/** What the record says: until when the session is held, and by whom. */
interface LeaseRecord {
  readonly fence: number
  /** Milliseconds since the epoch; the time of the release, once it was released. */
  readonly expiresAt: number
  /** Then it holds nobody off, even should the clock be set back. */
  readonly released?: boolean | undefined
  /** Where its death can be proven. */
  readonly holder?: Holder | undefined
}

/** A lease as its holder has it. */
export interface HeldLease {
  readonly directory: string
  readonly fence: number
  expiresAt: number
}

const isHolder = (value: object): value is Holder =>
  "place" in value &&
  typeof value.place === "string" &&
  "pid" in value &&
  typeof value.pid === "number" &&
  "started" in value &&
  typeof value.started === "string"

/** A damaged record holds nobody off; its number still goes into the next fence. */
const parse = (text: string | undefined): LeaseRecord | undefined => {
  if (text === undefined) return undefined
  const value: unknown = JSON.parse(text)
  if (typeof value !== "object" || value === null) return undefined
  if (!("fence" in value) || typeof value.fence !== "number") return undefined
  if (!("expiresAt" in value) || typeof value.expiresAt !== "number") return undefined
  const { fence, expiresAt } = value
  const released = "released" in value && value.released === true
  const holder = "holder" in value && typeof value.holder === "object" && value.holder !== null ? value.holder : {}
  return isHolder(holder) ? { fence, expiresAt, released, holder } : { fence, expiresAt, released }
}

export const fileLeases = (files: DurableFiles) => {
  const records = numberedFile(files, "lease")
  const stopFile = (directory: string, fence: number): string => `${directory}/stop.${fence}`

  /** Follows our own newest record; false when somebody else's stands there. */
  const follow = async ({ directory, fence }: HeldLease, next: LeaseRecord): Promise<boolean> => {
    const newest = await records.read(directory)
    if (newest === undefined || parse(newest.text)?.fence !== fence) return false
    return (await records.replace(directory, newest.number, newest.number + 1, JSON.stringify(next))) === "done"
  }

  return {
    acquire: async (directory: string, now: number, ttlMs: number): Promise<HeldLease | "busy" | "gone"> => {
      const me = await thisProcess()
      const newest = await records.read(directory)
      const held = parse(newest?.text)
      if (held !== undefined && !held.released && held.expiresAt > now) {
        if (held.holder === undefined || !(await isDead(held.holder, me))) return "busy"
      }
      const from = newest?.number ?? 0
      // The number of the record that takes the lease: larger than every number before.
      const fence = from + 1
      const lease = { directory, fence, expiresAt: now + ttlMs }
      const record: LeaseRecord = { fence, expiresAt: lease.expiresAt, holder: me }
      const replaced = await records.replace(directory, from, fence, JSON.stringify(record))
      if (replaced !== "done") return replaced === "lost" ? "busy" : "gone"
      if (held !== undefined) await files.remove(stopFile(directory, held.fence))
      return lease
    },

    /** False when the lease was lost. */
    renew: async (lease: HeldLease, now: number, ttlMs: number): Promise<boolean> => {
      if (lease.expiresAt <= now) return false
      const expiresAt = now + ttlMs
      if (!(await follow(lease, { fence: lease.fence, expiresAt, holder: await thisProcess() }))) return false
      lease.expiresAt = expiresAt
      return true
    },

    release: (lease: HeldLease, now: number): Promise<boolean> =>
      follow(lease, { fence: lease.fence, expiresAt: Math.min(now, lease.expiresAt), released: true }),

    /** When the newest lease ended or will end; 0 where nobody ever held one. */
    heldUntil: async (directory: string): Promise<number> =>
      parse((await records.read(directory))?.text)?.expiresAt ?? 0,

    requestStop: async (directory: string): Promise<void> => {
      const held = parse((await records.read(directory))?.text)
      if (held !== undefined) await files.create(stopFile(directory, held.fence), "")
    },

    stopRequested: async (lease: HeldLease): Promise<boolean> =>
      (await files.read(stopFile(lease.directory, lease.fence))) !== undefined
  }
}
