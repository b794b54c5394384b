/** Where a store says that a bucket is, read from its refusal. Pure. @module */
import type { SdkError } from "./from-sdk-error.ts"

/** An endpoint in the SDK's words. */
export interface Endpoint {
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
}

const isRegion = (text: unknown): text is string => typeof text === "string" && /^[a-z0-9-]{2,64}$/i.test(text)

const inWords: ReadonlyArray<RegExp> = [
  // AuthorizationHeaderMalformed, then IllegalLocationConstraintException.
  /expecting '([a-z0-9-]+)'/,
  /^The ([a-z0-9-]+) location constraint is incompatible/
]

/** The region that the refusal names: in its header (HEAD has no more), its XML, or its words. */
export const regionNamedBy = ({ $response, Region, message }: SdkError): string | undefined => {
  const words = typeof message === "string" ? message : ""
  const named = [
    $response?.headers?.["x-amz-bucket-region"],
    Region,
    ...inWords.map((pattern) => pattern.exec(words)?.[1])
  ]
  return named.find(isRegion)
}

/** `host[:port]` that the refusal names: `<Endpoint>`, or Location. */
export const endpointNamedBy = ({ $response, Endpoint }: SdkError): string | undefined => {
  if (typeof Endpoint === "string" && Endpoint !== "") return Endpoint
  const location = $response?.headers?.["location"]
  return location !== undefined && URL.canParse(location) ? new URL(location).host : undefined
}

const siteOf = (hostname: string): string =>
  /^[\d.]+$|:/.test(hostname) ? hostname : hostname.split(".").slice(-2).join(".")

/**
 * The endpoint that was given, moved to where the bucket is. Bytes go nowhere else than to the same site:
 * an answer may be anybody's.
 */
export const correctedEndpoint = (
  given: Endpoint,
  to: {
    readonly before: string
    readonly region: string
    readonly bucket: string
    readonly named: string | undefined
  }
): Endpoint => {
  const { protocol, path } = given
  const { before, region, bucket, named } = to
  // Virtual-hosted stores name the bucket's own host.
  const host = named?.startsWith(`${bucket}.`) === true ? named.slice(bucket.length + 1) : named
  const url = host === undefined || !URL.canParse(`${protocol}//${host}`) ? undefined : new URL(`${protocol}//${host}`)
  if (url !== undefined && siteOf(url.hostname) === siteOf(given.hostname)) {
    return { protocol, path, hostname: url.hostname, ...(url.port === "" ? {} : { port: Number(url.port) }) }
  }
  if (region === before || !/\.amazonaws\.com(\.cn)?$/.test(given.hostname)) return given
  // AWS names the region in the host; HEAD is told no more than the region.
  return {
    ...given,
    hostname:
      given.hostname === "s3.amazonaws.com" ? `s3.${region}.amazonaws.com` : given.hostname.replace(before, region)
  }
}

/** As a Host header has it. */
export const hostOf = ({ hostname, port }: Endpoint): string => (port === undefined ? hostname : `${hostname}:${port}`)
