import { readFile, realpath, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"

const held = new Set<string>()

/** Takes a directory for this process. A lock left behind by a process that is gone does not count. */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(await realpath(directory), "lock")
  const holder = await holderOf(path)
  if (holder !== undefined) throw new Error(`${directory} is in use by process ${holder}; one server at a time`)
  await rm(path, { force: true })
  // `wx`: of two processes that come here at once, one fails.
  await writeFile(path, `${process.pid}`, { flag: "wx" })
  held.add(path)
  return async () => {
    if (held.delete(path)) await rm(path, { force: true })
  }
}

async function holderOf(path: string): Promise<number | undefined> {
  const pid = Number(await readFile(path, "utf8").catch(() => ""))
  if (!(pid > 0)) return undefined
  // In a container the next process often gets the same number as the one that was killed.
  if (pid === process.pid) return held.has(path) ? pid : undefined
  try {
    process.kill(pid, 0)
    return pid
  } catch (error) {
    const mayNotSignal = error instanceof Error && "code" in error && error.code === "EPERM"
    return mayNotSignal ? pid : undefined
  }
}
