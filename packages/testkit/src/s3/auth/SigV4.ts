import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import { S3Error } from "../S3Error.ts"
import { encode, type Target } from "../Target.ts"
import type { Credentials } from "./Credentials.ts"
import { type Claim, headerClaim, malformed, notSupported, queryClaim } from "./claim.ts"
import { type Access, everything, type Principal } from "./Principal.ts"

/** S3 refuses a request whose clock is further away than this ("Authenticating requests", 15 minutes). */
export const MAX_SKEW_MILLIS = 15 * 60 * 1000

export interface Authority {
  /** Whoever signs with these may do everything. */
  readonly credentials: Credentials
  /** Who else may sign, and for what. */
  readonly principals?: ReadonlyArray<Principal>
  /** What may be done without a signature; nothing if absent. */
  readonly anonymous?: Access
  readonly region: string
  /** Buckets that lie in another region than the server's. */
  readonly bucketRegions?: Readonly<Record<string, string>>
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

export interface SignedRequest {
  readonly method: string
  readonly target: Target
  readonly headers: Readonly<Record<string, string>>
}

/** What a verified signature leaves behind: who it is, how the body is covered, and what signs its chunks. */
export interface Authentication {
  /** Undefined for a request that nobody signed. */
  readonly accessKeyId: string | undefined
  readonly access: Access
  /** `x-amz-content-sha256`: a digest, `UNSIGNED-PAYLOAD` or a `STREAMING-…` name. */
  readonly payload: string
  readonly chunkSigner: ChunkSigner
}

/** Signs one chunk after the other, each over the one before; the seed is the request's own signature. */
export type ChunkSigner = (algorithm: string, hashes: ReadonlyArray<string>) => string

/** Verifies AWS Signature Version 4, in the header or the query (presigned). Throws S3's own refusals. */
export function authenticate(request: SignedRequest, authority: Authority): Authentication {
  const { anonymous, clock } = authority
  const claim = claimOf(request)
  if (claim === undefined) {
    if (anonymous === undefined) throw new S3Error("AccessDenied")
    return unsigned(request, anonymous)
  }
  const principal = principalOf(claim, authority)
  const { credentials } = principal
  assertScope(claim, request, authority)
  assertFresh(claim, clock())
  assertSessionToken(claim, principal, clock())
  assertHeadersSigned(request, claim)

  const scope = `${claim.date}/${claim.region}/${claim.service}/aws4_request`
  const key = [claim.service, "aws4_request"].reduce(
    hmac,
    hmac(hmac(`AWS4${credentials.secretAccessKey}`, claim.date), claim.region)
  )
  const canonical = canonicalRequest(request, claim)
  const stringToSign = ["AWS4-HMAC-SHA256", claim.timestamp, scope, sha256(canonical)].join("\n")
  const signature = hmac(key, stringToSign).toString("hex")
  if (!sameText(signature, claim.signature)) {
    throw new S3Error("SignatureDoesNotMatch", undefined, {
      AWSAccessKeyId: claim.accessKeyId,
      StringToSign: stringToSign,
      SignatureProvided: claim.signature
    })
  }

  let previous = signature
  return {
    accessKeyId: claim.accessKeyId,
    access: principal,
    payload: claim.payload,
    chunkSigner: (algorithm, hashes) => {
      const text = [algorithm, claim.timestamp, scope, previous, ...hashes].join("\n")
      previous = hmac(key, text).toString("hex")
      return previous
    }
  }
}

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

/** Compares without telling by its duration where two texts differ. */
export function sameText(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length === y.length && timingSafeEqual(x, y)
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest()

function principalOf({ accessKeyId }: Claim, { credentials, principals = [] }: Authority): Principal {
  if (accessKeyId === credentials.accessKeyId) return { ...everything, credentials }
  const principal = principals.find((principal) => principal.credentials.accessKeyId === accessKeyId)
  if (principal === undefined) throw new S3Error("InvalidAccessKeyId", undefined, { AWSAccessKeyId: accessKeyId })
  return principal
}

/** Nothing can have signed the chunks of a request that nobody signed. */
const unsigned = ({ headers }: SignedRequest, access: Access): Authentication => ({
  accessKeyId: undefined,
  access,
  payload: headers["x-amz-content-sha256"] ?? "UNSIGNED-PAYLOAD",
  chunkSigner: () => {
    throw new S3Error("AccessDenied")
  }
})

function claimOf(request: SignedRequest): Claim | undefined {
  const header = request.headers["authorization"]
  const inQuery = request.target.query.has("X-Amz-Algorithm")
  if (header !== undefined && inQuery) {
    throw new S3Error(
      "InvalidArgument",
      "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"
    )
  }
  if (inQuery) return queryClaim(request)
  if (request.target.query.has("Signature")) throw notSupported()
  return header === undefined ? undefined : headerClaim(header, request)
}

/** A wrong region is corrected as AWS does it: 301 where the bucket is not here, 400 where it is. */
function assertScope(claim: Claim, { target, headers }: SignedRequest, authority: Authority): void {
  const here = authority.region
  const region = authority.bucketRegions?.[target.bucket ?? ""] ?? here
  if (claim.region !== region) {
    const told = { "x-amz-bucket-region": region }
    if (claim.region === here) {
      const details = { Endpoint: headers["host"] ?? "", Bucket: target.bucket ?? "" }
      throw new S3Error("PermanentRedirect", undefined, details, told)
    }
    const words = `the region '${claim.region}' is wrong; expecting '${region}'`
    throw malformed(claim.malformed, words, { Region: region }, told)
  }
  if (claim.timestamp.startsWith(claim.date)) return
  const words = `Invalid credential date "${claim.date}". This date is not the same as X-Amz-Date: "${claim.timestamp.slice(0, 8)}".`
  throw new S3Error(claim.malformed, words)
}

function assertFresh(claim: Claim, now: number): void {
  const server = new Date(now).toISOString()
  if (claim.expiresSeconds === undefined) {
    if (Math.abs(now - claim.time) > MAX_SKEW_MILLIS) {
      throw new S3Error("RequestTimeTooSkewed", undefined, {
        RequestTime: claim.timestamp,
        ServerTime: server,
        MaxAllowedSkewMilliseconds: `${MAX_SKEW_MILLIS}`
      })
    }
    return
  }
  if (claim.time > now + MAX_SKEW_MILLIS) {
    throw new S3Error("AccessDenied", "Request is not valid yet", { "X-Amz-Date": claim.timestamp, ServerTime: server })
  }
  const expires = claim.time + claim.expiresSeconds * 1000
  if (now > expires) {
    throw new S3Error("AccessDenied", "Request has expired", {
      "X-Amz-Expires": `${claim.expiresSeconds}`,
      Expires: new Date(expires).toISOString(),
      ServerTime: server
    })
  }
}

function assertSessionToken({ sessionToken }: Claim, { credentials, expires }: Principal, now: number): void {
  if (!sameText(sessionToken ?? "", credentials.sessionToken ?? "")) throw new S3Error("InvalidToken")
  if (expires !== undefined && now >= expires) throw new S3Error("ExpiredToken")
}

/** A header that changes the meaning of a request must be under the signature. */
function assertHeadersSigned({ headers }: SignedRequest, claim: Claim): void {
  const unsigned = Object.keys(headers).filter(
    (name) =>
      (name === "host" || (name.startsWith("x-amz-") && name !== "x-amz-content-sha256")) &&
      !claim.signedHeaders.includes(name)
  )
  if (unsigned.length === 0) return
  throw new S3Error("AccessDenied", "There were headers present in the request which were not signed", {
    HeadersNotSigned: unsigned.join(", ")
  })
}

function canonicalRequest({ method, target, headers }: SignedRequest, claim: Claim): string {
  const query = [...target.query]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
  const lines = claim.signedHeaders.map((name) => `${name}:${(headers[name] ?? "").trim().replace(/\s+/g, " ")}\n`)
  return [
    method,
    target.path.split("/").map(encode).join("/"),
    query.join("&"),
    lines.join(""),
    claim.signedHeaders.join(";"),
    claim.payload
  ].join("\n")
}
