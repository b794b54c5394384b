/**
 * Every error code that we know and what it means: reason, retry, and a sentence that says what to do.
 *
 * Sources: Amazon S3 API Reference, "Error responses"; MinIO `cmd/api-errors.go`; Node `errno` and TLS codes.
 *
 * @module
 */
import type { ErrorContext, Reason, Retry } from "../UploadError.ts"

/** A failure as the rows of the table see it. */
export interface Seen {
  readonly code: string
  readonly status: number
  /** The store's words without secrets; empty when it gave none. */
  readonly words: string
  readonly retryAfter: { readonly retryAfterMs?: number }
  readonly region: string | undefined
  readonly at: ErrorContext
}

export interface Row {
  readonly codes: ReadonlyArray<string>
  readonly retry: Retry
  readonly reason: (seen: Seen) => Reason
}

const permission: Readonly<Record<string, string>> = {
  AbortMultipartUpload: "s3:AbortMultipartUpload",
  ListParts: "s3:ListMultipartUploadParts",
  HeadObject: "s3:GetObject",
  GetObject: "s3:GetObject",
  DeleteObject: "s3:DeleteObject",
  HeadBucket: "s3:ListBucket"
}

const bucketOf = (at: ErrorContext): string => (at.bucket === undefined ? "the bucket" : `bucket "${at.bucket}"`)
const said = ({ words }: Seen): string => (words === "" ? "" : `: ${words}`)

const throttled = ({ code, retryAfter }: Seen): Reason => ({ _tag: "Throttled", code, ...retryAfter })

const unavailable = (seen: Seen): Reason => ({
  _tag: "Unavailable",
  message: `the store answered ${seen.code}${said(seen)}`,
  ...seen.retryAfter
})

const unreachable =
  (what: string) =>
  ({ code, words }: Seen): Reason => ({
    _tag: "Unavailable",
    message: `${what} (${words.includes(code) || words === "" ? words || code : `${code}: ${words}`})`
  })

const stalled = (seen: Seen): Reason => ({
  _tag: "Stalled",
  message: `nothing moved between here and the store in time (${seen.code}); check the network`
})

const accessDenied = (seen: Seen): Reason => ({
  _tag: "AccessDenied",
  message: `the store denies this on ${bucketOf(seen.at)} (${seen.code}); allow these credentials ${
    permission[seen.at.operation ?? ""] ?? "s3:PutObject"
  } there, or use others`
})

const badCredentials = ({ code }: Seen): Reason => ({
  _tag: "AccessDenied",
  message: `the store does not accept these credentials (${code}); check the access key and its secret, and that they belong to this endpoint`
})

const expiredCredentials = ({ code }: Seen): Reason => ({
  _tag: "CredentialsUnavailable",
  message: `the credentials have expired (${code}); sign in again, or give a provider that renews them`
})

const noCredentials = (seen: Seen): Reason => ({
  _tag: "CredentialsUnavailable",
  message: `no credentials could be loaded; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile${said(seen)}`
})

const wrongRegion = (seen: Seen): Reason => {
  const region = seen.region ?? /expecting '([a-z0-9-]+)'/.exec(seen.words)?.[1]
  const where = region === undefined ? "in another region or at another endpoint" : `in region "${region}"`
  return {
    _tag: "InvalidRequest",
    message: `${bucketOf(seen.at)} is ${where} (${seen.code}); set ${region === undefined ? "its region or endpoint" : "that region"}`
  }
}

/** What to do about the codes that do not say it themselves. */
const advice: Readonly<Record<string, string>> = {
  KeyTooLongError: "shorten the key to 1,024 UTF-8 bytes",
  MetadataTooLarge: "keep names and values of the metadata within 2 KiB",
  InvalidStorageClass: "name a storage class that this store has, or none",
  NotImplemented: "this store lacks the feature; remove the option that asks for it, or set its `provider`",
  MethodNotAllowed: "the endpoint is no S3 API, or the bucket forbids this",
  InvalidBucketName: "use 3 to 63 lower-case letters, digits, dots and hyphens",
  InvalidEncryptionAlgorithmError: "ask for an encryption that this store has",
  InvalidObjectState: "the object is archived; restore it first"
}

const invalid = (seen: Seen): Reason => ({
  _tag: "InvalidRequest",
  message: `the store refuses the request (${seen.code})${said(seen)}; ${advice[seen.code] ?? "correct it and try again"}`
})

const badKey = (seen: Seen): Reason => ({
  _tag: "InvalidRequest",
  message: `the store cannot use the encryption key (${seen.code}); check that it exists, is enabled and is in the bucket's region`
})

const damaged = (seen: Seen): Reason => ({
  _tag: "ChecksumMismatch",
  message: `the store received other bytes than were sent (${seen.code})${said(seen)}; check the network and proxies on the way`
})

