/**
 * From options to a client with our transport, open as long as the scope is.
 *
 * @module
 */
import type { S3Client } from "@aws-sdk/client-s3"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { providerOf } from "../Limits.ts"
import { makeTransport } from "../platform/transport.ts"
import type { UploadError } from "../UploadError.ts"
import { makeClient } from "./make-client.ts"
import { checkOptions, type S3Options, withStoreDefaults } from "./S3Options.ts"
import { withEnvironment } from "./with-environment.ts"

/** A client, and the options that it goes by: those given, over the defaults at hand and the environment. */
export interface Connection {
  readonly options: S3Options
  readonly client: S3Client
}

/** Makes no request. Fails with `InvalidRequest` when the options cannot be meant. */
export const connect = Effect.fnUntraced(function* (
  given: S3Options
): Effect.fn.Return<Connection, UploadError, Scope.Scope> {
  const options = yield* withEnvironment(yield* withStoreDefaults(given))
  const problem = checkOptions(options)
  if (problem !== undefined) return yield* problem
  const pathStyle = options.forcePathStyle ?? (options.endpoint !== undefined && providerOf(options.endpoint) !== "aws")
  const client = yield* Effect.acquireRelease(
    Effect.sync(() => makeClient(options, pathStyle, makeTransport(options.bandwidth, options.maxSockets))),
    (client) => Effect.sync(() => client.destroy())
  )
  return { options, client }
})
