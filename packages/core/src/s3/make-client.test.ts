import { HeadObjectCommand, PutObjectCommand, UploadPartCommand } from "@aws-sdk/client-s3"
import { describe, expect, it } from "@effect/vitest"
import type { ExchangeRequest } from "../platform/exchange.ts"
import { makeClient } from "./make-client.ts"
import { checkOptions, type S3Options } from "./S3Options.ts"

const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" }

/** The requests that a client with these options makes, and never sends. */
const requestsOf = async (options: Partial<S3Options>, bucket = "media"): Promise<ReadonlyArray<ExchangeRequest>> => {
  const seen: Array<ExchangeRequest> = []
  const given = { bucket, region: "eu-west-1", credentials, ...options }
  const client = makeClient(given, options.forcePathStyle ?? false, {
    exchange: async (request) => {
      seen.push(request)
      return { statusCode: 200, reason: undefined, headers: { etag: '"e"' }, body: new Uint8Array(0) }
    },
    close: () => undefined
  })
  const at = { Bucket: bucket, Key: "a/b.bin" }
  await client.send(new PutObjectCommand({ ...at, Body: "x" }))
  await client.send(new UploadPartCommand({ ...at, UploadId: "u", PartNumber: 1, Body: "x" }))
  await client.send(new HeadObjectCommand(at))
  client.destroy()
  return seen
}

describe("the host that a request is signed for, and goes to", () => {
  it.each([
    [{}, "media.s3.eu-west-1.amazonaws.com", "/a/b.bin"],
    [{ forcePathStyle: true }, "s3.eu-west-1.amazonaws.com", "/media/a/b.bin"],
    [{ dualStack: true }, "media.s3.dualstack.eu-west-1.amazonaws.com", "/a/b.bin"],
    [{ accelerate: true }, "media.s3-accelerate.amazonaws.com", "/a/b.bin"],
    [{ accelerate: true, dualStack: true }, "media.s3-accelerate.dualstack.amazonaws.com", "/a/b.bin"],
    [{ endpoint: "http://127.0.0.1:9000", forcePathStyle: true }, "127.0.0.1", "/media/a/b.bin"]
  ] satisfies Array<[Partial<S3Options>, string, string]>)("with %j is %s", async (options, host, path) => {
    const requests = await requestsOf(options)
    expect(requests).toHaveLength(3)
    for (const request of requests) {
      expect(request.hostname).toBe(host)
      expect(request.path.split("?")[0]).toBe(path)
      expect(request.headers["host"]?.split(":")[0]).toBe(host)
      // The region is still the bucket's own, whatever the host says.
      expect(request.headers["authorization"]).toMatch(
        /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/s3\/aws4_request, SignedHeaders=[^,]*\bhost\b/
      )
    }
  })
})

describe("options that cannot be meant", () => {
  it.each([
    [{ accelerate: true, endpoint: "http://127.0.0.1:9000" }, /AWS's own/],
    [{ dualStack: true, endpoint: "https://minio.example.com" }, /AWS's own/],
    [{ accelerate: true, bucket: "my.media" }, /without a dot/],
    [{ accelerate: true, forcePathStyle: true }, /no forcePathStyle/]
  ] satisfies Array<[Partial<S3Options>, RegExp]>)("%j are refused", (options, message) => {
    expect(checkOptions({ bucket: "media", ...options })?.message).toMatch(message)
  })

  it("and those that can are not", () => {
    expect(checkOptions({ bucket: "media", accelerate: true, dualStack: true })).toBeUndefined()
    expect(checkOptions({ bucket: "my.media", dualStack: true })).toBeUndefined()
  })
})
