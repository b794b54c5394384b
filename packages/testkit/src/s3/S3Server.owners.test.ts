import { Agent, get } from "node:http"
import type { LookupFunction } from "node:net"
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetBucketAccelerateConfigurationCommand,
  GetBucketRequestPaymentCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketAccelerateConfigurationCommand,
  PutBucketRequestPaymentCommand,
  PutObjectCommand,
  S3Client
} from "@aws-sdk/client-s3"
import { describe, expect, it, onTestFinished } from "vitest"
import { sendSigned, sign } from "../../test/behaviour/sign.ts"
import { type Credentials, type S3Server, type S3ServerOptions, startS3 } from "../index.ts"

const Bucket = "media"
const Key = "k"
const denied = { name: "AccessDenied", $metadata: { httpStatusCode: 403 } }
const reader = { accessKeyId: "reader", secretAccessKey: "readers-secret" }

async function serving(options: S3ServerOptions = {}) {
  const server = await startS3({
    buckets: [Bucket, "other"],
    principals: [{ credentials: reader, allow: [{ operations: ["*"], resources: ["*"] }] }],
    anonymous: { allow: [{ operations: ["GetObject"], resources: ["*"] }] },
    ...options
  })
  onTestFinished(() => server.close())
  return { server, s3: clientOf(server) }
}

/** Not every resolver knows the names below `localhost`. */
const lookup: LookupFunction = (_host, { all }, answer) =>
  all === true ? answer(null, [{ address: "127.0.0.1", family: 4 }]) : answer(null, "127.0.0.1", 4)

function clientOf({ endpoint, region, credentials: own }: S3Server, credentials: Credentials = own): S3Client {
  const client = new S3Client({
    ...{ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 },
    requestHandler: { httpAgent: new Agent({ lookup }) }
  })
  onTestFinished(() => client.destroy())
  return client
}

describe("the owner that a request expects", () => {
  it("is the server's account, or the request is refused and does nothing", async () => {
    const { server, s3 } = await serving({ accountId: "000011112222" })
    const [right, wrong] = [{ ExpectedBucketOwner: "000011112222" }, { ExpectedBucketOwner: "123456789012" }]
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: "x", ...right }))
    await expect(s3.send(new PutObjectCommand({ Bucket, Key, Body: "y", ...wrong }))).rejects.toMatchObject(denied)
    await expect(s3.send(new DeleteObjectCommand({ Bucket, Key, ...wrong }))).rejects.toMatchObject(denied)
    expect(Buffer.from((await server.object(Bucket, Key)) ?? []).toString()).toBe("x")
    const copy = { Bucket, Key: "copy", CopySource: `${Bucket}/${Key}` }
    await s3.send(new CopyObjectCommand({ ...copy, ExpectedSourceBucketOwner: "000011112222" }))
    const stolen = s3.send(new CopyObjectCommand({ ...copy, ExpectedSourceBucketOwner: "123456789012" }))
    await expect(stolen).rejects.toMatchObject(denied)
  })

  it("is an account, of a bucket that is there", async () => {
    const { s3 } = await serving()
    const odd = s3.send(new ListObjectsV2Command({ Bucket, ExpectedBucketOwner: "somebody" }))
    await expect(odd).rejects.toMatchObject({ name: "InvalidBucketOwnerAWSAccountID" })
    const gone = s3.send(new ListObjectsV2Command({ Bucket: "no-such", ExpectedBucketOwner: "000011112222" }))
    await expect(gone).rejects.toMatchObject({ name: "NoSuchBucket" })
  })
})

describe("a bucket whose requester pays", () => {
  it("refuses whoever does not say that he knows, and tells who does that he was charged", async () => {
    const { server, s3 } = await serving()
    const payer = () => s3.send(new GetBucketRequestPaymentCommand({ Bucket }))
    expect((await payer()).Payer).toBe("BucketOwner")
    const RequestPaymentConfiguration = { Payer: "Requester" } as const
    await s3.send(new PutBucketRequestPaymentCommand({ Bucket, RequestPaymentConfiguration }))
    expect((await payer()).Payer).toBe("Requester")
    const owners = await s3.send(new PutObjectCommand({ Bucket, Key, Body: "x", RequestPayer: "requester" }))
    expect(owners.RequestCharged).toBeUndefined()
    const other = clientOf(server, reader)
    await expect(other.send(new GetObjectCommand({ Bucket, Key }))).rejects.toMatchObject(denied)
    const { RequestCharged } = await other.send(new GetObjectCommand({ Bucket, Key, RequestPayer: "requester" }))
    expect(RequestCharged).toBe("requester")
    const nameless = await fetch(`${server.endpoint}/${Bucket}/${Key}`, {
      headers: { "x-amz-request-payer": "requester" }
    })
    expect(nameless.status).toBe(403)
  })
})

