/**
 * `ObjectStore` over `@aws-sdk/client-s3`, with our own request handler for the bytes.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { defaults } from "../Defaults.ts"
import type { Capabilities } from "../Limits.ts"
import { ObjectStore } from "../ObjectStore.ts"
import type { UploadError } from "../UploadError.ts"
import { connect } from "./connect.ts"
import { makeLearn } from "./learn.ts"
import { makeStore } from "./make-store.ts"
import { openWays } from "./open-ways.ts"
import { makeRepeatPart } from "./repeat-part.ts"
import type { S3Options } from "./S3Options.ts"
import { makeSdkSend } from "./sdk-send.ts"

export type { CredentialsProvider, S3Options, StaticCredentials } from "./S3Options.ts"

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
    openWays(
      given,
      Effect.fnUntraced(function* (way: S3Options) {
        const { options, client, transport } = yield* connect(way)
        const repeatPart = makeRepeatPart(client, transport, options.connectTimeoutMs ?? defaults.connectTimeoutMs)
        const { bucket } = options
        return yield* makeStore(options, { send: makeSdkSend(client, repeatPart), learn: makeLearn(client, bucket) })
      })
    )
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
