/**
 * Which stores the environment offers, and where each is. Pure.
 *
 * @module
 */
import type { S3Options } from "@sluice/core/s3/S3Options"
import type { Config, StoreConfig } from "./Config.ts"

/** A store that is served, and its name. */
export type ServedStore = readonly [name: string, place: StoreConfig & Pick<S3Options, "bucket" | "prefix" | "profile">]

/** The name of a store that was given none. */
export const unnamed = "default"

/** Those of `SLUICE_STORES`, else the one of `SLUICE_BUCKET`, else none. */
export const servedStores = ({ store, stores }: Pick<Config, "store" | "stores">): ReadonlyArray<ServedStore> => {
  const { bandwidth, bucket, endpoint, provider, region } = store
  if (stores.length === 0) return bucket === undefined ? [] : [[unnamed, { ...store, bucket }]]
  return stores.map(({ name, ...own }) => [
    name,
    {
      ...own,
      endpoint: own.endpoint ?? endpoint,
      region: own.region ?? region,
      provider: own.provider ?? provider,
      bandwidth
    }
  ])
}
