/**
 * The stores to serve: those that the environment names, else a development store on disk.
 *
 * @module
 */
import { randomBytes } from "node:crypto"
import type { EngineOptions } from "@sluice/core/Defaults"
import { Journal, makeMemory } from "@sluice/core/Journal"
import * as NamedJournal from "@sluice/core/NamedJournal"
import { s3 } from "@sluice/core/promise"
import { type S3Options, StoreDefaults } from "@sluice/core/s3/S3Options"
import { createStores, type Stores } from "@sluice/core/stores"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Config } from "./Config.ts"
import type { Kept } from "./run-janitor.ts"
import { type ServedStore, servedStores, unnamed } from "./served-stores.ts"

/** Nobody comes back to a request that failed, and the journal is this process's memory. */
const nothingKept: Partial<EngineOptions> = { onFailure: "abort" }

export interface OpenStore extends AsyncDisposable {
  /** One at least; the first is the one that is meant where none is named. */
  readonly stores: Stores<string>
  /** What the Janitor works on, for each of them. */
  readonly kept: ReadonlyArray<Kept>
  /** What they are, for the person who started it. */
  readonly description: ReadonlyArray<string>
}

const directory = ".sluice"
const developmentBucket = "sluice"

/** Opens them; the development store only where neither stores, a bucket nor an endpoint is named. */
export const openStore = (config: Pick<Config, "engine" | "store" | "stores">): Promise<OpenStore> => {
  const places = servedStores(config)
  return places.length === 0 ? openDevelopmentStore(config) : openStores(places, config.engine)
}

/** Engines over one journal, and what a Janitor finds of each of them there. */
const withEngines = async (places: ReadonlyArray<readonly [string, S3Options]>, engine: Partial<EngineOptions>) => {
  const journal = Layer.succeed(Journal, await Effect.runPromise(makeMemory))
  const layers = places.map(([name, options]) => [name, s3(options)] as const)
  return {
    stores: createStores(Object.fromEntries(layers), { journal, ...engine, ...nothingKept }),
    kept: layers.map(([name, store]) =>
      Layer.merge(Layer.provide(store, Layer.succeed(StoreDefaults, engine)), NamedJournal.layer(name, journal))
    )
  }
}

const openStores = async (places: ReadonlyArray<ServedStore>, engine: Partial<EngineOptions>): Promise<OpenStore> => {
  const opened = await withEngines(places, engine)
  const named = places.length > 1
  return {
    ...opened,
    description: places.map(
      ([name, { bucket, endpoint, prefix = "" }]) =>
        `${named ? `${name}: ` : ""}s3://${bucket}${prefix === "" ? "" : `/${prefix}`} at ${endpoint ?? "AWS"}`
    ),
    [Symbol.asyncDispose]: () => opened.stores.dispose()
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
  const place = { bucket: developmentBucket, endpoint, region, credentials, bandwidth }
  const opened = await withEngines([[unnamed, place]], engine)
  return {
    ...opened,
    description: [
      `development store in ${directory}/, for trying out and not for data you care about;`,
      "set SLUICE_BUCKET (and AWS_ENDPOINT_URL_S3) to serve a real one"
    ],
    [Symbol.asyncDispose]: async () => {
      await opened.stores.dispose()
      await server.close()
    }
  }
}
