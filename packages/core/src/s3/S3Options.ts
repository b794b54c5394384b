/**
 * Which bucket, where, and who we are.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import { type Bandwidth, bandwidthProblem } from "../Bandwidth.ts"
import type { EngineOptions, PayloadSigning } from "../Defaults.ts"
import { type Provider, providerOf } from "../Limits.ts"
import { invalidRequest, type UploadError } from "../UploadError.ts"

/** Fixed keys. Wrap secrets in `Redacted` to keep them out of anything printed. */
export interface StaticCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string | Redacted.Redacted<string>
  readonly sessionToken?: string | Redacted.Redacted<string> | undefined
}

/** Keys from the caller's own provider; called again before `expiration`. */
export type CredentialsProvider = () => Promise<StaticCredentials & { readonly expiration?: Date | undefined }>

/** The options of `S3ObjectStore`. */
export interface S3Options {
  readonly bucket: string
  /** Default: `AWS_REGION`, else the profile's; `us-east-1` where an endpoint is given and neither is set. */
  readonly region?: string | undefined
  /** `http(s)://host[:port]`; default AWS. */
  readonly endpoint?: string | undefined
  /** Default: the SDK's chain (env, profile, SSO, web identity, container and instance roles, assume-role). */
  readonly credentials?: StaticCredentials | CredentialsProvider | undefined
  /**
   * Other endpoints of the same bucket. A new upload goes to the first of all that answers, and stays there: it is never
   * continued over another. Everything else goes to `endpoint`. Not together with `provider: "probe"`.
   */
  readonly alternatives?: ReadonlyArray<string> | undefined
  /** A folder of the bucket: keys are below it, and nothing else is reached. Default: the whole bucket. */
  readonly prefix?: string | undefined
  /** A profile of the shared AWS config files. */
  readonly profile?: string | undefined
  /** Default: true where an endpoint is given that is not AWS. */
  readonly forcePathStyle?: boolean | undefined
  /**
   * Sends through S3 Transfer Acceleration (`bucket.s3-accelerate.amazonaws.com`), which the bucket must have enabled. AWS
   * only, and no bucket with a dot in its name (S3 user guide, "Requirements for using Amazon S3 Transfer Acceleration").
   * Default false.
   */
  readonly accelerate?: boolean | undefined
  /** Reaches AWS over IPv6 as well (`s3.dualstack.REGION.amazonaws.com`). Default false. */
  readonly dualStack?: boolean | undefined
  /**
   * What the store can do; default: by the endpoint's host. `probe` asks the store itself, once in the process, with
   * a few small requests on a hidden key that is removed: needs the right to write, read and delete there.
   */
  readonly provider?: Provider | "probe" | undefined
  /** Default: the engine's, `auto`: payload SHA-256 only over plain http to another machine. */
  readonly payloadSigning?: PayloadSigning | undefined
  /** Milliseconds to connect, TLS included. Default: the engine's `connectTimeoutMs`, 5,000. */
  readonly connectTimeoutMs?: number | undefined
  /** Connections at a time, a retry's own aside; 0: as many as there are requests. Default: the engine's, 0. */
  readonly maxSockets?: number | undefined
  /** Bytes a second that may leave towards the store, always or by the time of day. Default: no limit. */
  readonly bandwidth?: Bandwidth | undefined
}

/** What a store takes where its own options say nothing; `createSluice` gives the engine's options here. */
export const StoreDefaults = Context.Reference<
  Partial<Pick<EngineOptions, "connectTimeoutMs" | "maxSockets" | "payloadSigning">>
>("@sluice/core/s3/StoreDefaults", { defaultValue: () => ({}) })

/** The options over the defaults at hand. */
export const withStoreDefaults = (given: S3Options): Effect.Effect<S3Options> =>
  Effect.map(StoreDefaults, (at) => ({
    ...given,
    connectTimeoutMs: given.connectTimeoutMs ?? at.connectTimeoutMs,
    maxSockets: given.maxSockets ?? at.maxSockets,
    payloadSigning: given.payloadSigning ?? at.payloadSigning
  }))

/** What cannot be meant, or undefined. */
export const checkOptions = (options: S3Options): UploadError | undefined => {
  if (typeof options.bucket !== "string" || options.bucket === "") {
    return invalidRequest("no bucket is named; give `bucket` (or set SLUICE_BUCKET)")
  }
  if (options.provider === "probe" && (options.alternatives ?? []).length > 0) {
    return invalidRequest("a store with alternatives cannot be probed, as one may be away; name its provider")
  }
  if (options.endpoint !== undefined && !/^https?:\/\/[^/]+/.test(options.endpoint)) {
    return invalidRequest(`the endpoint "${options.endpoint}" is no URL; write it as http(s)://host[:port]`)
  }
  const elsewhere = options.endpoint !== undefined && providerOf(options.endpoint) !== "aws"
  if (elsewhere && (options.accelerate === true || options.dualStack === true)) {
    return invalidRequest("accelerate and dualStack are AWS's own; leave them out together with this endpoint")
  }
  if (options.accelerate === true && (options.bucket.includes(".") || options.forcePathStyle === true)) {
    return invalidRequest(
      "accelerate needs a bucket without a dot in its name, addressed as a host (no forcePathStyle)"
    )
  }
  const problem = options.bandwidth === undefined ? undefined : bandwidthProblem(options.bandwidth)
  return problem === undefined ? undefined : invalidRequest(problem)
}
