/**
 * The SDK's client as the engine wants it: one attempt, no checksums and no Expect of its own, our transport.
 *
 * @module
 */
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3"
import * as Redacted from "effect/Redacted"
import { defaults } from "../Defaults.ts"
import type { Transport } from "../platform/exchange.ts"
import { makeRequestHandler } from "./request-handler.ts"
import type { S3Options, StaticCredentials } from "./S3Options.ts"
import { carryCalls } from "./sdk-call.ts"

const reveal = (secret: string | Redacted.Redacted<string>): string =>
  typeof secret === "string" ? secret : Redacted.value(secret)

const sdkCredentials = ({ accessKeyId, secretAccessKey, sessionToken }: StaticCredentials) => ({
  accessKeyId,
  secretAccessKey: reveal(secretAccessKey),
  ...(sessionToken === undefined ? {} : { sessionToken: reveal(sessionToken) })
})

/** A caller's provider fails as the SDK's own do, so that both are `CredentialsUnavailable`. */
const providerFailed = (cause: unknown): never => {
  const error = new Error(cause instanceof Error ? cause.message : String(cause), { cause })
  error.name = "CredentialsProviderError"
  throw error
}

const credentialsConfig = (credentials: S3Options["credentials"]): Pick<S3ClientConfig, "credentials"> => {
  if (credentials === undefined) return {}
  if (typeof credentials !== "function") return { credentials: sdkCredentials(credentials) }
  return {
    credentials: async () => {
      const current = await credentials().catch(providerFailed)
      return {
        ...sdkCredentials(current),
        ...(current.expiration === undefined ? {} : { expiration: current.expiration })
      }
    }
  }
}

/** The SDK's chain keeps the shared files as it first read them; keys that were rotated stand in the file. */
const readFilesAgain: object = { ignoreCache: true }

/** A client for `options` over `transport`. Makes no request. */
export const makeClient = (options: S3Options, pathStyle: boolean, transport: Transport): S3Client => {
  const { endpoint, profile, region } = options
  const client = new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
    ...credentialsConfig(options.credentials),
    ...readFilesAgain,
    forcePathStyle: pathStyle,
    useAccelerateEndpoint: options.accelerate ?? false,
    useDualstackEndpoint: options.dualStack ?? false,
    // The middleware of a command is the same for all its calls: resolved once, not once a part.
    cacheMiddleware: true,
    maxAttempts: 1,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    expectContinueHeader: false,
    requestHandler: makeRequestHandler(transport, options.connectTimeoutMs ?? defaults.connectTimeoutMs)
  })
  carryCalls(client)
  return client
}
