import { assert, expect, it } from "vitest"
import { sha256 } from "../platform/hash.ts"
import { signRequest } from "./sign-request.ts"

// Amazon S3 API Reference, "Signature Calculations for the Authorization Header", its four examples.
const credentials = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
}
const scope = { region: "us-east-1", service: "s3", now: new Date("2013-05-24T00:00:00Z") }
const host = "examplebucket.s3.amazonaws.com"
const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

const signatureOf = (request: Parameters<typeof signRequest>[1]): string | undefined => {
  const digest = sha256 ?? assert.fail("Node has SHA-256")
  return /Signature=(.*)$/.exec(signRequest(digest, request, credentials, scope)["authorization"] ?? "")?.[1]
}

it.each([
  {
    what: "GET with a range",
    request: { method: "GET", path: "/test.txt", query: [], headers: { range: "bytes=0-9" } },
    payload: empty,
    signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
  },
  {
    what: "PUT with an encoded key",
    request: {
      method: "PUT",
      path: "/test%24file.text",
      query: [],
      headers: { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" }
    },
    payload: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
    signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
  },
  {
    what: "a query without a value",
    request: { method: "GET", path: "/", query: ["lifecycle="], headers: {} },
    payload: empty,
    signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
  },
  {
    what: "a query that is not in order",
    request: { method: "GET", path: "/", query: ["prefix=J", "max-keys=2"], headers: {} },
    payload: empty,
    signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
  }
])("signs as AWS documents it: $what", ({ request, payload, signature }) => {
  const headers = { host, "x-amz-content-sha256": payload, ...request.headers }
  expect(signatureOf({ ...request, headers })).toBe(signature)
})

it("signs the session's token and every other header but the user agent, and forgets no day's key for another", () => {
  const digest = sha256 ?? assert.fail("Node has SHA-256")
  const request = {
    method: "PUT",
    path: "/a",
    query: [],
    headers: { host, "x-amz-content-sha256": empty, "user-agent": "x" }
  }
  const session = { ...credentials, sessionToken: "token" }
  const first = signRequest(digest, request, session, scope)
  expect(first["x-amz-security-token"]).toBe("token")
  expect(first["authorization"]).toContain("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,")
  const nextDay = signRequest(digest, request, session, { ...scope, now: new Date("2013-05-25T00:00:00Z") })
  expect(nextDay["authorization"]).not.toBe(first["authorization"])
  expect(signRequest(digest, request, session, scope)).toEqual(first)
})
