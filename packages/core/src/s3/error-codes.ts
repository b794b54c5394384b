/**
 * Every error code that we know and what it means: class, reason, and a sentence that says what to do.
 *
 * Sources: Amazon S3 API Reference, "Error responses"; MinIO `cmd/api-errors.go`; Node `errno` and TLS codes.
 *
 * @module
 */
import type { ErrorContext, Reason } from "../UploadError.ts"
import type { FaultClass } from "./FaultClass.ts"

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
  readonly fault: FaultClass
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

const wordsOf = ({ code, words }: Seen): string =>
  words.includes(code) || words === "" ? words || code : `${code}: ${words}`

const broken =
  (what: string) =>
  (seen: Seen): Reason => ({ _tag: "Unavailable", message: `${what} (${wordsOf(seen)})` })

const unreachable =
  (what: string) =>
  (seen: Seen): Reason => ({ _tag: "Unavailable", message: `${what} (${wordsOf(seen)})`, away: true })

const absent = (seen: Seen): Reason => ({
  _tag: "Unavailable",
  message: `the store is away (${seen.code})${said(seen)}`,
  away: true,
  ...seen.retryAfter
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
const row = (fault: FaultClass, reason: (seen: Seen) => Reason, codes: string): Row => ({
  fault,
  reason,
  codes: list(codes)
})

/** Every code that we know, each in one row. */
export const rows: ReadonlyArray<Row> = [
  row(
    "throttle",
    throttled,
    `SlowDown SlowDownRead SlowDownWrite ServiceUnavailable Throttling ThrottlingException ThrottledException
     RequestThrottled RequestThrottledException RequestLimitExceeded TooManyRequests TooManyRequestsException
     BandwidthLimitExceeded LimitExceededException PriorRequestNotComplete ProvisionedThroughputExceededException
     TransactionInProgressException EC2ThrottledException KMS.ThrottlingException TooManyParts
     XMinioServerTooBusy`
  ),
  row(
    "server",
    unavailable,
    `InternalError InternalFailure InternalServerError ServiceFailure ServerBusy BadGateway GatewayTimeout
     OperationAborted ConnectionClosedByRequester ClientDisconnected ResponseInterrupted XMinioServerNotInitialized
     XMinioBackendDown KMS.InternalException KMS.DependencyTimeoutException`
  ),
  row("moved", unavailable, "TemporaryRedirect"),
  row("stall", stalled, "RequestTimeout RequestTimeoutException TimeoutError AbortError ABORT_ERR"),
  row(
    "integrity",
    damaged,
    "BadDigest InvalidDigest IncompleteBody XAmzContentSHA256Mismatch XAmzContentChecksumMismatch"
  ),
  row("clock", skewed, "RequestTimeTooSkewed RequestExpired RequestInTheFuture"),
  row("credentials", expiredCredentials, "ExpiredToken ExpiredTokenException TokenRefreshRequired InvalidToken"),
  // After a rotation; AccessDenied where the provider has no other key.
  row("credentials", badCredentials, "InvalidAccessKeyId UnrecognizedClientException InvalidClientTokenId"),
  row("fatal", noCredentials, "CredentialsProviderError TokenProviderError CredentialsError"),
  row("signature", badCredentials, "SignatureDoesNotMatch InvalidSignatureException InvalidSignature AuthFailure"),
  row("fatal", badCredentials, "InvalidSecurity MissingAuthenticationToken CredentialsNotSupported"),
  row(
    "fatal",
    accessDenied,
    `AccessDenied AccessDeniedException AllAccessDisabled AccountProblem NotSignedUp InvalidPayer UnauthorizedAccess
     UnauthorizedAccessError UnexpectedIPError`
  ),
  row(
    "redirect",
    wrongRegion,
    `PermanentRedirect PermanentRedirectControlError Redirect AuthorizationHeaderMalformed IncorrectEndpoint
     IllegalLocationConstraint IllegalLocationConstraintException InvalidLocationConstraint InvalidRegion`
  ),
  row("fatal", () => ({ _tag: "NoSuchBucket" }), "NoSuchBucket NoSuchAccessPoint NoSuchMultiRegionAccessPoint"),
  row("fatal", () => ({ _tag: "NoSuchKey" }), "NoSuchKey NoSuchVersion"),
  row("gone", () => ({ _tag: "NoSuchUpload" }), "NoSuchUpload"),
  row("conflict", precondition, "PreconditionFailed ConditionalRequestConflict"),
  row("parts", partConflict, "InvalidPart InvalidPartOrder EntityTooSmall"),
  row("fatal", tooLarge, "EntityTooLarge MaxMessageLengthExceeded InlineDataTooLarge"),
  row(
    "fatal",
    full,
    "InsufficientStorage InsufficientStorageSpace QuotaExceeded XMinioStorageFull XMinioAdminBucketQuotaExceeded"
  ),
  row(
    "fatal",
    badKey,
    "KMS.DisabledException KMS.NotFoundException KMS.KMSInvalidStateException KMS.InvalidKeyUsageException"
  ),
  row(
    "fatal",
    invalid,
    `InvalidArgument InvalidRequest MalformedXML MalformedTrailerError MalformedACLError MetadataTooLarge
     KeyTooLongError InvalidBucketName InvalidBucketState InvalidBucketOwnerAWSAccountID InvalidStorageClass
     InvalidEncryptionAlgorithmError ServerSideEncryptionConfigurationNotFoundError InvalidObjectState InvalidRange
     InvalidTag TagPolicyException InvalidURI InvalidHostHeader InvalidHttpMethod InvalidPartNumber InvalidAccessPoint
     InvalidAccessPointAliasError InvalidAddressingHeader AccessControlListNotSupported AmbiguousGrantByEmailAddress
     UserKeyMustBeSpecified ObjectLockConfigurationNotFoundError MissingContentLength MissingRequestBodyError
     MissingSecurityElement MissingSecurityHeader RequestHeaderSectionTooLarge UnexpectedContent NotImplemented
     MethodNotAllowed UnsupportedArgument UnsupportedSignature AuthorizationQueryParametersError
     XMinioInvalidObjectName`
  ),
  row("away", unreachable("the store refuses connections"), "ECONNREFUSED ConnectionRefused FailedToOpenSocket"),
  row(
    "away",
    unreachable("the endpoint's host name is not known"),
    "ENOTFOUND EAI_AGAIN EAI_NODATA EAI_FAIL DNSException"
  ),
  row(
    "away",
    unreachable("the network to the store is down"),
    "EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN EADDRNOTAVAIL"
  ),
  row("away", unreachable("no connection to the store in time"), "ETIMEDOUT ConnectionTimeout UND_ERR_CONNECT_TIMEOUT"),
  row(
    "network",
    broken("the store did not answer in time"),
    "ESOCKETTIMEDOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT"
  ),
  row(
    "network",
    broken("the connection to the store broke"),
    `ECONNRESET ECONNABORTED EPIPE ConnectionReset ConnectionClosed UND_ERR_SOCKET ERR_STREAM_PREMATURE_CLOSE
     ERR_SOCKET_CLOSED`
  ),
  row("answer", notS3, "InvalidResponse ERR_TOO_LONG"),
  row(
    "fatal",
    tls,
    `DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_VERIFY_LEAF_SIGNATURE
     UNABLE_TO_GET_ISSUER_CERT UNABLE_TO_GET_ISSUER_CERT_LOCALLY CERT_HAS_EXPIRED CERT_NOT_YET_VALID CERT_REVOKED
     CERT_UNTRUSTED CERT_REJECTED CERT_SIGNATURE_FAILURE CERT_CHAIN_TOO_LONG HOSTNAME_MISMATCH
     ERR_TLS_CERT_ALTNAME_INVALID ERR_TLS_CERT_ALTNAME_FORMAT`
  ),
  row("fatal", noTls, "EPROTO ERR_SSL_WRONG_VERSION_NUMBER")
]

/** The row of each code. */
export const byCode: ReadonlyMap<string, Row> = new Map(
  rows.flatMap((one) => one.codes.map((code) => [code, one] as const))
)

/** Codes that come in families. */
export const families: ReadonlyArray<readonly [RegExp, Row]> = [
  [/^(KMS\.)?(Request)?Throttl/, row("throttle", throttled, "Throttl*")],
  [/^CERT_/, row("fatal", tls, "CERT_*")],
  [/^HPE_/, row("answer", notS3, "HPE_*")] // Node's HTTP parser: the answer is no HTTP
]

/** For answers without a code that we know: HEAD has no body, and proxies have their own. */
export const byStatus: Readonly<Record<number, Row>> = {
  301: row("redirect", wrongRegion, "301"),
  307: row("moved", unavailable, "307"),
  400: row("fatal", invalid, "400"),
  401: row("fatal", accessDenied, "401"),
  403: row("fatal", accessDenied, "403"),
  405: row("fatal", invalid, "405"),
  408: row("stall", stalled, "408"),
  411: row("fatal", invalid, "411"),
  412: row("conflict", precondition, "412"),
  413: row("fatal", tooLarge, "413"),
  416: row("fatal", invalid, "416"),
  429: row("throttle", throttled, "429"),
  501: row("fatal", invalid, "501"),
  // A proxy's, whose store is away: "temporary overload or maintenance" (RFC 9110 §15.6.4).
  503: row("away", absent, "503"),
  507: row("fatal", full, "507")
}
export const anyServerError = row("server", unavailable, "5xx")
export const anySuccess = row("answer", notS3, "2xx")
/** An error in a 200 with a code of the store's own: nothing says that it lasts. */
export const embeddedUnknown = row("answer", unknown, "2xx with a code")
export const anythingElse = row("fatal", unknown, "*")

/** For runtimes whose failures have words but no code (fetch). */
export const byWords: ReadonlyArray<readonly [RegExp, Row]> = [
  [/certificate/i, row("fatal", tls, "certificate")],
  [
    /socket hang up|fetch failed|failed to fetch|network ?error|load failed|network connection|connection (was )?(closed|reset|lost)/i,
    row("network", broken("the connection to the store broke"), "words")
  ]
]
