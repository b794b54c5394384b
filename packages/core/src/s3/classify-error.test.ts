import { describe, expect, it } from "vitest"
import type { ReasonTag, Retry, UploadError } from "../UploadError.ts"
import { classifyError, type StoreFailure } from "./classify-error.ts"
import { byCode, rows } from "./error-codes.ts"
import { safeMessage } from "./safe-message.ts"

const at = { operation: "UploadPart", bucket: "media", key: "a.bin", partNumber: 3 }
const classify = (failure: StoreFailure): UploadError => classifyError(failure, at)
const verdict = (failure: StoreFailure): readonly [ReasonTag, Retry] => {
  const error = classify(failure)
  return [error.reason._tag, error.retry]
}

/** What each code must mean, written down a second time by its meaning. */
const meaning: ReadonlyArray<readonly [ReasonTag, Retry, string]> = [
  [
    "Throttled",
    "temporary",
    `SlowDown SlowDownRead SlowDownWrite ServiceUnavailable Throttling ThrottlingException ThrottledException
     RequestThrottled RequestThrottledException RequestLimitExceeded TooManyRequests TooManyRequestsException
     BandwidthLimitExceeded LimitExceededException PriorRequestNotComplete ProvisionedThroughputExceededException
     TransactionInProgressException EC2ThrottledException KMS.ThrottlingException TooManyParts XMinioServerTooBusy`
  ],
  [
    "Unavailable",
    "temporary",
    `InternalError InternalFailure InternalServerError ServiceFailure ServerBusy BadGateway GatewayTimeout
     OperationAborted ConnectionClosedByRequester ClientDisconnected ResponseInterrupted TemporaryRedirect
     XMinioServerNotInitialized XMinioBackendDown KMS.InternalException KMS.DependencyTimeoutException ECONNREFUSED ConnectionRefused
     FailedToOpenSocket ENOTFOUND EAI_AGAIN EAI_NODATA EAI_FAIL DNSException EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN
     EADDRNOTAVAIL ETIMEDOUT ESOCKETTIMEDOUT ConnectionTimeout UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT
     UND_ERR_BODY_TIMEOUT ECONNRESET ECONNABORTED EPIPE ConnectionReset ConnectionClosed UND_ERR_SOCKET
     ERR_STREAM_PREMATURE_CLOSE ERR_SOCKET_CLOSED`
  ],
  ["Stalled", "temporary", "RequestTimeout RequestTimeoutException TimeoutError AbortError ABORT_ERR"],
  [
    "ChecksumMismatch",
    "temporary",
    "BadDigest InvalidDigest IncompleteBody XAmzContentSHA256Mismatch XAmzContentChecksumMismatch"
  ],
  // Permanent until their cause is mended: learn.test.ts.
  ["ClockSkewed", "permanent", "RequestTimeTooSkewed RequestExpired RequestInTheFuture"],
  [
    "CredentialsUnavailable",
    "permanent",
    `ExpiredToken ExpiredTokenException TokenRefreshRequired InvalidToken CredentialsProviderError TokenProviderError
     CredentialsError`
  ],
  [
    "AccessDenied",
    "permanent",
    `InvalidAccessKeyId SignatureDoesNotMatch InvalidSignatureException InvalidSignature InvalidSecurity AuthFailure
     UnrecognizedClientException InvalidClientTokenId MissingAuthenticationToken CredentialsNotSupported AccessDenied
     AccessDeniedException AllAccessDisabled AccountProblem NotSignedUp InvalidPayer UnauthorizedAccess
     UnauthorizedAccessError UnexpectedIPError`
  ],
  ["NoSuchBucket", "permanent", "NoSuchBucket NoSuchAccessPoint NoSuchMultiRegionAccessPoint"],
  ["NoSuchKey", "permanent", "NoSuchKey NoSuchVersion"],
  ["NoSuchUpload", "permanent", "NoSuchUpload"],
  ["PreconditionFailed", "permanent", "PreconditionFailed ConditionalRequestConflict"],
  ["PartConflict", "permanent", "InvalidPart InvalidPartOrder EntityTooSmall"],
  [
    "TooLarge",
    "permanent",
    `EntityTooLarge MaxMessageLengthExceeded InlineDataTooLarge InsufficientStorage InsufficientStorageSpace QuotaExceeded
     XMinioStorageFull XMinioAdminBucketQuotaExceeded`
  ],
  [
    "InvalidRequest",
    "permanent",
    `PermanentRedirect PermanentRedirectControlError Redirect AuthorizationHeaderMalformed IncorrectEndpoint
     IllegalLocationConstraint IllegalLocationConstraintException InvalidLocationConstraint InvalidRegion
     KMS.DisabledException KMS.NotFoundException KMS.KMSInvalidStateException KMS.InvalidKeyUsageException
     InvalidArgument InvalidRequest MalformedXML MalformedTrailerError MalformedACLError MetadataTooLarge KeyTooLongError
     InvalidBucketName InvalidBucketState InvalidBucketOwnerAWSAccountID InvalidStorageClass
     InvalidEncryptionAlgorithmError ServerSideEncryptionConfigurationNotFoundError InvalidObjectState InvalidRange
     InvalidTag TagPolicyException InvalidURI InvalidHostHeader InvalidHttpMethod InvalidPartNumber InvalidAccessPoint
     InvalidAccessPointAliasError InvalidAddressingHeader AccessControlListNotSupported AmbiguousGrantByEmailAddress
     UserKeyMustBeSpecified ObjectLockConfigurationNotFoundError MissingContentLength MissingRequestBodyError
     MissingSecurityElement MissingSecurityHeader RequestHeaderSectionTooLarge UnexpectedContent NotImplemented
     MethodNotAllowed UnsupportedArgument UnsupportedSignature AuthorizationQueryParametersError
     XMinioInvalidObjectName`
  ],
  ["InvalidResponse", "temporary", "InvalidResponse ERR_TOO_LONG"],
  [
    "TlsFailed",
    "permanent",
    `DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT
     UNABLE_TO_GET_ISSUER_CERT_LOCALLY CERT_HAS_EXPIRED CERT_NOT_YET_VALID CERT_REVOKED CERT_UNTRUSTED CERT_REJECTED
     CERT_SIGNATURE_FAILURE CERT_CHAIN_TOO_LONG HOSTNAME_MISMATCH ERR_TLS_CERT_ALTNAME_INVALID
     ERR_TLS_CERT_ALTNAME_FORMAT EPROTO ERR_SSL_WRONG_VERSION_NUMBER`
  ]
]
const expected = meaning.flatMap(([reason, retry, codes]) =>
  codes.split(/\s+/).map((code) => [code, reason, retry] as const)
)

