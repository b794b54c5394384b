/**
 * `ObjectStore` over `@aws-sdk/client-s3`, with our own request handler for the bytes.
 *
 * @module
 */
import type * as Redacted from "effect/Redacted"
import type { PayloadSigning } from "../Defaults.ts"
import type { Provider } from "../Limits.ts"

/** Fixed keys. Wrap secrets in `Redacted` to keep them out of anything printed. */
export interface StaticCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string | Redacted.Redacted<string>
  readonly sessionToken?: string | Redacted.Redacted<string> | undefined
}

/** Which bucket, where, and who we are. */
export interface S3Options {
  readonly bucket: string
  /** Default: `AWS_REGION`, the profile's, else `us-east-1` where an endpoint is given. */
  readonly region?: string | undefined
  /** `http(s)://host[:port]`; default AWS. */
  readonly endpoint?: string | undefined
  /** Default: the SDK's chain (env, profile, SSO, web identity, container and instance roles, assume-role). */
  readonly credentials?:
    | StaticCredentials
    | (() => Promise<StaticCredentials & { readonly expiration?: Date }>)
    | undefined
  /** A profile of the shared AWS config files. */
  readonly profile?: string | undefined
  /** Default: true where an endpoint is given that is not AWS. */
  readonly forcePathStyle?: boolean | undefined
  /** What the store can do; default: by the endpoint's host. */
  readonly provider?: Provider | undefined
  /** Default `auto`: payload SHA-256 only over plain http to another machine. */
  readonly payloadSigning?: PayloadSigning | undefined
  /** Milliseconds to connect, TLS included. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined
}
