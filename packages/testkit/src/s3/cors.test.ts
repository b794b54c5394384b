import { PutBucketCorsCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type S3Server, startS3 } from "../index.ts"

let server: S3Server
let s3: S3Client

beforeAll(async () => {
  server = await startS3({ buckets: ["media", "closed"] })
  const { endpoint, region, credentials } = server
  s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })
  const rules = [
    {
      AllowedOrigins: ["https://app.example"],
      AllowedMethods: ["PUT", "GET"],
      AllowedHeaders: ["Content-Type", "x-amz-*"],
      ExposeHeaders: ["ETag", "x-amz-version-id"],
      MaxAgeSeconds: 600
    },
    { AllowedOrigins: ["https://*.wild.example"], AllowedMethods: ["POST"] },
    { AllowedOrigins: ["https://a*a.example"], AllowedMethods: ["DELETE"] },
    { AllowedOrigins: ["*"], AllowedMethods: ["HEAD"] }
  ]
  await s3.send(new PutBucketCorsCommand({ Bucket: "media", CORSConfiguration: { CORSRules: rules } }))
})

afterAll(async () => {
  s3.destroy()
  await server.close()
})

/** A browser's question before a request: unsigned. */
async function ask(origin: string, method: string, headers = "", bucket = "media") {
  const answer = await fetch(`${server.endpoint}/${bucket}/key`, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": method,
      ...(headers !== "" && { "access-control-request-headers": headers })
    }
  })
  const text = await answer.text()
  const allowed = [...answer.headers].filter(([name]) => name.startsWith("access-control-") || name === "vary")
  return { status: answer.status, code: /<Code>(\w+)/.exec(text)?.[1], allowed: Object.fromEntries(allowed) }
}

describe("CORS", () => {
  it("a preflight that a rule allows is answered by that rule, without a signature", async () => {
    expect(await ask("https://app.example", "PUT", "Content-Type, X-Amz-Meta-A")).toEqual({
      status: 200,
      code: undefined,
      allowed: {
        "access-control-allow-origin": "https://app.example",
        "access-control-allow-methods": "PUT, GET",
        "access-control-allow-headers": "content-type, x-amz-meta-a",
        "access-control-expose-headers": "ETag, x-amz-version-id",
        "access-control-max-age": "600",
        "access-control-allow-credentials": "true",
        vary: "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
      }
    })
    const anyone = await ask("https://anyone.example", "HEAD")
    expect(anyone.allowed["access-control-allow-origin"]).toBe("*")
    expect(anyone.allowed).not.toHaveProperty("access-control-allow-credentials")
    expect((await ask("https://a.b.wild.example", "POST")).status).toBe(200)
  })

  it.each([
    ["another origin", "https://evil.example", "PUT", "", "media"],
    ["another scheme", "http://app.example", "PUT", "", "media"],
    ["another method", "https://app.example", "DELETE", "", "media"],
    ["a header that is not listed", "https://app.example", "PUT", "content-type, authorization", "media"],
    ["less than the wildcard's surroundings", "https://a.example", "DELETE", "", "media"],
    ["a bucket without rules", "https://app.example", "PUT", "", "closed"]
  ])("%s is forbidden", async (_, origin, method, headers, bucket) => {
    const answer = await ask(origin, method, headers, bucket)
    expect(answer).toEqual({ status: 403, code: "AccessForbidden", allowed: {} })
  })

  it("an actual answer, a refusal too, tells the script what it may read", async () => {
    await s3.send(new PutObjectCommand({ Bucket: "media", Key: "key", Body: "x" }))
    const unsigned = (origin: string) => fetch(`${server.endpoint}/media/key`, { headers: { origin } })
    const answer = await unsigned("https://app.example")
    expect(answer.status).toBe(403)
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.example")
    expect(answer.headers.get("access-control-expose-headers")).toBe("ETag, x-amz-version-id")
    expect((await unsigned("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull()
  })

  it("a preflight without its question is a bad request", async () => {
    const answer = await fetch(`${server.endpoint}/media/key`, { method: "OPTIONS" })
    expect([answer.status, /<Code>(\w+)/.exec(await answer.text())?.[1]]).toEqual([400, "BadRequest"])
  })

  it.each([
    ["a method that does not exist", { AllowedMethods: ["PATCH"], AllowedOrigins: ["*"] }],
    ["two wildcards", { AllowedMethods: ["GET"], AllowedOrigins: ["https://*.*.example"] }],
    ["a wildcard among the exposed", { AllowedMethods: ["GET"], AllowedOrigins: ["*"], ExposeHeaders: ["x-*"] }]
  ])("rules with %s are refused", async (_, rule) => {
    const put = new PutBucketCorsCommand({ Bucket: "media", CORSConfiguration: { CORSRules: [rule] } })
    await expect(s3.send(put)).rejects.toMatchObject({ name: "InvalidRequest" })
  })
})
