/**
 * From options to a client with our transport, open as long as the scope is.
 *
 * @module
 */
import type { S3Client } from "@aws-sdk/client-s3"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Transport } from "../platform/exchange.ts"
import { makeTransport } from "../platform/transport.ts"
import type { UploadError } from "../UploadError.ts"
import { makeClient } from "./make-client.ts"
import { resolveOptions } from "./make-store.ts"
import type { S3Options } from "./S3Options.ts"

/** A client, its transport, and the options that they go by: those given, over the defaults at hand and the environment. */
export interface Connection {
  readonly options: S3Options
  readonly client: S3Client
  readonly transport: Transport
}

/** Makes no request. Fails with `InvalidRequest` when the options cannot be meant. */
export const connect = Effect.fnUntraced(function* (
  given: S3Options
): Effect.fn.Return<Connection, UploadError, Scope.Scope> {
  const options = yield* resolveOptions(given)
  const transport = makeTransport(options.bandwidth, options.maxSockets)
  const client = yield* Effect.acquireRelease(
    Effect.sync(() => makeClient(options, options.forcePathStyle, transport)),
    (client) => Effect.sync(() => client.destroy())
  )
  return { options, client, transport }
})
