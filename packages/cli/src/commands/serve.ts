/**
 * `sluice serve`: the page and the HTTP routes in front of a store.
 *
 * @module
 */
import { parseArgs } from "node:util"
import type { UploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type Command, exitCode, type Flags, UsageError, type World } from "../Command.ts"
import { readConfig } from "../Config.ts"
import { listen } from "../listen.ts"
import { openStore } from "../open-store.ts"
import { runJanitor } from "../run-janitor.ts"
import { allReady, serverApp } from "../server-app.ts"

const flags = {
  "no-janitor": { type: "boolean", help: "leave alone what nobody came back for, as SLUICE_JANITOR_EVERY=off" }
} as const satisfies Flags

export const serve: Command = {
  name: "serve",
  takes: "",
  summary: "Serves the upload page and PUT, GET, HEAD and DELETE /objects/… in front of a store.",
  details: [
    "Without SLUICE_BUCKET and AWS_ENDPOINT_URL_S3 it starts a development store in .sluice/.",
    "",
    "SLUICE_HTTP_PORT   port (default 3000; 0 takes a free one)",
    "SLUICE_HTTP_HOST   address (default 127.0.0.1; any other needs SLUICE_TOKEN)",
    "SLUICE_TOKEN       the bearer token that every request must carry",
    "SLUICE_STORES      several stores by name: media=s3://media archive=s3://cold/2026/?region=eu-north-1",
    "SLUICE_BUCKET, AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_ACCESS_KEY_ID, …   the store to serve",
    "SLUICE_JANITOR_EVERY, SLUICE_JANITOR_OLDER_THAN   how often the Janitor sweeps (24h, or off), and how old (24h)",
    "",
    ".env.example lists every variable. Ctrl-C ends running uploads and leaves nothing of them."
  ],
  flags,
  uploads: true,
  run: async (args, world) => {
    const { values } = parseArgs({ args: [...args], options: flags })
    const config = readConfig(world.env)
    if (Result.isFailure(config)) throw new UsageError(config.failure)
    const { engine, http, janitor, store: named, stores } = config.success
    if (named.bucket === undefined && named.endpoint !== undefined && stores.length === 0) {
      throw new UsageError([`SLUICE_BUCKET: missing; name the bucket at ${named.endpoint} that is to be served`])
    }
    if (named.bucket !== undefined && stores.length > 0) {
      throw new UsageError(["SLUICE_BUCKET: set beside SLUICE_STORES; give the bucket a name there, or leave one out"])
    }
    await using store = await openStore(config.success)
    const app = serverApp(store.stores, http, (line) => world.err(`sluice: ${line}`))
    const server = await listen(app.fetch, http)
    announce(world, server.url, store.description)
    warnUnlessReady(allReady(store.stores), world)
    if (values["no-janitor"] !== true) {
      for (const kept of store.kept) keepClean(runJanitor(kept, janitor, engine), world)
    }
    await aborted(world.signal)
    // No new requests; uploads under way are aborted with the engine, and what then still is open is cut.
    server.refuse()
    await store.stores.dispose()
    await server.close()
    return exitCode.done
  }
}

const announce = ({ out }: World, url: string, description: ReadonlyArray<string>): void => {
  out(`sluice  ${url}/`)
  out(`upload  curl -T big.bin ${url}/objects/big.bin`)
  for (const [i, line] of description.entries()) out(`${i === 0 ? "store " : "      "}  ${line}`)
}

/** A store that is not there yet may come; say so once and go on. */
const warnUnlessReady = (ready: Promise<void>, { err, signal }: World): void => {
  ready.catch((error: unknown) => {
    if (!signal.aborted)
      err(`sluice: the store is not ready: ${error instanceof Error ? error.message : String(error)}`)
  })
}

/** Beside everything else: what goes wrong with it stops no upload. */
const keepClean = (sweeping: Effect.Effect<void, UploadError>, { err, signal }: World): void => {
  Effect.runPromise(sweeping, { signal }).catch((error: unknown) => {
    if (!signal.aborted) err(`sluice: the Janitor stopped: ${error instanceof Error ? error.message : String(error)}`)
  })
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener("abort", () => resolve(), { once: true })
  })
