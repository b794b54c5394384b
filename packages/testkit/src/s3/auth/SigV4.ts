import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import { S3Error } from "../S3Error.ts"
import { encode, type Target } from "../Target.ts"
import type { Credentials } from "./Credentials.ts"
import { type Claim, headerClaim, queryClaim } from "./claim.ts"

/** S3 refuses a request whose clock is further away than this ("Authenticating requests", 15 minutes). */
export const MAX_SKEW_MILLIS = 15 * 60 * 1000

export interface Authority {
  readonly credentials: Credentials
  readonly region: string
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

export interface SignedRequest {
  readonly method: string
  readonly target: Target
  readonly headers: Readonly<Record<string, string>>
}

/** What a verified signature leaves behind: how the body is covered, and what signs its chunks. */
export interface Authentication {
  /** `x-amz-content-sha256`: a digest, `UNSIGNED-PAYLOAD` or a `STREAMING-…` name. */
  readonly payload: string
  readonly chunkSigner: ChunkSigner
}

/** Signs one chunk after the other, each over the one before; the seed is the request's own signature. */
export type ChunkSigner = (algorithm: string, hashes: ReadonlyArray<string>) => string

/** Verifies AWS Signature Version 4, in the header or the query (presigned). Throws S3's own refusals. */
export function authenticate(request: SignedRequest, authority: Authority): Authentication {
  const claim = claimOf(request)
  const { credentials, region, clock } = authority
  if (claim.accessKeyId !== credentials.accessKeyId) {
    throw new S3Error("InvalidAccessKeyId", undefined, { AWSAccessKeyId: claim.accessKeyId })
  }
  assertScope(claim, region)
  assertFresh(claim, clock())
  assertSessionToken(claim, credentials)
  assertHeadersSigned(request, claim)

  const scope = `${claim.date}/${claim.region}/s3/aws4_request`
  const key = ["s3", "aws4_request"].reduce(
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

function claimOf(request: SignedRequest): Claim {
  const header = request.headers["authorization"]
  const inQuery = request.target.query.has("X-Amz-Algorithm")
  if (header !== undefined && inQuery) {
    throw new S3Error(
      "InvalidArgument",
      "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"
    )
  }
  if (inQuery) return queryClaim(request)
  if (header !== undefined) return headerClaim(header, request)
  throw new S3Error("AccessDenied")
}

function assertScope(claim: Claim, region: string): void {
  if (claim.region !== region) {
    const message = `The authorization header is malformed; the region '${claim.region}' is wrong; expecting '${region}'`
    throw new S3Error(claim.malformed, message, { Region: region })
  }
  if (claim.service !== "s3" || claim.terminator !== "aws4_request" || !claim.timestamp.startsWith(claim.date)) {
    throw new S3Error(
      claim.malformed,
      "The credential scope must be DATE/REGION/s3/aws4_request, its date that of X-Amz-Date."
    )
  }
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

function assertSessionToken(claim: Claim, credentials: Credentials): void {
  if (claim.sessionToken === credentials.sessionToken) return
  if (claim.sessionToken === undefined || credentials.sessionToken === undefined) throw new S3Error("InvalidToken")
  if (!sameText(claim.sessionToken, credentials.sessionToken)) throw new S3Error("InvalidToken")
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
