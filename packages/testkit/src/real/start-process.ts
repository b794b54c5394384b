import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout as delay } from "node:timers/promises"
import { fileURLToPath } from "node:url"

/** A store's command, and how it is told that it answers. */
export interface StoreProcess {
  /** What errors call it. */
  readonly name: string
  readonly binary: string
  readonly args: ReadonlyArray<string>
  /** Its working directory, which is removed when it ends. */
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
  /** The endpoint once it takes requests, told from what it has printed or by asking it. */
  readonly answers: (output: string) => Promise<string | undefined>
}

const keeper = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./keep-store.ts" : "./keep-store.js", import.meta.url)
)
const readyWithinMs = 30_000
const pollMs = 50

/** Runs a store in a process that ends with ours, however ours ends, and resolves when it answers. */
export async function startProcess(store: StoreProcess): Promise<{ endpoint: string; close: () => Promise<void> }> {
  const child = spawn(process.execPath, [keeper, store.directory, store.binary, ...store.args], {
    // Nothing of the caller's environment but PATH: a proxy or a store's own variable would change what is tested.
    env: { PATH: process.env["PATH"], HOME: store.directory, ...store.env },
    stdio: ["pipe", "pipe", "pipe"]
  })
  const close = async () => {
    if (!isRunning(child)) return
    const exited = once(child, "exit")
    child.stdin.end()
    await exited
  }
  try {
    return { endpoint: await ready(child, store), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function ready(child: ChildProcess, { name, answers }: StoreProcess): Promise<string> {
  let output = ""
  const listen = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4096)
  }
  child.stdout?.on("data", listen)
  child.stderr?.on("data", listen)
  const deadline = performance.now() + readyWithinMs
  while (performance.now() < deadline && isRunning(child)) {
    const endpoint = await answers(output)
    if (endpoint !== undefined) return endpoint
    await delay(pollMs)
  }
  const what = isRunning(child) ? `is not ready after ${readyWithinMs / 1000} s` : "did not start"
  throw new Error(`${name} ${what}: ${output.trim()}`)
}

const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null
