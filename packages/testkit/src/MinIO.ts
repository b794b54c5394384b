import { randomBytes } from "node:crypto"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Environment, findBinary } from "./real/find-binary.ts"
import { canRunContainers, startMinIOContainer } from "./real/minio-container.ts"
import { type RealStore, realStore } from "./real/RealStore.ts"
import { startProcess } from "./real/start-process.ts"

/** A MinIO to test against: ours alone (a process or container with its own data), or the one the environment names. */
export type MinIO = RealStore

export interface MinIOOptions {
  /**
   * Whether the server can encrypt with SSE-S3 (default true). `false` starts one without a key, which refuses SSE;
   * it always takes a server of our own.
   */
  readonly kms?: boolean
}

/** Where a MinIO comes from: a running server, a binary to start, or a container to start. */
export type MinIOOrigin =
  | { readonly kind: "endpoint"; readonly endpoint: string }
  | { readonly kind: "binary"; readonly path: string }
  | { readonly kind: "container" }

const region = "us-east-1"

/**
 * Looks for a MinIO: `SLUICE_MINIO_ENDPOINT`, then the binary at `SLUICE_MINIO_BIN`, at `.tools/bin/minio` in this
 * directory or one above it, or on `PATH`; then a Docker that answers with the package `testcontainers` beside us.
 * `undefined` when there is none.
 */
export function findMinIO(options: MinIOOptions = {}, env: Environment = process.env): MinIOOrigin | undefined {
  const endpoint = env["SLUICE_MINIO_ENDPOINT"]
  if (endpoint && options.kms !== false) return { kind: "endpoint", endpoint }
  const path = findBinary("minio", "SLUICE_MINIO_BIN", env)
  if (path !== undefined) return { kind: "binary", path }
  return !env["SLUICE_MINIO_BIN"] && canRunContainers(env) ? { kind: "container" } : undefined
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
      "No MinIO: set SLUICE_MINIO_BIN to a minio binary, put one at .tools/bin/minio (.ci/run does), set SLUICE_MINIO_ENDPOINT to a running server, or have Docker and the package testcontainers"
    )
  }
  return origin.kind === "endpoint" ? useEndpoint(origin.endpoint, process.env) : startOwn(origin, options)
}

function useEndpoint(endpoint: string, env: Environment): MinIO {
  const accessKeyId = env["AWS_ACCESS_KEY_ID"]
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"]
  if (!accessKeyId || !secretAccessKey) {
    throw new Error("SLUICE_MINIO_ENDPOINT also needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
  }
  const address = { endpoint, region: env["AWS_REGION"] || region, credentials: { accessKeyId, secretAccessKey } }
  return realStore(address, async () => {})
}

async function startOwn(origin: Exclude<MinIOOrigin, { kind: "endpoint" }>, options: MinIOOptions): Promise<MinIO> {
  const credentials = {
    accessKeyId: randomBytes(8).toString("hex"),
    secretAccessKey: randomBytes(20).toString("hex")
  }
  const env = {
    MINIO_ROOT_USER: credentials.accessKeyId,
    MINIO_ROOT_PASSWORD: credentials.secretAccessKey,
    MINIO_BROWSER: "off",
    MINIO_UPDATE: "off",
    ...(options.kms === false ? {} : { MINIO_KMS_SECRET_KEY: `sluice:${randomBytes(32).toString("base64")}` })
  }
  const { endpoint, close } =
    origin.kind === "container" ? await startMinIOContainer(env) : await startBinary(origin.path, env)
  return realStore({ endpoint, region, credentials }, close)
}

async function startBinary(binary: string, env: Readonly<Record<string, string>>) {
  const directory = await mkdtemp(join(tmpdir(), "sluice-minio-"))
  return startProcess({
    name: "MinIO",
    binary,
    args: ["server", "--address", "127.0.0.1:0", join(directory, "data")],
    directory,
    env,
    // MinIO takes port 0 and prints the address that it got, so no other process can take the port in between.
    answers: async (output) => {
      const endpoint = /API: (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1]
      return endpoint !== undefined && (await isLive(endpoint)) ? endpoint : undefined
    }
  })
}

async function isLive(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(`${endpoint}/minio/health/live`, { signal: AbortSignal.timeout(30_000) })
    // Live answers 200 while the object layer is still starting; this header then says so.
    return response.ok && response.headers.get("x-minio-server-status") === null
  } catch {
    return false
  }
}
