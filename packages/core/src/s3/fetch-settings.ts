/**
 * Where requests go and who signs them, where no SDK looks for it.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { invalidRequest, type UploadError, uploadError } from "../UploadError.ts"
import type { Settings } from "./learn.ts"
import type { Endpoint } from "./named-place.ts"
import type { CredentialsProvider, S3Options, StaticCredentials } from "./S3Options.ts"
import type { SigningCredentials } from "./sign-request.ts"
import { environmentVariable } from "./with-environment.ts"

/** Keys are asked for anew this long before they expire, as client-s3 does. */
const renewMs = 300_000

const reveal = (secret: string | Redacted.Redacted<string>): string =>
  typeof secret === "string" ? secret : Redacted.value(secret)

const revealed = ({ accessKeyId, secretAccessKey, sessionToken }: StaticCredentials): SigningCredentials => ({
  accessKeyId,
  secretAccessKey: reveal(secretAccessKey),
  ...(sessionToken === undefined ? {} : { sessionToken: reveal(sessionToken) })
})

/** Keys as they are renewed: one asking at a time, whose answer serves all until shortly before it expires. */
const renewing = (provider: CredentialsProvider): Settings<SigningCredentials>["credentials"] => {
  let current: Promise<SigningCredentials> | undefined
  let renewAt = Number.POSITIVE_INFINITY
  const ask = async (): Promise<SigningCredentials> => {
    try {
      const keys = await provider()
      renewAt = keys.expiration === undefined ? Number.POSITIVE_INFINITY : keys.expiration.getTime() - renewMs
      return revealed(keys)
    } catch (cause) {
      // What could not be had may be had later.
      current = undefined
      throw Object.assign(new Error(cause instanceof Error ? cause.message : String(cause), { cause }), {
        name: "CredentialsProviderError"
      })
    }
  }
  return ({ forceRefresh = false } = {}) => {
    if (current === undefined || forceRefresh || Date.now() >= renewAt) {
      renewAt = Number.POSITIVE_INFINITY
      current = ask()
    }
    return current
  }
}

const credentialsOf = Effect.fnUntraced(function* (
  given: S3Options["credentials"]
): Effect.fn.Return<Settings<SigningCredentials>["credentials"], UploadError> {
  if (typeof given === "function") return renewing(given)
  if (given !== undefined) {
    const keys = revealed(given)
    return async () => keys
  }
  const accessKeyId = yield* environmentVariable("AWS_ACCESS_KEY_ID")
  const secretAccessKey = yield* environmentVariable("AWS_SECRET_ACCESS_KEY")
  const sessionToken = yield* environmentVariable("AWS_SESSION_TOKEN")
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const message =
      "no credentials are given; give `credentials`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (this store reads no profiles)"
    return yield* uploadError({ _tag: "CredentialsUnavailable", message }, {})
  }
  const keys = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) }
  return async () => keys
})

const endpointOf = (endpoint: string): Endpoint => {
  const { protocol, hostname, port, pathname } = new URL(endpoint)
  return { protocol, hostname, path: pathname, ...(port === "" ? {} : { port: Number(port) }) }
}

/** AWS's own endpoint of a region. */
export const awsEndpoint = (region: string, { dualStack, accelerate }: S3Options): Endpoint => {
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
  const stack = dualStack === true ? "dualstack." : ""
  const hostname = accelerate === true ? `s3-accelerate.${stack}${domain}` : `s3.${stack}${region}.${domain}`
  return { protocol: "https:", hostname, path: "/" }
}

/** The settings behind `options`. Fails where there is no region or nobody to sign. */
export const fetchSettings = Effect.fnUntraced(function* (
  options: S3Options
): Effect.fn.Return<Settings<SigningCredentials>, UploadError> {
  const { endpoint } = options
  const region = options.region ?? (yield* environmentVariable("AWS_REGION")) ?? (endpoint && "us-east-1")
  if (region === undefined) return yield* invalidRequest("no region is named; give `region`, or set AWS_REGION")
  const custom = endpoint === undefined ? undefined : endpointOf(endpoint)
  return {
    credentials: yield* credentialsOf(options.credentials),
    region: async () => region,
    endpoint: custom && (async () => custom),
    isCustomEndpoint: custom !== undefined
  }
})
