/**
 * Which process holds something, in words that prove its death to another process of the same machine.
 *
 * @module
 */
import { codeOf } from "./durable-files.ts"
import { builtin } from "./node-builtins.ts"

/** A process. Two of them are never equal, on whatever machine, since which boot they ran. */
export interface Holder {
  /** One boot of one kernel, and the PID namespace (a container has its own): where `pid` means something. */
  readonly place: string
  readonly pid: number
  /** When it started, in ticks since the boot: PIDs are given again. */
  readonly started: string
}

interface Stat {
  readonly pid: number
  readonly state: string
  readonly started: string
}

/** proc(5): `pid (name) state …`; the start time is field 22. The name may hold anything, so its end counts. */
const parseStat = (text: string): Stat => {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return { pid: Number.parseInt(text, 10), state: fields[0] ?? "", started: fields[19] ?? "" }
}

const statOf = async (process: number | "self"): Promise<Stat | "none" | undefined> => {
  const fs = builtin("node:fs")?.promises
  if (fs === undefined) return undefined
  try {
    return parseStat(await fs.readFile(`/proc/${process}/stat`, "utf8"))
  } catch (cause) {
    // ESRCH: it ended between open and read.
    return ["ENOENT", "ESRCH"].includes(codeOf(cause) ?? "") ? "none" : undefined
  }
}

/** This process, or undefined where nobody could prove its death (no Linux, or /proc may not be read). */
export const thisProcess = async (): Promise<Holder | undefined> => {
  try {
    const fs = builtin("node:fs")?.promises
    const self = await statOf("self")
    if (fs === undefined || self === undefined || self === "none") return undefined
    const boot = (await fs.readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim()
    const namespace = await fs.readlink("/proc/self/ns/pid")
    return { place: `${boot} ${namespace}`, pid: self.pid, started: self.started }
  } catch {
    return undefined
  }
}

/** Whether `holder` has certainly ended: only a process of the same place can say so. */
export const isDead = async (holder: Holder, me: Holder | undefined): Promise<boolean> => {
  if (me === undefined || me.place !== holder.place) return false
  const stat = await statOf(holder.pid)
  if (stat === undefined) return false
  // Z and X: it has ended, and its parent has not asked how.
  return stat === "none" || stat.started !== holder.started || stat.state === "Z" || stat.state === "X"
}
