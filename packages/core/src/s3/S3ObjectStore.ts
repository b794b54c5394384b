/**
 * `ObjectStore` over `@aws-sdk/client-s3`, with our own request handler for the bytes.
 *
 * @module
 */
import type { S3Client } from "@aws-sdk/client-s3"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { defaults } from "../Defaults.ts"
import { type Capabilities, profiles, providerOf } from "../Limits.ts"
import { ObjectStore, type ObjectStoreApi } from "../ObjectStore.ts"
import { makeTransport } from "../platform/transport.ts"
import type { UploadError } from "../UploadError.ts"
import { makeCaller } from "./caller.ts"
import { copyVerbs } from "./copy-verbs.ts"
import { listVerbs } from "./list-verbs.ts"
import { makeClient } from "./make-client.ts"
import { multipartVerbs } from "./multipart-verbs.ts"
import { objectVerbs } from "./object-verbs.ts"
import { makeRepeatPart, type SendPart } from "./repeat-part.ts"
import { checkOptions, type S3Options, withStoreDefaults } from "./S3Options.ts"
import { withEnvironment } from "./with-environment.ts"

export type { CredentialsProvider, S3Options, StaticCredentials } from "./S3Options.ts"

/** Every key segment encoded, slashes kept. */
const encodeKey = (key: string): string => key.split("/").map(encodeURIComponent).join("/")

const locationOf = (options: S3Options, pathStyle: boolean, key: string): string => {
  const base = new URL(options.endpoint ?? `https://s3.${options.region ?? "us-east-1"}.amazonaws.com`)
  return pathStyle
    ? `${base.origin}/${options.bucket}/${encodeKey(key)}`
    : `${base.protocol}//${options.bucket}.${base.host}/${encodeKey(key)}`
}

/** S3's verbs over one bucket, through one client. */
const makeApi = (
  options: S3Options,
  client: S3Client,
  repeatPart: SendPart,
  pathStyle: boolean,
  capabilities: Capabilities
): ObjectStoreApi => {
  const caller = makeCaller(options, client, capabilities)
  return {
    bucket: options.bucket,
    capabilities,
    location: (key) => locationOf(options, pathStyle, key),
    // One AWS copies between its regions.
    endpoint: new URL(options.endpoint ?? "https://s3.amazonaws.com").origin,
    ...multipartVerbs(caller, repeatPart),
    ...listVerbs(caller),
    ...objectVerbs(caller),
    ...copyVerbs(caller)
  }
}

/**
 * The store behind `options`. Makes no request itself; the scope closes its connections.
 *
 * Fails with `InvalidRequest` when the options cannot be meant.
 *
 * ```ts
 * import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
 * const store = S3ObjectStore.layer({ bucket: "media", region: "eu-west-1" })
 * ```
 */
export const layer = (given: S3Options): Layer.Layer<ObjectStore, UploadError> =>
  Layer.effect(
    ObjectStore,
    Effect.gen(function* () {
      const options = yield* withEnvironment(yield* withStoreDefaults(given))
      const problem = checkOptions(options)
      if (problem !== undefined) return yield* problem
      const pathStyle =
        options.forcePathStyle ?? (options.endpoint !== undefined && providerOf(options.endpoint) !== "aws")
      const transport = makeTransport(options.bandwidth, options.maxSockets)
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => makeClient(options, pathStyle, transport)),
        (client) => Effect.sync(() => client.destroy())
      )
      const repeatPart = makeRepeatPart(client, transport, options.connectTimeoutMs ?? defaults.connectTimeoutMs)
      const make = (capabilities: Capabilities) => makeApi(options, client, repeatPart, pathStyle, capabilities)
      const host = providerOf(options.endpoint)
      if (options.provider !== "probe") return make(profiles[options.provider ?? host])
      // Loaded where it is needed: most stores are known.
      const { probeOnce, probeStore } = yield* Effect.promise(() => import("./probe-store.ts"))
      const name = `${options.endpoint ?? ""} ${options.region ?? ""} ${options.bucket}`
      return make(yield* probeOnce(name, probeStore(profiles[host], make)))
    })
  )

/**
 * What the store behind `options` can do, found out by asking it: as `provider: "probe"` does, and as often.
 *
 * Fails as uploads to it would: `AccessDenied`, `NoSuchBucket`, `Unavailable`…
 *
 * ```ts
 * import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
 * const capabilities = S3ObjectStore.probe({ bucket: "media", endpoint: "https://objects.example.com" })
 * ```
 */
export const probe = (options: S3Options): Effect.Effect<Capabilities, UploadError> =>
  Effect.scoped(
    Effect.map(
      Layer.build(layer({ ...options, provider: "probe" })),
      (context) => Context.get(context, ObjectStore).capabilities
    )
  )
