import { describe, expect, it } from "vitest"
import { parseTarget } from "../Target.ts"
import { type Authority, authenticate } from "./SigV4.ts"

/** The worked examples of the S3 API reference, "Authenticating Requests (AWS Signature Version 4)". */
const authority = (offsetMillis = 0): Authority => ({
  credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
  region: "us-east-1",
  clock: () => Date.UTC(2013, 4, 24) + offsetMillis
})
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
const CREDENTIAL = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"

const get = {
  method: "GET",
  target: parseTarget("/test.txt"),
  headers: {
    host: "examplebucket.s3.amazonaws.com",
    range: "bytes=0-9",
    "x-amz-content-sha256": EMPTY,
    "x-amz-date": "20130524T000000Z",
    authorization: `AWS4-HMAC-SHA256 Credential=${CREDENTIAL},SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41`
  }
}
const withHeaders = (changed: Record<string, string>) => ({ ...get, headers: { ...get.headers, ...changed } })

const presigned = (query: Record<string, string> = {}) => ({
  method: "GET",
  target: parseTarget(
    `/test.txt?${new URLSearchParams({
      "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
      "X-Amz-Credential": CREDENTIAL,
      "X-Amz-Date": "20130524T000000Z",
      "X-Amz-Expires": "86400",
      "X-Amz-SignedHeaders": "host",
      "X-Amz-Signature": "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
      ...query
    })}`
  ),
  headers: { host: "examplebucket.s3.amazonaws.com" }
})

describe("a signature in the header", () => {
  it("verifies the API reference's examples", () => {
    expect(authenticate(get, authority()).payload).toBe(EMPTY)
    const put = {
      method: "PUT",
      target: parseTarget("/test$file.text"),
      headers: {
        date: "Fri, 24 May 2013 00:00:00 GMT",
        host: "examplebucket.s3.amazonaws.com",
        "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        authorization: `AWS4-HMAC-SHA256 Credential=${CREDENTIAL},SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd`
      }
    }
    expect(authenticate(put, authority()).payload).toBe(put.headers["x-amz-content-sha256"])
  })

  it.each([
    ["another method", { ...get, method: "PUT" }],
    ["another path", { ...get, target: parseTarget("/test2.txt") }],
    ["a query", { ...get, target: parseTarget("/test.txt?a") }],
    ["a signed header's value", withHeaders({ range: "bytes=0-10" })]
  ])("does not fit %s", (_what, request) => {
    expect(() => authenticate(request, authority())).toThrow(expect.objectContaining({ code: "SignatureDoesNotMatch" }))
  })

  it("covers every x-amz header", () => {
    expect(() => authenticate(withHeaders({ "x-amz-tagging": "a=b" }), authority())).toThrow(
      expect.objectContaining({ code: "AccessDenied", details: { HeadersNotSigned: "x-amz-tagging" } })
    )
  })

  it("is good for 15 minutes either way", () => {
    const quarter = 15 * 60_000
    for (const offset of [-quarter, quarter]) expect(authenticate(get, authority(offset))).toBeDefined()
    for (const offset of [-quarter - 1, quarter + 1]) {
      expect(() => authenticate(get, authority(offset))).toThrow(
        expect.objectContaining({ code: "RequestTimeTooSkewed" })
      )
    }
  })

  it("names the region that it should have been for", () => {
    expect(() => authenticate(get, { ...authority(), region: "eu-west-1" })).toThrow(
      expect.objectContaining({ code: "AuthorizationHeaderMalformed", details: { Region: "eu-west-1" } })
    )
  })

  it.each([
    ["AWS AKIAIOSFODNN7EXAMPLE:signature", "InvalidRequest"],
    ["AWS4-HMAC-SHA256 Credential=x", "AuthorizationHeaderMalformed"],
    [get.headers.authorization.replace("AKIAIOSFODNN7EXAMPLE", "ANOTHER"), "InvalidAccessKeyId"],
    [get.headers.authorization.replace("/s3/", "/ec2/"), "AuthorizationHeaderMalformed"],
    [get.headers.authorization.replace("/20130524/", "/20130525/"), "AuthorizationHeaderMalformed"]
  ])("in the form %s is refused", (authorization, code) => {
    expect(() => authenticate(withHeaders({ authorization }), authority())).toThrow(expect.objectContaining({ code }))
  })

  it("comes with its session token, and only with it", () => {
    const temporary = { ...authority().credentials, sessionToken: "token" }
    expect(() => authenticate(get, { ...authority(), credentials: temporary })).toThrow(
      expect.objectContaining({ code: "InvalidToken" })
    )
    expect(() => authenticate(withHeaders({ "x-amz-security-token": "token" }), authority())).toThrow(
      expect.objectContaining({ code: "InvalidToken" })
    )
  })
})

