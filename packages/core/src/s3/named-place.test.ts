import { describe, expect, it } from "vitest"
import { correctedEndpoint, endpointNamedBy, hostOf, regionNamedBy } from "./named-place.ts"

describe("the region that a refusal names", () => {
  it.each([
    ["its header", { $response: { headers: { "x-amz-bucket-region": "eu-west-1" } }, Region: "us-east-1" }],
    ["its XML", { Region: "eu-west-1" }],
    ["AuthorizationHeaderMalformed's words", { message: "the region 'us-east-1' is wrong; expecting 'eu-west-1'" }],
    [
      "IllegalLocationConstraintException's words",
      { message: "The eu-west-1 location constraint is incompatible for the region specific endpoint." }
    ]
  ])("in %s", (_, refusal) => expect(regionNamedBy(refusal)).toBe("eu-west-1"))

  it("is nothing that is no region", () => {
    expect(regionNamedBy({ Region: "evil.example.com/" })).toBeUndefined()
    expect(regionNamedBy({ Region: 7, message: "no" })).toBeUndefined()
  })
})

describe("the endpoint that a refusal names", () => {
  it("is its <Endpoint>, else its Location", () => {
    const $response = { headers: { location: "https://media.s3.eu-west-1.amazonaws.com/k?partNumber=1" } }
    expect(endpointNamedBy({ Endpoint: "s3.eu-west-1.amazonaws.com", $response })).toBe("s3.eu-west-1.amazonaws.com")
    expect(endpointNamedBy({ $response })).toBe("media.s3.eu-west-1.amazonaws.com")
    expect(endpointNamedBy({ $response: { headers: { location: "/k" } } })).toBeUndefined()
  })
})

describe("an endpoint of our own choice", () => {
  const https = (hostname: string, port?: number) => ({
    protocol: "https:",
    hostname,
    path: "/",
    ...(port === undefined ? {} : { port })
  })
  const moved = (
    given: ReturnType<typeof https>,
    named: string | undefined,
    before = "us-east-1",
    region = "eu-west-1"
  ) => hostOf(correctedEndpoint(given, { before, region, bucket: "media", named }))

  it.each([
    ["s3.us-east-1.amazonaws.com", "s3.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com"],
    ["s3.us-east-1.amazonaws.com", "media.s3.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com"],
    ["s3.us-east-1.amazonaws.com", undefined, "s3.eu-west-1.amazonaws.com"],
    ["s3.amazonaws.com", undefined, "s3.eu-west-1.amazonaws.com"],
    ["eu.storage.example.com", "us.storage.example.com:8443", "us.storage.example.com:8443"]
  ])("%s moves to %s: %s", (given, named, to) => expect(moved(https(given), named)).toBe(to))

  it.each([
    ["s3.us-east-1.amazonaws.com", "s3.eu-west-1.example.com", "s3.eu-west-1.amazonaws.com"],
    ["127.0.0.1", "10.0.0.1:9000", "127.0.0.1"],
    ["127.0.0.1", "1.127.0.0.1.example.com", "127.0.0.1"],
    ["storage.example.com", "evil.com/", "storage.example.com"],
    ["storage.example.com", "storage.example.com@evil.com", "storage.example.com"]
  ])("%s never moves to %s", (given, named, stays) => expect(moved(https(given), named)).toBe(stays))

  it("stays where nothing is named, but for AWS's", () => {
    expect(moved(https("storage.example.com", 9000), undefined)).toBe("storage.example.com:9000")
    expect(moved(https("s3.eu-west-1.amazonaws.com"), undefined, "eu-west-1")).toBe("s3.eu-west-1.amazonaws.com")
  })
})