const skewed = ({ code }: Seen): Reason => ({
  _tag: "ClockSkewed",
  message: `this machine's clock differs too much from the store's (${code}); set the clock`
})

const precondition = (seen: Seen): Reason => ({
  _tag: "PreconditionFailed",
  message: `the object at the key is not as the condition demands (${seen.code}); read it again and decide`
})

const partConflict = (seen: Seen): Reason => ({
  _tag: "PartConflict",
  message: `the store's parts are not the ones that were sent (${seen.code})${said(seen)}; upload again`
})

const tooLarge = (seen: Seen): Reason => ({
  _tag: "TooLarge",
  message: `the store takes no request this large (${seen.code}); choose a smaller part size or object`
})

const full = (seen: Seen): Reason => ({
  _tag: "TooLarge",
  message: `the store has no room left (${seen.code}); free space or raise the quota`
})

const notS3 = (seen: Seen): Reason => ({
  _tag: "InvalidResponse",
  message: `the answer is not S3's${said(seen)}; something between us and the store may be answering for it`
})

const tls = (seen: Seen): Reason => ({
  _tag: "TlsFailed",
  message: `no trusted TLS connection to the store (${seen.code}); check the endpoint's name and certificate, and NODE_EXTRA_CA_CERTS for a private authority`
})

const noTls = (seen: Seen): Reason => ({
  _tag: "TlsFailed",
  message: `the endpoint does not speak TLS (${seen.code}); check its port, or use http:// where that is meant`
})

const unknown = (seen: Seen): Reason => ({
  _tag: "UnknownStoreError",
  code: seen.code,
  status: seen.status,
  message: seen.words === "" ? "no further word" : seen.words
})

const list = (codes: string): ReadonlyArray<string> => codes.trim().split(/\s+/)
const row = (retry: Retry, reason: (seen: Seen) => Reason, codes: string): Row => ({
  retry,
  reason,
  codes: list(codes)
})

/** Every code that we know, each in one row. */
export const rows: ReadonlyArray<Row> = [
  row(
    "temporary",
    throttled,
    `SlowDown SlowDownRead SlowDownWrite ServiceUnavailable Throttling ThrottlingException ThrottledException
     RequestThrottled RequestThrottledException RequestLimitExceeded TooManyRequests TooManyRequestsException
     BandwidthLimitExceeded LimitExceededException KMS.ThrottlingException`
  ),
  row(
    "temporary",
    unavailable,
    `InternalError InternalFailure InternalServerError ServiceFailure ServerBusy BadGateway GatewayTimeout
     OperationAborted TemporaryRedirect XMinioServerNotInitialized XMinioBackendDown KMS.InternalException
     KMS.DependencyTimeoutException`
  ),
  row("temporary", stalled, "RequestTimeout RequestTimeoutException TimeoutError AbortError ABORT_ERR"),
  row(
    "temporary",
    damaged,
    "BadDigest InvalidDigest IncompleteBody XAmzContentSHA256Mismatch XAmzContentChecksumMismatch"
  ),
  // Once more (RetryPolicy's limits): the SDK learns the offset from the answer's Date.
  row("temporary", skewed, "RequestTimeTooSkewed RequestExpired RequestInTheFuture"),
  row("temporary", expiredCredentials, "ExpiredToken ExpiredTokenException TokenRefreshRequired InvalidToken"),
  row("permanent", noCredentials, "CredentialsProviderError TokenProviderError CredentialsError"),
  row(
    "permanent",
    badCredentials,
    "InvalidAccessKeyId SignatureDoesNotMatch InvalidSecurity AuthFailure UnrecognizedClientException InvalidClientTokenId"
  ),
  row(
    "permanent",
    accessDenied,
    "AccessDenied AccessDeniedException AllAccessDisabled AccountProblem NotSignedUp InvalidPayer UnauthorizedAccess"
  ),
  row(
    "permanent",
    wrongRegion,
    `PermanentRedirect Redirect AuthorizationHeaderMalformed IllegalLocationConstraintException
     InvalidLocationConstraint InvalidRegion`
  ),
  row("permanent", () => ({ _tag: "NoSuchBucket" }), "NoSuchBucket"),
  row("permanent", () => ({ _tag: "NoSuchKey" }), "NoSuchKey NoSuchVersion"),
  row("permanent", () => ({ _tag: "NoSuchUpload" }), "NoSuchUpload"),
  row("permanent", precondition, "PreconditionFailed ConditionalRequestConflict"),
  row("permanent", partConflict, "InvalidPart InvalidPartOrder EntityTooSmall"),
  row("permanent", tooLarge, "EntityTooLarge MaxMessageLengthExceeded"),
  row(
    "permanent",
    full,
    "InsufficientStorage InsufficientStorageSpace QuotaExceeded XMinioStorageFull XMinioAdminBucketQuotaExceeded"
  ),
  row(
    "permanent",
    badKey,
    "KMS.DisabledException KMS.NotFoundException KMS.KMSInvalidStateException KMS.InvalidKeyUsageException"
  ),
  row(
    "permanent",
    invalid,
    `InvalidArgument InvalidRequest MalformedXML MalformedTrailerError MetadataTooLarge KeyTooLongError
     InvalidBucketName InvalidStorageClass InvalidEncryptionAlgorithmError InvalidObjectState InvalidRange InvalidTag
     InvalidURI InvalidPartNumber MissingContentLength MissingRequestBodyError MissingSecurityHeader
     RequestHeaderSectionTooLarge NotImplemented MethodNotAllowed UnsupportedArgument AuthorizationQueryParametersError
     XMinioInvalidObjectName`
  ),
  row("temporary", unreachable("the store refuses connections"), "ECONNREFUSED ConnectionRefused FailedToOpenSocket"),
  row("temporary", unreachable("the endpoint's host name is not known"), "ENOTFOUND EAI_AGAIN EAI_NODATA EAI_FAIL"),
  row(
    "temporary",
    unreachable("the network to the store is down"),
    "EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN EADDRNOTAVAIL"
  ),
  row(
    "temporary",
    unreachable("the store did not answer in time"),
    `ETIMEDOUT ESOCKETTIMEDOUT ConnectionTimeout UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT`
  ),
  row(
    "temporary",
    unreachable("the connection to the store broke"),
    `ECONNRESET ECONNABORTED EPIPE ConnectionReset ConnectionClosed UND_ERR_SOCKET ERR_STREAM_PREMATURE_CLOSE
     ERR_SOCKET_CLOSED`
  ),
  row("temporary", notS3, "InvalidResponse ERR_TOO_LONG"),
  row(
    "permanent",
    tls,
    `DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_VERIFY_LEAF_SIGNATURE
     UNABLE_TO_GET_ISSUER_CERT UNABLE_TO_GET_ISSUER_CERT_LOCALLY CERT_HAS_EXPIRED CERT_NOT_YET_VALID CERT_REVOKED
     CERT_UNTRUSTED CERT_REJECTED CERT_SIGNATURE_FAILURE CERT_CHAIN_TOO_LONG HOSTNAME_MISMATCH
     ERR_TLS_CERT_ALTNAME_INVALID ERR_TLS_CERT_ALTNAME_FORMAT`
  ),
  row("permanent", noTls, "EPROTO ERR_SSL_WRONG_VERSION_NUMBER")
]

