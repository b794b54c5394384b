import { describe, expect, it } from "vitest"
import { bucketOfHost, parseTarget } from "./Target.ts"

describe("the bucket of a Host", () => {
  const domains = ["localhost", "s3.localhost"]

  it.each([
    ["media.localhost", "media"],
    ["Media.Localhost:9000", "media"],
    ["media.s3.localhost:9000", "media"],
    ["a.b.s3.localhost", "a.b"],
    ["localhost:9000", undefined],
    ["s3.localhost", undefined],
    ["127.0.0.1:9000", undefined],
    ["notlocalhost", undefined],
    ["localhost.example.com", undefined],
    [undefined, undefined]
  ])("%s is %s", (host, bucket) => {
    expect(bucketOfHost(host, domains)).toBe(bucket)
    expect(bucketOfHost(host, domains.toReversed())).toBe(bucket)
  })

  it("leaves the whole path to the key", () => {
    expect(parseTarget("/a/b%20c?d=e", "media")).toMatchObject({ bucket: "media", key: "a/b c", path: "/a/b c" })
    expect(parseTarget("/?uploads", "media")).toMatchObject({ bucket: "media", path: "/" })
    expect(parseTarget("/?uploads", "media")).not.toHaveProperty("key")
  })
})
