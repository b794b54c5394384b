import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { secretsScanner } from "@sluice/testkit"
import { afterAll, onTestFinished } from "vitest"

const bin = join(import.meta.dirname, "../../packages/cli/bin/sluice.js")

type Environment = Readonly<Record<string, string>>

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
  /** Lines on standard error. */
  readonly lines: ReadonlyArray<string>
}

/** A fresh directory, gone after the test. */
export const tempDirectory = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-acceptance-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A store, as much of it as a client needs. */
interface Reachable {
  readonly endpoint: string
  readonly region?: string | undefined
  readonly credentials?: unknown
}

const keysOf = (credentials: unknown): Environment => {
  if (typeof credentials === "object" && credentials !== null) {
    const id: unknown = Reflect.get(credentials, "accessKeyId")
    const secret: unknown = Reflect.get(credentials, "secretAccessKey")
    const token: unknown = Reflect.get(credentials, "sessionToken")
    if (typeof id === "string" && typeof secret === "string") {
      const keys = { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret }
      return typeof token === "string" ? { ...keys, AWS_SESSION_TOKEN: token } : keys
    }
  }
  throw new Error("the store has no fixed credentials")
}

/** The keys of an environment: in no output, journal or note of a process that was given them. */
export const scannerOf = ({ AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN }: Environment) =>
  secretsScanner({ AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN })

/** What `sluice` needs to know of a store. */
export const environmentOf = ({ credentials, endpoint, region }: Reachable): Environment => ({
  AWS_ENDPOINT_URL_S3: endpoint,
  AWS_REGION: region ?? "us-east-1",
  ...keysOf(credentials)
})

/** Where processes that are told no other place keep their uploads: nothing that a test sees, gone after the tests. */
const state = mkdtempSync(join(tmpdir(), "sluice-acceptance-state-"))
afterAll(() => rm(state, { recursive: true, force: true }))

/**
 * `sluice …` as a process of its own, with nothing of our environment but PATH, and where Node keeps what it has compiled;
 * killed after the test.
 */
export const start = (
  args: ReadonlyArray<string>,
  options: { readonly env?: Environment; readonly cwd?: string } = {}
) => {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: {
      PATH: process.env["PATH"],
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
      HOME: tmpdir(),
      XDG_STATE_HOME: state,
      ...options.env
    }
  })
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL")
      await once(child, "exit")
    }
  })
  // A process that ends early breaks its pipe; that is what the test is about, not a failure of it.
  child.stdin.on("error", () => undefined)
  const ended: Promise<Ended> = Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]).then(
    ([out, err, [code]]) => {
      scannerOf(options.env ?? {}).assertNone(`${out}\n${err}`, `what sluice ${args[0]} printed`)
      return { code, out, err, lines: err.split("\n").filter((line) => line !== "") }
    }
  )
  return { child, ended }
}

/** Runs `sluice …` to its end; `input` goes into standard input. */
export const run = (
  args: ReadonlyArray<string>,
  options: { readonly env?: Environment; readonly cwd?: string; readonly input?: Uint8Array } = {}
): Promise<Ended> => {
  const { child, ended } = start(args, options)
  child.stdin.end(options.input ?? new Uint8Array(0))
  return ended
}

/** `sluice serve` on a free port, answering; killed after the test. */
export const serve = async (env: Environment = {}, cwd?: string) => {
  const directory = cwd ?? (await tempDirectory())
  const { child, ended } = start(["serve"], { env: { SLUICE_HTTP_PORT: "0", ...env }, cwd: directory })
  const url = await Promise.race([
    announced(child),
    ended.then(({ err }) => Promise.reject(new Error(`sluice serve ended: ${err}`)))
  ])
  return { child, ended, url, directory }
}

/** The first line of standard output says where it listens. */
const announced = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    let seen = ""
    child.stdout?.on("data", (chunk: Buffer) => {
      seen += chunk.toString()
      const url = /^sluice +(http:\S+?)\/?$/m.exec(seen)?.[1]
      if (url !== undefined) resolve(url)
    })
  })
