import { Agent as HttpAgent } from "node:http"
import { Agent as HttpsAgent } from "node:https"
import type { LookupFunction } from "node:net"
import {
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client
} from "@aws-sdk/client-s3"
import { createSluice, s3 } from "@sluice/core/promise"
import { describe, expect, it, onTestFinished } from "vitest"
import { sendSigned } from "../../test/behaviour/sign.ts"
import { type FaultyS3Server, type S3ServerOptions, startS3 } from "../index.ts"

/** Not every resolver knows the names below `localhost`. */
const lookup: LookupFunction = (_host, { all }, answer) =>
  all === true ? answer(null, [{ address: "127.0.0.1", family: 4 }]) : answer(null, "127.0.0.1", 4)

const serve = async (options: S3ServerOptions = {}): Promise<FaultyS3Server> => {
  const server = await startS3({ buckets: ["media"], ...options })
  onTestFinished(() => server.close())
  return server
}

const clientOf = ({ certificate, credentials, region }: FaultyS3Server, endpoint: string, forcePathStyle: boolean) => {
  const client = new S3Client({
    ...{ endpoint, region, credentials, forcePathStyle, maxAttempts: 1 },
    requestHandler: {
      httpAgent: new HttpAgent({ lookup }),
      httpsAgent: new HttpsAgent({ lookup, ...(certificate === undefined ? {} : { ca: certificate }) })
    }
  })
  onTestFinished(() => client.destroy())
  return client
}

const roundTrip = async (client: S3Client): Promise<string | undefined> => {
  await client.send(new PutObjectCommand({ Bucket: "media", Key: "a/b", Body: "bytes" }))
  const { Body } = await client.send(new GetObjectCommand({ Bucket: "media", Key: "a/b" }))
  return Body?.transformToString()
}

describe("HTTPS", () => {
  it("serves whoever trusts its certificate, and only them", async () => {
    const server = await serve({ tls: true })
    expect(server.endpoint).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    expect(await roundTrip(clientOf(server, server.endpoint, true))).toBe("bytes")
    expect(await roundTrip(clientOf(server, `https://localhost:${server.port}`, true))).toBe("bytes")
    const stranger = clientOf({ ...server, certificate: undefined }, server.endpoint, true)
    await expect(roundTrip(stranger)).rejects.toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" })
  })

  it("can be reset like any connection", async () => {
    const server = await serve({ tls: true })
    server.faults.add({ match: { op: "PutObject" }, action: { type: "reset", afterBytes: 0 } })
    // A close would be a "socket hang up" of the same code.
    const torn = roundTrip(clientOf(server, server.endpoint, true))
    await expect(torn).rejects.toMatchObject({ code: "ECONNRESET", message: "read ECONNRESET" })
  })
})

describe("a bucket in the Host", () => {
  it.each([
    ["http", "localhost"],
    ["http", "s3.localhost"],
    ["http", "storage.test"],
    ["https", "localhost"],
    ["https", "s3.localhost"]
  ] as const)("is addressed at %s://media.%s", async (scheme, domain) => {
    const server = await serve({
      tls: scheme === "https",
      ...(domain === "storage.test" ? { domains: ["storage.test"] } : {})
    })
    expect(await roundTrip(clientOf(server, `${scheme}://${domain}:${server.port}`, false))).toBe("bytes")
    expect(server.requests.map(({ bucket, key, headers }) => [bucket, key, headers["host"]])).toContainEqual([
      "media",
      "a/b",
      `media.${domain}:${server.port}`
    ])
    const { KeyCount } = await clientOf(server, server.endpoint, true).send(
      new ListObjectsV2Command({ Bucket: "media" })
    )
    expect(KeyCount).toBe(1)
  })
})

describe("regions", () => {
  it("a bucket tells its own", async () => {
    const server = await serve({ region: "eu-west-1", buckets: ["media", "far"], bucketRegions: { far: "ap-south-1" } })
    const head = (region: string, Bucket: string) =>
      clientOf({ ...server, region }, server.endpoint, true).send(new HeadBucketCommand({ Bucket }))
    expect(await head("eu-west-1", "media")).toMatchObject({ BucketRegion: "eu-west-1" })
    expect(await head("ap-south-1", "far")).toMatchObject({ BucketRegion: "ap-south-1" })
  })

  it("a request for the wrong one is told the right one: 400 where the bucket is here, 301 where it is not", async () => {
    const server = await serve({ buckets: ["media", "far"], bucketRegions: { far: "ap-south-1" } })
    const get = (region: string, target: string) => sendSigned({ ...server, region }, { method: "GET", target })
    const wrong = await get("eu-west-1", "/media")
    expect([wrong.status, wrong.code, wrong.headers.get("x-amz-bucket-region")]).toEqual([
      400,
      "AuthorizationHeaderMalformed",
      "us-east-1"
    ])
    expect(wrong.text).toContain("<Region>us-east-1</Region>")
    const elsewhere = await get("us-east-1", "/far")
    expect([elsewhere.status, elsewhere.code, elsewhere.headers.get("x-amz-bucket-region")]).toEqual([
      301,
      "PermanentRedirect",
      "ap-south-1"
    ])
    expect(elsewhere.text).toContain("<Bucket>far</Bucket>")
  })

  it("the engine follows a redirect to the bucket's region", async () => {
    const server = await serve({ buckets: ["far"], bucketRegions: { far: "ap-south-1" } })
    const { endpoint, region, credentials } = server
    await using sluice = createSluice({ store: s3({ bucket: "far", endpoint, region, credentials }) })
    await sluice.upload({ key: "k", body: Buffer.from("found") }).done()
    expect(Buffer.from((await server.object("far", "k")) ?? []).toString()).toBe("found")
  })
})