describe("S3 Transfer Acceleration", () => {
  /** `fetch` names the host itself. */
  const through = (server: S3Server, host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const path = `/${Key}`
      const { headers } = sign(server, { method: "GET", target: path, headers: { host } })
      get({ host: "127.0.0.1", port: server.port, path, headers }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      }).on("error", reject)
    })

  it("reaches a bucket by its host once the bucket has it, and no other", async () => {
    const { server, s3 } = await serving({ buckets: [Bucket, "with.dots"] })
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: "x" }))
    const host = `${Bucket}.s3-accelerate.amazonaws.com`
    expect(await through(server, host)).toBe(400)
    const status = async () => (await s3.send(new GetBucketAccelerateConfigurationCommand({ Bucket }))).Status
    expect(await status()).toBeUndefined()
    const AccelerateConfiguration = { Status: "Enabled" } as const
    await s3.send(new PutBucketAccelerateConfigurationCommand({ Bucket, AccelerateConfiguration }))
    expect(await status()).toBe("Enabled")
    expect(await through(server, host)).toBe(200)
    const dual = `${Bucket}.s3-accelerate.dualstack.amazonaws.com`
    expect(await through(server, dual)).toBe(200)
    await s3.send(new PutBucketAccelerateConfigurationCommand({ Bucket: "with.dots", AccelerateConfiguration }))
    expect(await through(server, "with.dots.s3-accelerate.amazonaws.com")).toBe(400)
  })
})

describe("a session of a directory bucket", () => {
  const Directory = "fast--use1-az4--x-s3"
  let now = Date.now()
  const express = () => serving({ buckets: [Directory, "other"], clock: () => now })

  it("is opened by the SDK, which then signs with it", async () => {
    now = Date.now()
    const { server } = await express()
    // By its path the SDK addresses a directory bucket with a slash too many.
    const s3 = clientOf({ ...server, endpoint: `http://localhost:${server.port}` })
    await s3.send(new PutObjectCommand({ Bucket: Directory, Key, Body: "x" }))
    expect(Buffer.from((await server.object(Directory, Key)) ?? []).toString()).toBe("x")
    const [session, put] = server.requests
    expect([session?.op, session?.accessKeyId, put?.op]).toEqual(["CreateSession", "sluice", "PutObject"])
    expect(put?.accessKeyId).toMatch(/^ASIA/)
    expect(put?.headers["x-amz-s3session-token"]).toBe("redacted")
  })

  it("is for that bucket, for what it was asked for, and for five minutes", async () => {
    now = Date.now()
    const { server } = await express()
    const credentials = async (mode: string) => {
      const headers = { "x-amz-create-session-mode": mode }
      const { text: xml } = await sendSigned(server, { method: "GET", target: `/${Directory}?session=`, headers })
      const text = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(xml)?.[1] ?? ""
      return {
        accessKeyId: text("AccessKeyId"),
        secretAccessKey: text("SecretAccessKey"),
        sessionToken: text("SessionToken")
      }
    }
    const writer = clientOf(server, await credentials("ReadWrite"))
    const elsewhere = writer.send(new PutObjectCommand({ Bucket: "other", Key, Body: "x" }))
    await expect(elsewhere).rejects.toMatchObject(denied)
    const onlyReads = await credentials("ReadOnly")
    const signed = (method: "PUT" | "GET") =>
      sendSigned({ ...server, credentials: onlyReads }, { method, target: `/${Directory}/${Key}`, at: new Date(now) })
    expect((await signed("PUT")).status).toBe(403)
    expect((await signed("GET")).status).toBe(404)
    now += 300_000
    expect((await signed("GET")).code).toBe("ExpiredToken")
  })

  it("is for no bucket of another kind", async () => {
    const { server } = await serving()
    expect((await sendSigned(server, { method: "GET", target: `/${Bucket}?session=` })).code).toBe("MethodNotAllowed")
  })
})
