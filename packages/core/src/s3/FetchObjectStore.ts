/**
 * `ObjectStore` over `fetch` and a small signer, for runtimes without sockets: workers at the edge, Bun, Deno, browsers.
 * Neither `@aws-sdk/client-s3` nor a module of Node's is loaded.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Capabilities } from "../Limits.ts"
import { ObjectStore } from "../ObjectStore.ts"
import { limiterOf } from "../platform/rate-limiter.ts"
import { fetchTransport } from "../platform/transport-fetch.ts"
import type { UploadError } from "../UploadError.ts"
import { makeFetchSend } from "./fetch-send.ts"
import { fetchSettings } from "./fetch-settings.ts"
import { makeLearn } from "./learn.ts"
import { makeStore, resolveOptions } from "./make-store.ts"
import { openWays } from "./open-ways.ts"
import type { S3Options } from "./S3Options.ts"

export type { CredentialsProvider, StaticCredentials } from "./S3Options.ts"

/**
 * The options of `FetchObjectStore`. Credentials are those given, else `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
 * `AWS_SESSION_TOKEN`: profiles, SSO and roles are the SDK's alone. Connections are the runtime's: nothing bounds their
 * number, and only Bun gives up on one after `connectTimeoutMs`.
 */
export interface FetchS3Options extends Omit<S3Options, "profile" | "maxSockets"> {}

/**
 * The store behind `options`. Makes no request itself.
 *
 * Fails with `InvalidRequest` when the options cannot be meant, with `CredentialsUnavailable` when there are none.
 *
 * ```ts
 * import * as FetchObjectStore from "@sluice/core/s3/FetchObjectStore"
 * const store = FetchObjectStore.layer({ bucket: "media", region: "eu-west-1" })
 * ```
 */
export const layer = (given: FetchS3Options): Layer.Layer<ObjectStore, UploadError> =>
  Layer.effect(
    ObjectStore,
    openWays(
      given,
      Effect.fnUntraced(function* (way: FetchS3Options) {
        const options = yield* resolveOptions(way)
        const settings = yield* fetchSettings(options)
        const transport = fetchTransport(limiterOf(options.bandwidth))
        return yield* makeStore(options, {
          send: makeFetchSend(options, settings, transport),
          learn: makeLearn({ config: settings }, options.bucket)
        })
      })
    )
  )

/** What the store behind `options` can do, found out by asking it; see `S3ObjectStore.probe`. */
export const probe = (options: FetchS3Options): Effect.Effect<Capabilities, UploadError> =>
  Effect.scoped(
    Effect.map(
      Layer.build(layer({ ...options, provider: "probe" })),
      (context) => Context.get(context, ObjectStore).capabilities
    )
  )

/**
 * A store over `fetch`, for `createSluice`. Makes no request until the first upload.
 *
 * ```ts
 * import { createSluice } from "@sluice/core/promise"
 * import { fetchS3 } from "@sluice/core/s3/FetchObjectStore"
 *
 * const sluice = createSluice({ store: fetchS3({ bucket: "media", region: "eu-west-1" }) })
 * ```
 */
export const fetchS3 = layer
