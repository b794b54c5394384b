/**
 * AWS Signature Version 4 over headers, for the one request that is made a thousand times an object.
 *
 * client-s3 signs everything else, and the first UploadPart that it shows the way: see `repeat-part.ts`.
 *
 * @module
 */
import type { Sha256 } from "../platform/hash.ts"

/** Who signs. */
export interface SigningCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** What is signed. The path is in its wire form already: S3 encodes it once. */
export interface Signable {
  readonly method: string
  readonly path: string
  /** `name=value` pairs in their wire form. */
  readonly query: ReadonlyArray<string>
  /** Lower-case names; all but the user agent are signed. `host` and `x-amz-content-sha256` are among them. */
  readonly headers: Readonly<Record<string, string>>
}

/** Where and when a signature holds. */
export interface SigningScope {
  readonly region: string
  readonly service: string
  readonly now: Date
}

const algorithm = "AWS4-HMAC-SHA256"

/** `20130524T000000Z`. */
const timestamp = (now: Date): string => now.toISOString().replace(/\.\d{3}|[-:]/g, "")

/** A day's key is derived in four steps; one is remembered, for as long as day, place and secret are the same. */
let derived: { readonly from: string; readonly sign: (text: string) => string } | undefined

const signer = (
  { hmac, keyed }: Sha256,
  secret: string,
  day: string,
  { region, service }: SigningScope
): ((text: string) => string) => {
  const from = [secret, day, region, service].join("\n")
  if (derived?.from !== from) {
    const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), "aws4_request")
    derived = { from, sign: keyed(key) }
  }
  return derived.sign
}

/** The headers to send: those given, `x-amz-date`, the session's token, and `authorization`. */
export const signRequest = (
  sha256: Sha256,
  { method, path, query, headers }: Signable,
  { accessKeyId, secretAccessKey, sessionToken }: SigningCredentials,
  scope: SigningScope
): Record<string, string> => {
  const at = timestamp(scope.now)
  const day = at.slice(0, 8)
  const signed: Record<string, string> = {
    ...headers,
    "x-amz-date": at,
    ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken })
  }
  // Proxies may rewrite the user agent, so it stays outside.
  const names = Object.keys(signed)
    .filter((name) => name !== "user-agent")
    .sort()
  const canonical = [
    method,
    path,
    query.toSorted().join("&"),
    ...names.map((name) => `${name}:${signed[name]?.trim().replace(/\s+/g, " ")}`),
    "",
    names.join(";"),
    signed["x-amz-content-sha256"]
  ].join("\n")
  const place = `${day}/${scope.region}/${scope.service}/aws4_request`
  const sign = signer(sha256, secretAccessKey, day, scope)
  const signature = sign([algorithm, at, place, sha256.hex(canonical)].join("\n"))
  return {
    ...signed,
    authorization: `${algorithm} Credential=${accessKeyId}/${place}, SignedHeaders=${names.join(";")}, Signature=${signature}`
  }
}