describe("a presigned URL", () => {
  it("verifies the API reference's example, until it expires", () => {
    const day = 86_400_000
    expect(authenticate(presigned(), authority()).payload).toBe("UNSIGNED-PAYLOAD")
    expect(authenticate(presigned(), authority(day))).toBeDefined()
    expect(() => authenticate(presigned(), authority(day + 1))).toThrow(
      expect.objectContaining({ code: "AccessDenied", message: "Request has expired" })
    )
    expect(() => authenticate(presigned(), authority(-16 * 60_000))).toThrow(
      expect.objectContaining({ code: "AccessDenied", message: "Request is not valid yet" })
    )
  })

  it.each([
    [{ "X-Amz-Expires": "604801" }, "AuthorizationQueryParametersError"],
    [{ "X-Amz-Expires": "-1" }, "AuthorizationQueryParametersError"],
    [{ "X-Amz-Algorithm": "AWS4-HMAC-SHA1" }, "AuthorizationQueryParametersError"],
    [{ "X-Amz-Credential": "x/y" }, "AuthorizationQueryParametersError"],
    [{ "X-Amz-Date": "yesterday" }, "AuthorizationQueryParametersError"],
    [{ partNumber: "1" }, "SignatureDoesNotMatch"]
  ])("with %j is refused", (query, code) => {
    expect(() => authenticate(presigned(query), authority())).toThrow(expect.objectContaining({ code }))
  })
})

it("no signature is AccessDenied, and two are one too many", () => {
  expect(() => authenticate({ ...get, headers: {} }, authority())).toThrow(
    expect.objectContaining({ code: "AccessDenied" })
  )
  expect(() => authenticate({ ...presigned(), headers: get.headers }, authority())).toThrow(
    expect.objectContaining({ code: "InvalidArgument" })
  )
})

describe("a claim that contradicts itself is told where", () => {
  const { authorization } = get.headers
  it.each([
    [authorization.replace("AWS4-HMAC-SHA256", "Bearer"), "InvalidArgument", "Unsupported Authorization Type"],
    [authorization.replace(",Signature=", ";Signature="), "AuthorizationHeaderMalformed", "requires three components"],
    [authorization.replace("SignedHeaders=", "SignedHeaders-"), "AuthorizationHeaderMalformed", '"SignedHeaders-host;'],
    [authorization.replace("Signature=", "Sig="), "AuthorizationHeaderMalformed", "missing Signature."],
    [authorization.replace(CREDENTIAL, `a/${CREDENTIAL}`), "AuthorizationHeaderMalformed", "mal-formed"],
    [authorization.replace("/s3/", "/ec2/"), "AuthorizationHeaderMalformed", 'incorrect service "ec2"'],
    [authorization.replace("aws4_request", "aws5"), "AuthorizationHeaderMalformed", 'incorrect terminal "aws5"'],
    [authorization.replace("/20130524/", "/2013/"), "AuthorizationHeaderMalformed", 'incorrect date format "2013"'],
    [authorization.replace("/20130524/", "/20130525/"), "AuthorizationHeaderMalformed", "not the same as X-Amz-Date"]
  ])("%s", (authorization, code, words) => {
    expect(() => authenticate(withHeaders({ authorization }), authority())).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(words) })
    )
  })

  it("before anything is computed: a payload that is no digest, a URL of Signature Version 2", () => {
    expect(() => authenticate(withHeaders({ "x-amz-content-sha256": "abc" }), authority())).toThrow(
      expect.objectContaining({ code: "InvalidArgument" })
    )
    const second = { ...get, headers: {}, target: parseTarget("/test.txt?AWSAccessKeyId=a&Expires=1&Signature=b") }
    expect(() => authenticate(second, authority())).toThrow(
      expect.objectContaining({ code: "InvalidRequest", message: expect.stringContaining("AWS4-HMAC-SHA256") })
    )
  })
})
