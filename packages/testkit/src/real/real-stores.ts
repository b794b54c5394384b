import { randomBytes } from "node:crypto"
import { mkdir, mkdtemp, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Provider } from "@sluice/core/Limits"
import { type MinIOOptions, minIOSuite, startMinIO } from "../MinIO.ts"
import { type Environment, findBinary } from "./find-binary.ts"
import { freePort } from "./free-port.ts"
import { type RealStore, realStore } from "./RealStore.ts"
import { startProcess } from "./start-process.ts"

/** What is particular to one store: how it is started in a new directory. */
interface Recipe {
  /** Its command in `.tools/bin`, as `tools.json` pins it. */
  readonly command: string
  readonly title: string
  /** The engine's profile that fits it; `probe` where none does. */
  readonly provider: Provider | "probe"
  readonly prepare: (setting: Setting) => Promise<{
    readonly args: ReadonlyArray<string>
    readonly env?: Readonly<Record<string, string>>
  }>
}

interface Setting {
  readonly directory: string
  readonly port: number
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

const recipes = {
  versitygw: {
    command: "versitygw",
    title: "versitygw",
    provider: "generic",
    prepare: async ({ directory, port, credentials }) => {
      await Promise.all([mkdir(join(directory, "data")), mkdir(join(directory, "versions"))])
      return {
        args: [
          ...["--quiet", "--port", `127.0.0.1:${port}`],
          ...["posix", "--versioning-dir", join(directory, "versions"), join(directory, "data")]
        ],
        env: { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey }
      }
    }
  },
  "s3s-fs": {
    command: "s3s-fs",
    title: "s3s-fs",
    provider: "probe",
    prepare: async ({ directory, port, credentials }) => {
      await mkdir(join(directory, "data"))
      return {
        args: [
          ...["--host", "127.0.0.1", "--port", String(port)],
          ...["--access-key", credentials.accessKeyId, "--secret-key", credentials.secretAccessKey],
          join(directory, "data")
        ]
      }
    }
  },
  seaweedfs: {
    command: "seaweedfs",
    title: "SeaweedFS",
    provider: "probe",
    prepare: async ({ directory, port, credentials }) => {
      const { accessKeyId: accessKey, secretAccessKey: secretKey } = credentials
      const actions = ["Admin", "Read", "List", "Tagging", "Write"]
      const identities = [{ name: "sluice", credentials: [{ accessKey, secretKey }], actions }]
      await mkdir(join(directory, "data"))
      await writeFile(join(directory, "s3.json"), JSON.stringify({ identities }))
      // A master, a volume server and a filer beside the gateway: seven ports more.
      const others = ["master.port", "volume.port", "filer.port"].flatMap((name) => [name, `${name}.grpc`])
      const ports = await Promise.all([...others, "s3.port.grpc"].map(async (name) => `-${name}=${await freePort()}`))
      return {
        args: [
          ...[
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            `-dir=${join(directory, "data")}`,
            "-master.volumeSizeLimitMB=64",
            "-volume.max=500"
          ],
          ...["-s3", `-s3.port=${port}`, `-s3.config=${join(directory, "s3.json")}`, ...ports]
        ]
      }
    }
  }
} as const satisfies Record<string, Recipe>

/** A real S3 server that can be started here, where its binary is (`scripts/install-tools.js NAME` installs it). */
export type RealStoreName = "minio" | keyof typeof recipes

export const realStoreNames: ReadonlyArray<RealStoreName> = ["minio", "versitygw", "s3s-fs", "seaweedfs"]

/** The engine's profile for a store, or `probe` where none fits: what to hand to `s3({ provider })`. */
export const providerOfStore = (name: RealStoreName): Provider | "probe" =>
  name === "minio" ? "minio" : recipes[name].provider

/** The variable that names a store's binary: `SLUICE_VERSITYGW_BIN`, `SLUICE_S3S_FS_BIN`. */
const variableOf = (name: keyof typeof recipes): string => `SLUICE_${name.toUpperCase().replaceAll("-", "_")}_BIN`

const find = (name: keyof typeof recipes, env?: Environment): string | undefined =>
  findBinary(recipes[name].command, variableOf(name), env)

/**
 * What a suite that needs a store hands to `describe.skipIf(skip)(title, …)`: the title says why it is skipped. A
 * store that is not installed is skipped, unless `SLUICE_SERVICES=required`.
 */
export function realStoreSuite(
  name: RealStoreName,
  suite: string,
  env: Environment = process.env
): { readonly title: string; readonly skip: boolean } {
  if (name === "minio") return minIOSuite(suite)
  const skip = find(name, env) === undefined && env["SLUICE_SERVICES"] !== "required"
  return { skip, title: skip ? `${suite} (skipped: no ${recipes[name].command} binary)` : suite }
}

/**
 * Starts a store on a free loopback port with random credentials and resolves when it answers; `minio` as `startMinIO`
 * does. Rejects when there is no binary, or when it does not answer within 30 seconds.
 */
export async function startRealStore(name: RealStoreName, options: MinIOOptions = {}): Promise<RealStore> {
  if (name === "minio") return startMinIO(options)
  const { command, title, prepare } = recipes[name]
  const binary = find(name)
  if (binary === undefined) {
    throw new Error(`No ${title}: set ${variableOf(name)} to its binary, or put it at .tools/bin/${command}`)
  }
  const directory = await mkdtemp(join(tmpdir(), `sluice-${name}-`))
  const credentials = {
    accessKeyId: randomBytes(8).toString("hex"),
    secretAccessKey: randomBytes(20).toString("hex")
  }
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const { args, env = {} }: Awaited<ReturnType<Recipe["prepare"]>> = await prepare({ directory, port, credentials })
  const answers = async () => ((await isAnswering(endpoint)) ? endpoint : undefined)
  const { close } = await startProcess({ name: title, binary, args, directory, env, answers })
  return realStore({ endpoint, region: "us-east-1", credentials }, close)
}

/** Any answer will do: one without a signature is 403. */
const isAnswering = (endpoint: string): Promise<boolean> =>
  fetch(endpoint, { signal: AbortSignal.timeout(5_000) }).then(
    ({ status }) => status < 500,
    () => false
  )