describe("the table of codes", () => {
  it.each(expected)("%s is %s, %s", (code, reason, retry) => {
    for (const status of [200, 400, 503]) expect(verdict({ code, status })).toEqual([reason, retry])
  })

  it("has each code once, and no code without a meaning in this test", () => {
    const codes = rows.flatMap((row) => row.codes)
    expect(codes.length).toBe(byCode.size)
    expect([...codes].sort()).toEqual(expected.map(([code]) => code).sort())
  })

  it("gives every code a sentence of its own words, with the place, and no hole in it", () => {
    for (const code of byCode.keys()) {
      const { message } = classify({ code, status: 400 })
      expect(message).toMatch(/^[A-Z][A-Za-z]+: .{20,} \[UploadPart, part 3\]$/)
      expect(message).not.toMatch(/undefined|null|NaN|\[object|: ;|\(\)|\. \./)
    }
  })
})

describe("an error inside a 200 is classified by its own code", () => {
  it.each([
    ["InternalError", "Unavailable", "temporary"],
    ["SlowDown", "Throttled", "temporary"],
    ["AccessDenied", "AccessDenied", "permanent"],
    ["SomethingNew", "UnknownStoreError", "temporary"]
  ])("%s", (code, reason, retry) => expect(verdict({ code, status: 200 })).toEqual([reason, retry]))

  it("and a 200 without a code is no answer of S3", () => {
    expect(verdict({ status: 200, message: "<html><body>Welcome</body></html>" })).toEqual([
      "InvalidResponse",
      "temporary"
    ])
  })
})

describe("an answer without a known code goes by its status", () => {
  const byStatus: ReadonlyArray<readonly [number, ReasonTag, Retry]> = [
    [301, "InvalidRequest", "permanent"],
    [307, "Unavailable", "temporary"],
    [400, "InvalidRequest", "permanent"],
    [401, "AccessDenied", "permanent"],
    [403, "AccessDenied", "permanent"],
    [404, "UnknownStoreError", "permanent"],
    [408, "Stalled", "temporary"],
    [412, "PreconditionFailed", "permanent"],
    [413, "TooLarge", "permanent"],
    [418, "UnknownStoreError", "permanent"],
    [429, "Throttled", "temporary"],
    [500, "Unavailable", "temporary"],
    [501, "InvalidRequest", "permanent"],
    [502, "Unavailable", "temporary"],
    [503, "Unavailable", "temporary"],
    [504, "Unavailable", "temporary"],
    [507, "TooLarge", "permanent"],
    [599, "Unavailable", "temporary"]
  ]
  it.each(byStatus)("%i is %s, %s", (status, reason, retry) => {
    expect(verdict({ status })).toEqual([reason, retry])
    expect(verdict({ status, code: "NeverHeardOf" })).toEqual([reason, retry])
  })
})

describe("a failure below HTTP", () => {
  it.each([
    [{ message: "socket hang up" }, "Unavailable"],
    [{ code: "CERT_OF_ANOTHER_KIND" }, "TlsFailed"],
    [{ code: "HPE_INVALID_CONSTANT" }, "InvalidResponse"],
    [{ message: "invalid peer certificate: UnknownIssuer" }, "TlsFailed"]
  ])("%j is %s", (failure, reason) => expect(verdict(failure)[0]).toBe(reason))

  it("of fetch is read through its causes", () => {
    const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:9"), { code: "ECONNREFUSED" })
    const failed = new TypeError("fetch failed", { cause: refused })
    expect(verdict({ message: failed.message, cause: failed })).toEqual(["Unavailable", "temporary"])
    const untrusted = Object.assign(new Error("self-signed"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" })
    expect(verdict({ message: "fetch failed", cause: new TypeError("fetch failed", { cause: untrusted }) })).toEqual([
      "TlsFailed",
      "permanent"
    ])
  })

  it("that is a fault of ours is not retried as if the network were at fault", () => {
    const ours = new TypeError("x is not a function")
    expect(verdict({ message: ours.message, cause: ours })).toEqual(["UnknownStoreError", "permanent"])
  })

  it("names what could not be reached", () => {
    expect(classify({ code: "ECONNREFUSED", message: "connect ECONNREFUSED 127.0.0.1:9000" }).message).toContain(
      "refuses connections (connect ECONNREFUSED 127.0.0.1:9000)"
    )
    expect(classify({ code: "EPIPE" }).message).toContain("(EPIPE)")
  })
})

describe("what is said", () => {
  it("names the region that the store expects", () => {
    const malformed = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'"
    expect(classify({ code: "AuthorizationHeaderMalformed", status: 400, message: malformed }).message).toContain(
      'bucket "media" is in region "eu-west-1"'
    )
    expect(classify({ status: 301, region: "ap-south-1" }).message).toContain('in region "ap-south-1"')
  })

  it("says which credentials' fault it is, and which permission is missing", () => {
    expect(classify({ code: "SignatureDoesNotMatch", status: 403 }).message).toContain(
      "the store does not accept these credentials"
    )
    expect(classify({ code: "AccessDenied", status: 403 }).message).toContain("s3:PutObject")
    expect(classifyError({ status: 403 }, { operation: "ListParts" }).message).toContain("s3:ListMultipartUploadParts")
  })

  it("keeps Retry-After and the request id", () => {
    const error = classify({ code: "SlowDown", status: 503, retryAfterMs: 2_000, requestId: "4442587FB7D0A2F9" })
    expect(error.reason).toEqual({ _tag: "Throttled", code: "SlowDown", retryAfterMs: 2_000 })
    expect(error.requestId).toBe("4442587FB7D0A2F9")
    expect(classify({ status: 503, retryAfterMs: 5 }).reason).toMatchObject({ retryAfterMs: 5 })
  })
})

describe("no secret is repeated", () => {
  const secrets = [
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AKIAIOSFODNN7EXAMPLE",
    "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024",
    "hunter2"
  ]
  const [key, id, signature, password] = secrets
  const words = [
    `secret ${key} of ${id}`,
    `GET https://s3.test/b/k?X-Amz-Credential=${id}%2F20261121&X-Amz-Signature=${signature}&partNumber=1`,
    `Authorization: AWS4-HMAC-SHA256 Credential=${id}/x, Signature=${signature}`,
    `http://root:${password}@127.0.0.1:9000 refused`,
    `password=${password}`
  ]

  it.each(words)("of %j", (message) => {
    for (const failure of [{ status: 400 }, { code: "InvalidArgument" }, { code: "ECONNRESET" }, { status: 418 }]) {
      const shown = JSON.stringify(classify({ ...failure, message }))
      for (const secret of secrets) expect(shown).not.toContain(secret)
    }
  })

  it("and a page of HTML becomes one short line", () => {
    const page = `<html>\n<h1>502 Bad Gateway</h1>\n${"<p>nginx is sorry</p>\n".repeat(100)}</html>`
    const line = safeMessage(page)
    expect(line).toMatch(/^502 Bad Gateway nginx is sorry/)
    expect(line).not.toMatch(/[<>\n]/)
    expect(line.length).toBeLessThanOrEqual(301)
  })
})
