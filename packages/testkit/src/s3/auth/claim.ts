import { S3Error, type S3ErrorCode } from "../S3Error.ts"
import type { SignedRequest } from "./SigV4.ts"

/** What a signed request says about itself, not yet believed. */
export interface Claim {
  readonly accessKeyId: string
  readonly date: string
  readonly region: string
  readonly service: string
  readonly terminator: string
  /** `YYYYMMDDTHHMMSSZ`, and the same in milliseconds since the epoch. */
  readonly timestamp: string
  readonly time: number
  readonly signedHeaders: ReadonlyArray<string>
  readonly signature: string
  readonly payload: string
  readonly sessionToken: string | undefined
  /** Of a presigned request. */
  readonly expiresSeconds?: number
  /** The code that a malformed claim of this kind is refused with. */
  readonly malformed: S3ErrorCode
}

/** The longest life of a presigned URL: seven days. */
const MAX_EXPIRES_SECONDS = 604_800

const headerShape =
  /^AWS4-HMAC-SHA256\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([0-9a-f]{64})$/

/** Reads the `Authorization` header. */
export function headerClaim(authorization: string, { headers }: SignedRequest): Claim {
  if (!authorization.startsWith("AWS4-HMAC-SHA256")) {
    throw new S3Error(
      "InvalidRequest",
      "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    )
  }
  const [, credential, signedHeaders, signature] = headerShape.exec(authorization) ?? []
  if (credential === undefined || signedHeaders === undefined || signature === undefined) {
    throw new S3Error("AuthorizationHeaderMalformed")
  }
  const payload = headers["x-amz-content-sha256"]
  if (payload === undefined) {
    throw new S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
  }
  const date = headers["x-amz-date"]
  if (date === undefined)
    throw new S3Error("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
  return {
    ...scopeOf(credential, "AuthorizationHeaderMalformed"),
    ...timeOf(date, "AccessDenied"),
    signedHeaders: signedHeaders.split(";"),
    signature,
    payload,
    sessionToken: headers["x-amz-security-token"],
    malformed: "AuthorizationHeaderMalformed"
  }
}

/** Reads a presigned request's query. */
export function queryClaim({ headers, target: { query } }: SignedRequest): Claim {
  const malformed = "AuthorizationQueryParametersError"
  const need = (name: string): string => {
    const value = query.get(name)
    if (value === undefined) {
      throw new S3Error(
        malformed,
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
      )
    }
    return value
  }
  if (need("X-Amz-Algorithm") !== "AWS4-HMAC-SHA256") {
    throw new S3Error(malformed, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  }
  const expires = need("X-Amz-Expires")
  if (!/^\d{1,7}$/.test(expires)) throw new S3Error(malformed, "X-Amz-Expires should be a number")
  if (Number(expires) > MAX_EXPIRES_SECONDS) {
    throw new S3Error(malformed, "X-Amz-Expires must be less than a week (in seconds) that is 604800")
  }
  return {
    ...scopeOf(need("X-Amz-Credential"), malformed),
    ...timeOf(need("X-Amz-Date"), malformed),
    signedHeaders: need("X-Amz-SignedHeaders").split(";"),
    signature: need("X-Amz-Signature"),
    payload: headers["x-amz-content-sha256"] ?? query.get("X-Amz-Content-Sha256") ?? "UNSIGNED-PAYLOAD",
    sessionToken: query.get("X-Amz-Security-Token"),
    expiresSeconds: Number(expires),
    malformed
  }
}

/** `KEY/DATE/REGION/s3/aws4_request`; a key may itself hold slashes. */
function scopeOf(credential: string, malformed: S3ErrorCode) {
  const [terminator, service, region, date, ...key] = credential.split("/").reverse()
  if (
    terminator === undefined ||
    service === undefined ||
    region === undefined ||
    date === undefined ||
    key.length === 0
  ) {
    throw new S3Error(
      malformed,
      'The Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
    )
  }
  return { accessKeyId: key.reverse().join("/"), date, region, service, terminator }
}

function timeOf(timestamp: string, malformed: S3ErrorCode) {
  const iso = timestamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z")
  const time = iso === timestamp ? Number.NaN : Date.parse(iso)
  if (Number.isNaN(time)) throw new S3Error(malformed, "X-Amz-Date must be in the ISO8601 format YYYYMMDDTHHMMSSZ")
  return { timestamp, time }
}
