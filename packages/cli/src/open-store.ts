/**
 * The store to serve: the one the environment names, else a development store on disk.
 *
 * @module
 */
import { randomBytes } from "node:crypto"
import type { EngineOptions } from "@sluice/core/Defaults"
import { Journal, makeMemory } from "@sluice/core/Journal"
import { createSluice, type Sluice, s3 } from "@sluice/core/promise"
import { StoreDefaults } from "@sluice/core/s3/S3Options"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Config } from "./Config.ts"
import type { Kept } from "./run-janitor.ts"

/** Nobody comes back to a request that failed, and the journal is this process's memory. */
const nothingKept: Partial<EngineOptions> = { onFailure: "abort" }

export interface OpenStore extends AsyncDisposable {
  readonly sluice: Sluice
  /** What the Janitor works on. */
  readonly kept: Kept
  /** What it is, for the person who started it. */
  readonly description: ReadonlyArray<string>
}

const directory = ".sluice"
const developmentBucket = "sluice"

/** Opens it; the development store only where neither a bucket nor an endpoint is named. */
export const openStore = ({ engine, store }: Config): Promise<OpenStore> =>
  store.bucket === undefined ? openDevelopmentStore({ engine, store }) : openNamedStore({ engine, store }, store.bucket)

/** A store, with an engine and a Janitor over one journal. */
const withEngine = async (store: ReturnType<typeof s3>, engine: Partial<EngineOptions>) => {
  const journal = Layer.succeed(Journal, await Effect.runPromise(makeMemory))
  return {
    sluice: createSluice({ store, journal, ...engine, ...nothingKept }),
    kept: Layer.merge(Layer.provide(store, Layer.succeed(StoreDefaults, engine)), journal)
  }
}

const openNamedStore = async (
  { engine, store }: Pick<Config, "engine" | "store">,
  bucket: string
): Promise<OpenStore> => {
  const { kept, sluice } = await withEngine(s3({ ...store, bucket }), engine)
  return {
    sluice,
    kept,
    description: [`s3://${bucket} at ${store.endpoint ?? "AWS"}`],
    [Symbol.asyncDispose]: () => sluice.dispose()
  }
}

const openDevelopmentStore = async ({
  engine,
  store: { bandwidth }
}: Pick<Config, "engine" | "store">): Promise<OpenStore> => {
  const { diskStore, startS3 } = await import("@sluice/testkit/store")
  // Nobody else is meant to talk to it: a key that only this process knows.
  const credentials = { accessKeyId: "sluice", secretAccessKey: randomBytes(24).toString("hex") }
  const server = await startS3({ store: diskStore(directory), buckets: [developmentBucket], credentials })
  const { endpoint, region } = server
  const store = s3({ bucket: developmentBucket, endpoint, region, credentials, bandwidth })
  const { kept, sluice } = await withEngine(store, engine)
  return {
    sluice,
    kept,
    description: [
      `development store in ${directory}/, for trying out and not for data you care about;`,
      "set SLUICE_BUCKET (and AWS_ENDPOINT_URL_S3) to serve a real one"
    ],
    [Symbol.asyncDispose]: async () => {
      await sluice.dispose()
      await server.close()
    }
  }
}