/** The row of each code. */
export const byCode: ReadonlyMap<string, Row> = new Map(
  rows.flatMap((one) => one.codes.map((code) => [code, one] as const))
)

/** Codes that come in families. */
export const families: ReadonlyArray<readonly [RegExp, Row]> = [
  [/^CERT_/, row("permanent", tls, "CERT_*")],
  [/^HPE_/, row("temporary", notS3, "HPE_*")] // Node's HTTP parser: the answer is no HTTP
]

/** For answers without a code that we know: HEAD has no body, and proxies have their own. */
export const byStatus: Readonly<Record<number, Row>> = {
  301: row("permanent", wrongRegion, "301"),
  307: row("temporary", unavailable, "307"),
  400: row("permanent", invalid, "400"),
  401: row("permanent", accessDenied, "401"),
  403: row("permanent", accessDenied, "403"),
  405: row("permanent", invalid, "405"),
  408: row("temporary", stalled, "408"),
  411: row("permanent", invalid, "411"),
  412: row("permanent", precondition, "412"),
  413: row("permanent", tooLarge, "413"),
  416: row("permanent", invalid, "416"),
  429: row("temporary", throttled, "429"),
  501: row("permanent", invalid, "501"),
  507: row("permanent", full, "507")
}
export const anyServerError = row("temporary", unavailable, "5xx")
export const anySuccess = row("temporary", notS3, "2xx")
/** An error in a 200 with a code of the store's own: nothing says that it lasts. */
export const embeddedUnknown = row("temporary", unknown, "2xx with a code")
export const anythingElse = row("permanent", unknown, "*")

/** For runtimes whose failures have words but no code (fetch). */
export const byWords: ReadonlyArray<readonly [RegExp, Row]> = [
  [/certificate/i, row("permanent", tls, "certificate")],
  [
    /socket hang up|fetch failed|failed to fetch|network ?error|load failed|network connection|connection (was )?(closed|reset|lost)/i,
    row("temporary", unreachable("the connection to the store broke"), "words")
  ]
]
