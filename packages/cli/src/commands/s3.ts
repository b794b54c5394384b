/**
 * `sluice s3`: an S3 server for tests, in any language.
 *
 * @module
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { diskStore, type Provider, profiles, type S3Server, type S3ServerOptions, startS3 } from "@sluice/testkit/store"
import { type Command, exitCode, type Flags, UsageError, type World } from "../Command.ts"

const flags = {
  port: { type: "string", value: "N", help: "port on 127.0.0.1 (default 9000; 0 takes a free one)" },
  data: { type: "string", value: "DIR", help: "keep objects there; without it they end with the server" },
  bucket: { type: "string", multiple: true, value: "NAME", help: "a bucket to have, again for more (default sluice)" },
  profile: { type: "string", value: "P", help: `answer like a provider: ${Object.keys(profiles).join(", ")}` },
  tls: { type: "boolean", help: "HTTPS, with a certificate that signs itself" }
} as const satisfies Flags

export const s3: Command = {
  name: "s3",
  takes: "",
  summary: "Serves S3 on this machine, for tests in any language.",
  details: [
    "Signatures, checksums and conditions are checked as strictly as S3 checks them, or more. The credentials are",
    "sluice / sluicesecret. Standard output can be sourced by a shell: `sluice s3 --port 0 > env & …; . ./env`.",
    "",
    "For tests and development: whoever reaches this machine's loopback and knows the key may do everything.",
    "Ctrl-C ends it."
  ],
  flags,
  run: async (args, world) => {
    const { values } = parseArgs({ args: [...args], options: flags })
    const options = readOptions(values)
    await using server = await start(options)
    await using trust = await certificateFile(server)
    announce(world, server, values, trust.path)
    await aborted(world.signal)
    return exitCode.done
  }
}

interface Values {
  readonly port?: string | undefined
  readonly data?: string | undefined
  readonly bucket?: ReadonlyArray<string> | undefined
  readonly profile?: string | undefined
  readonly tls?: boolean | undefined
}

const defaultPort = 9000

const isProvider = (name: string): name is Provider => Object.hasOwn(profiles, name)

function readOptions({ port, data, bucket, profile, tls = false }: Values): S3ServerOptions {
  const problems: Array<string> = []
  const number = port === undefined ? defaultPort : Number(port)
  if (!/^\d{1,5}$/.test(port ?? "0") || number > 65_535) problems.push(`--port ${port}: a number from 0 to 65535`)
  if (profile !== undefined && !isProvider(profile)) {
    problems.push(`--profile ${profile}: one of ${Object.keys(profiles).join(", ")}`)
  }
  if (problems.length > 0) throw new UsageError(problems)
  return {
    port: number,
    tls,
    ...(bucket === undefined ? {} : { buckets: bucket }),
    ...(profile !== undefined && isProvider(profile) ? { profile } : {}),
    ...(data === undefined ? {} : { store: diskStore(data) })
  }
}

async function start(options: S3ServerOptions): Promise<S3Server> {
  try {
    return await startS3(options)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    if (code === "EADDRINUSE") throw new Error(`port ${options.port} is in use; --port names another, 0 a free one`)
    if (code === "InvalidBucketName") {
      throw new UsageError(["--bucket: 3 to 63 of a-z, 0-9, dot and hyphen, as S3 names buckets"])
    }
    throw error
  }
}

/** The file that other programs' trust settings want; gone with the server. */
async function certificateFile({ certificate }: S3Server): Promise<AsyncDisposable & { readonly path?: string }> {
  if (certificate === undefined) return { [Symbol.asyncDispose]: async () => undefined }
  const directory = await mkdtemp(join(tmpdir(), "sluice-s3-"))
  const path = join(directory, "certificate.pem")
  await writeFile(path, certificate)
  return { path, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) }
}

function announce({ out }: World, server: S3Server, { bucket, data }: Values, trust: string | undefined): void {
  const { accessKeyId, secretAccessKey } = server.credentials
  out(`# S3 at ${server.endpoint}, ${data === undefined ? "in memory" : `in ${data}`}; Ctrl-C ends it`)
  out(`# buckets: ${(bucket ?? ["sluice"]).join(", ")}`)
  out(`# aws --endpoint-url ${server.endpoint} s3 ls s3://${bucket?.[0] ?? "sluice"}`)
  for (const [name, value] of Object.entries({
    AWS_ENDPOINT_URL_S3: server.endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: server.region,
    AWS_CA_BUNDLE: trust,
    NODE_EXTRA_CA_CERTS: trust
  })) {
    if (value !== undefined) out(`export ${name}=${value}`)
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener("abort", () => resolve(), { once: true })
  })
