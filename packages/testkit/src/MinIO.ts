import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"

/** A MinIO to test against: ours alone (a process with its own data directory), or the one the environment names. */
export interface MinIO extends AsyncDisposable {
  readonly endpoint: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  createBucket(name: string): Promise<void>
  /** Ends the process and removes its data; a server named by the environment is left as it is. */
  close(): Promise<void>
}

export interface MinIOOptions {
  /**
   * Whether the server can encrypt with SSE-S3 (default true). `false` starts one without a key, which refuses SSE;
   * it always takes a server of our own.
   */
  readonly kms?: boolean
}

/** Where a MinIO comes from: a running server, or a binary to start. */
export type MinIOOrigin =
  | { readonly kind: "endpoint"; readonly endpoint: string }
  | { readonly kind: "binary"; readonly path: string }

type Environment = Readonly<Record<string, string | undefined>>

const keeperPath = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./keep-minio.ts" : "./keep-minio.js", import.meta.url)
)
const region = "us-east-1"
const readyWithinMs = 30_000
const pollMs = 50

/**
 * Looks for a MinIO: `SLUICE_MINIO_ENDPOINT`, then the binary at `SLUICE_MINIO_BIN`, at `.tools/bin/minio` in this
 * directory or one above it, or on `PATH`. `undefined` when there is none.
 */
export function findMinIO(options: MinIOOptions = {}, env: Environment = process.env): MinIOOrigin | undefined {
  const endpoint = env["SLUICE_MINIO_ENDPOINT"]
  if (endpoint && options.kms !== false) return { kind: "endpoint", endpoint }
  const named = env["SLUICE_MINIO_BIN"]
  const candidates = named
    ? [named]
    : [
        ...ancestors(process.cwd()).map((directory) => join(directory, ".tools", "bin", "minio")),
        ...(env["PATH"] ?? "").split(delimiter).map((directory) => join(directory, "minio"))
      ]
  const path = candidates.find((candidate) => existsSync(candidate))
  return path === undefined ? undefined : { kind: "binary", path }
}

/** True where `SLUICE_SERVICES=required`: a missing service then fails its tests instead of skipping them. */
export const servicesRequired = (env: Environment = process.env): boolean => env["SLUICE_SERVICES"] === "required"

/**
 * What a suite that needs MinIO hands to `describe.skipIf(skip)(title, …)`: the title says why it is skipped.
 *
 * @example
 * const minio = minIOSuite("uploads to MinIO")
 * describe.skipIf(minio.skip)(minio.title, () => { … })
 */
export function minIOSuite(
  name: string,
  options: MinIOOptions = {}
): { readonly title: string; readonly skip: boolean } {
  const skip = findMinIO(options) === undefined && !servicesRequired()
  return { skip, title: skip ? `${name} (skipped: no minio binary; .ci/run installs it)` : name }
}

/**
 * Starts a MinIO on a free loopback port with random credentials and resolves when it answers, or uses the server that
 * `SLUICE_MINIO_ENDPOINT`, `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` name. Rejects when there is neither.
 */
export async function startMinIO(options: MinIOOptions = {}): Promise<MinIO> {
  const origin = findMinIO(options)
  if (origin === undefined) {
    throw new Error(
      "No MinIO: set SLUICE_MINIO_BIN to a minio binary, put one at .tools/bin/minio (.ci/run does), or set SLUICE_MINIO_ENDPOINT to a running server"
    )
  }
  return origin.kind === "endpoint" ? useEndpoint(origin.endpoint, process.env) : startBinary(origin.path, options)
}

async function useEndpoint(endpoint: string, env: Environment): Promise<MinIO> {
  const accessKeyId = env["AWS_ACCESS_KEY_ID"]
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"]
  if (!accessKeyId || !secretAccessKey) {
    throw new Error("SLUICE_MINIO_ENDPOINT also needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
  }
  const service = { endpoint, region: env["AWS_REGION"] || region, credentials: { accessKeyId, secretAccessKey } }
  return withMethods(service, async () => {})
}

async function startBinary(path: string, options: MinIOOptions): Promise<MinIO> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-minio-"))
  const credentials = {
    accessKeyId: randomBytes(8).toString("hex"),
    secretAccessKey: randomBytes(20).toString("hex")
  }
  const keeper = spawn(process.execPath, [keeperPath, path, directory], {
    // Nothing of the caller's environment but PATH: a proxy or a MINIO_* variable would change what is tested.
    env: {
      PATH: process.env["PATH"],
      HOME: directory,
      MINIO_ROOT_USER: credentials.accessKeyId,
      MINIO_ROOT_PASSWORD: credentials.secretAccessKey,
      MINIO_BROWSER: "off",
      MINIO_UPDATE: "off",
      ...(options.kms === false ? {} : { MINIO_KMS_SECRET_KEY: `sluice:${randomBytes(32).toString("base64")}` })
    },
    stdio: ["pipe", "pipe", "pipe"]
  })
  const close = async () => {
    if (!isRunning(keeper)) return
    const exited = once(keeper, "exit")
    keeper.stdin.end()
    await exited
  }
  try {
    const endpoint = await ready(keeper)
    return withMethods({ endpoint, region, credentials }, close)
  } catch (error) {
    await close()
    throw error
  }
}

/** MinIO takes port 0 and prints the address that it got, so no other process can take the port in between. */
async function ready(keeper: ChildProcess): Promise<string> {
  let output = ""
  const listen = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4096)
  }
  keeper.stdout?.on("data", listen)
  keeper.stderr?.on("data", listen)
  const deadline = performance.now() + readyWithinMs
  while (performance.now() < deadline && isRunning(keeper)) {
    const endpoint = /API: (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1]
    if (endpoint !== undefined && (await isLive(endpoint))) return endpoint
    await delay(pollMs)
  }
  const what = isRunning(keeper) ? `is not ready after ${readyWithinMs / 1000} s` : "did not start"
  throw new Error(`MinIO ${what}: ${output.trim()}`)
}

async function isLive(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(`${endpoint}/minio/health/live`, { signal: AbortSignal.timeout(readyWithinMs) })
    // Live answers 200 while the object layer is still starting; this header then says so.
    return response.ok && response.headers.get("x-minio-server-status") === null
  } catch {
    return false
  }
}

function withMethods(service: Pick<MinIO, "endpoint" | "region" | "credentials">, close: () => Promise<void>): MinIO {
  return {
    ...service,
    createBucket: async (name) => {
      const client = new S3Client({ ...service, forcePathStyle: true })
      try {
        await client.send(new CreateBucketCommand({ Bucket: name }))
      } finally {
        client.destroy()
      }
    },
    close,
    [Symbol.asyncDispose]: close
  }
}

const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null

function ancestors(directory: string): ReadonlyArray<string> {
  const parent = dirname(directory)
  return parent === directory ? [directory] : [directory, ...ancestors(parent)]
}
