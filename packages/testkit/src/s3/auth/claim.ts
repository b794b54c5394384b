import { S3Error } from "../S3Error.ts"
import { framingOf } from "./framing.ts"
import type { SignedRequest } from "./SigV4.ts"

/** What a signed request says about itself, not yet believed. */
export interface Claim {
  readonly accessKeyId: string
  readonly date: string
  readonly region: string
  /** `s3express` of a request in a session. */
  readonly service: "s3" | "s3express"
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
  readonly malformed: keyof typeof beginnings
}

/** How the words begin that a malformed claim is refused with. */
const beginnings = {
  AuthorizationHeaderMalformed: "The authorization header is malformed",
  AuthorizationQueryParametersError: "Error parsing the X-Amz-Credential parameter"
} as const

/** S3's refusal of a claim that contradicts itself or this server. */
export const malformed = (
  code: Claim["malformed"],
  words: string,
  ...[details, headers]: [Record<string, string>?, Record<string, string>?]
): S3Error => new S3Error(code, `${beginnings[code]}; ${words}`, details, headers)

/** Signature Version 2, in a header or a query. */
export const notSupported = (): S3Error =>
  new S3Error(
    "InvalidRequest",
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
  )

/** The longest life of a presigned URL: seven days. */
const MAX_EXPIRES_SECONDS = 604_800

const ALGORITHM = "AWS4-HMAC-SHA256"

/** Reads the `Authorization` header. */
export function headerClaim(authorization: string, { headers }: SignedRequest): Claim {
  if (authorization.startsWith("AWS ")) throw notSupported()
  if (!authorization.startsWith(`${ALGORITHM} `))
    throw new S3Error("InvalidArgument", "Unsupported Authorization Type", { ArgumentName: "Authorization" })
  const code = "AuthorizationHeaderMalformed"
  const components = authorization.slice(ALGORITHM.length).split(",")
  if (components.length !== 3) {
    const words = "the authorization header requires three components: Credential, SignedHeaders, and Signature."
    throw malformed(code, words)
  }
  const values = new Map(
    components.map((component) => {
      const [name = "", ...value] = component.trim().split("=")
      if (value.length === 0) throw malformed(code, `the authorization component "${name}" is malformed.`)
      return [name, value.join("=")]
    })
  )
  const need = (name: string): string => {
    const value = values.get(name)
    if (value === undefined || value === "") throw malformed(code, `missing ${name}.`)
    return value
  }
  const [credential, signedHeaders, signature] = [need("Credential"), need("SignedHeaders"), need("Signature")]
  const payload = headers["x-amz-content-sha256"]
  if (payload === undefined) {
    throw new S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
  }
  framingOf(payload)
  const date = headers["x-amz-date"]
  if (date === undefined)
    throw new S3Error("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
  return {
    ...scopeOf(credential, code),
    ...timeOf(date, "AccessDenied"),
    signedHeaders: signedHeaders.split(";"),
    signature,
    payload,
    sessionToken: headers["x-amz-security-token"] ?? headers["x-amz-s3session-token"],
    malformed: code
  }
}

/** Reads a presigned request's query. */
export function queryClaim({ headers, target: { query } }: SignedRequest): Claim {
  const code = "AuthorizationQueryParametersError"
  const need = (name: string): string => {
    const value = query.get(name)
    if (value === undefined) {
      throw new S3Error(
        code,
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
      )
    }
    return value
  }
  if (need("X-Amz-Algorithm") !== ALGORITHM) {
    throw new S3Error(code, `X-Amz-Algorithm only supports "${ALGORITHM}"`)
  }
  const expires = need("X-Amz-Expires")
  if (!/^-?\d+$/.test(expires)) throw new S3Error(code, "X-Amz-Expires should be a number")
  if (Number(expires) < 0) throw new S3Error(code, "X-Amz-Expires must be non-negative")
  if (Number(expires) > MAX_EXPIRES_SECONDS) {
    throw new S3Error(
      code,
      "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
    )
  }
  return {
    ...scopeOf(need("X-Amz-Credential"), code),
    ...timeOf(need("X-Amz-Date"), code),
    signedHeaders: need("X-Amz-SignedHeaders").split(";"),
    signature: need("X-Amz-Signature"),
    payload: headers["x-amz-content-sha256"] ?? query.get("X-Amz-Content-Sha256") ?? "UNSIGNED-PAYLOAD",
    sessionToken: query.get("X-Amz-Security-Token") ?? query.get("X-Amz-S3session-Token"),
    expiresSeconds: Number(expires),
    malformed: code
  }
}

/** `KEY/DATE/REGION/s3/aws4_request` */
function scopeOf(
  credential: string,
  code: Claim["malformed"]
): Pick<Claim, "accessKeyId" | "date" | "region" | "service"> {
  const [accessKeyId = "", date = "", region = "", service = "", terminator, ...more] = credential.split("/")
  if (terminator === undefined || more.length > 0) {
    const expected = '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request"'
    throw malformed(code, `the Credential is mal-formed; expecting ${expected}.`)
  }
  if (service !== "s3" && service !== "s3express")
    throw malformed(code, `incorrect service "${service}". This endpoint belongs to "s3".`)
  if (terminator !== "aws4_request") {
    throw malformed(code, `incorrect terminal "${terminator}". This endpoint uses "aws4_request".`)
  }
  if (!/^\d{8}$/.test(date)) {
    const words = `incorrect date format "${date}". This date in the credential must be in the format "yyyyMMdd".`
    throw malformed(code, words)
  }
  return { accessKeyId, date, region, service }
}

function timeOf(timestamp: string, code: "AccessDenied" | Claim["malformed"]) {
  const iso = timestamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z")
  const time = iso === timestamp ? Number.NaN : Date.parse(iso)
  if (Number.isNaN(time)) throw new S3Error(code, "X-Amz-Date must be in the ISO8601 format YYYYMMDDTHHMMSSZ")
  return { timestamp, time }
}
