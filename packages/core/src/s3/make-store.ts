/**
 * S3's verbs over one bucket, whoever sends them.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { type Capabilities, profiles, providerOf } from "../Limits.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import type { UploadError } from "../UploadError.ts"
import { type Backend, makeCaller } from "./caller.ts"
import { copyVerbs } from "./copy-verbs.ts"
import { listVerbs } from "./list-verbs.ts"
import { multipartVerbs } from "./multipart-verbs.ts"
import { objectVerbs } from "./object-verbs.ts"
import { checkOptions, type S3Options, withStoreDefaults } from "./S3Options.ts"
import { withEnvironment } from "./with-environment.ts"

/** The options with what the engine and the environment say, or what cannot be meant. */
export const resolveOptions = Effect.fnUntraced(function* (
  given: S3Options
): Effect.fn.Return<S3Options & { readonly forcePathStyle: boolean }, UploadError> {
  const options = yield* withEnvironment(yield* withStoreDefaults(given))
  const problem = checkOptions(options)
  if (problem !== undefined) return yield* problem
  const { endpoint } = options
  const forcePathStyle = options.forcePathStyle ?? (endpoint !== undefined && providerOf(endpoint) !== "aws")
  return { ...options, forcePathStyle }
})

/** Every key segment encoded, slashes kept. */
const encodeKey = (key: string): string => key.split("/").map(encodeURIComponent).join("/")

const locationOf = (options: S3Options, key: string): string => {
  const base = new URL(options.endpoint ?? `https://s3.${options.region ?? "us-east-1"}.amazonaws.com`)
  return options.forcePathStyle === true
    ? `${base.origin}/${options.bucket}/${encodeKey(key)}`
    : `${base.protocol}//${options.bucket}.${base.host}/${encodeKey(key)}`
}

const makeApi = (options: S3Options, backend: Backend, capabilities: Capabilities): ObjectStoreApi => {
  const caller = makeCaller(options, backend, capabilities)
  return {
    bucket: options.bucket,
    capabilities,
    location: (key) => locationOf(options, key),
    // One AWS copies between its regions.
    endpoint: new URL(options.endpoint ?? "https://s3.amazonaws.com").origin,
    ...multipartVerbs(caller),
    ...listVerbs(caller),
    ...objectVerbs(caller),
    ...copyVerbs(caller)
  }
}

/** The store behind resolved `options`; it is asked what it can do where they say so. */
export const makeStore = Effect.fnUntraced(function* (
  options: S3Options,
  backend: Backend
): Effect.fn.Return<ObjectStoreApi, UploadError> {
  const make = (capabilities: Capabilities) => makeApi(options, backend, capabilities)
  const host = providerOf(options.endpoint)
  if (options.provider !== "probe") return make(profiles[options.provider ?? host])
  // Loaded where it is needed: most stores are known.
  const { probeOnce, probeStore } = yield* Effect.promise(() => import("./probe-store.ts"))
  const name = `${options.endpoint ?? ""} ${options.region ?? ""} ${options.bucket}`
  return make(yield* probeOnce(name, probeStore(profiles[host], make)))
})
