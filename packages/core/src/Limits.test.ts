import { describe, expect, it } from "vitest"
import { GiB, MiB, profiles, providerOf, TiB } from "./Limits.ts"

describe("the provider behind an endpoint", () => {
  it.each([
    [undefined, "aws"],
    ["https://s3.eu-west-1.amazonaws.com", "aws"],
    ["https://bucket.s3.dualstack.eu-west-1.amazonaws.com", "aws"],
    ["https://s3.cn-north-1.amazonaws.com.cn", "aws"],
    ["https://0123456789abcdef.r2.cloudflarestorage.com", "r2"],
    ["https://0123456789abcdef.eu.r2.cloudflarestorage.com/bucket", "r2"],
    ["https://s3.us-west-004.backblazeb2.com", "b2"],
    ["https://storage.googleapis.com", "gcs"],
    ["http://127.0.0.1:9000", "generic"],
    ["https://amazonaws.com.evil.test", "generic"],
    ["https://notamazonaws.com", "generic"]
  ])("%s is %s", (endpoint, provider) => expect(providerOf(endpoint)).toBe(provider))
})

describe("each profile", () => {
  it.each(Object.entries(profiles))(
    "%s is a row of its own name, with limits that agree with each other",
    (name, row) => {
      expect(row.provider).toBe(name)
      const { limits } = row
      expect(limits.minPartSize).toBe(5 * MiB)
      expect(limits.maxPartSize).toBeLessThanOrEqual(5 * GiB)
      expect(limits.maxObjectSize).toBeLessThanOrEqual(limits.maxParts * limits.maxPartSize)
      for (const limit of Object.values(limits)) expect(Number.isSafeInteger(limit)).toBe(true)
    }
  )

  it("of AWS has the limits of 2025-12", () => {
    expect(profiles.aws.limits).toMatchObject({
      maxParts: 10_000,
      maxObjectSize: 10_000 * 5 * GiB,
      maxPutSize: 5 * GiB
    })
    expect(profiles.minio.limits.maxObjectSize).toBe(5 * TiB)
  })

  it("that takes no checksum is told to send none, nor the object's size", () => {
    for (const row of Object.values(profiles).filter(({ checksum }) => checksum === "none")) {
      expect(row.objectSizeOnComplete).toBe(false)
    }
  })
})
