import { createHash } from "node:crypto"
import { once } from "node:events"
import { connect } from "node:net"
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand
} from "@aws-sdk/client-s3"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { presign } from "../../test/behaviour/presign.ts"
import { putChunked, sendSigned } from "../../test/behaviour/sign.ts"
import { type FaultyS3Server, memoryStore, type S3Store, startS3 } from "../index.ts"

let server: FaultyS3Server
let s3: S3Client
const at = (Key: string) => ({ Bucket: "media", Key })

beforeAll(async () => {
  server = await startS3({ buckets: ["media"] })
  const { endpoint, region, credentials } = server
  s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })
})
afterAll(async () => {
  s3.destroy()
  await server.close()
})

const create = async (key: string) => {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at(key)))
  return { ...at(key), UploadId: String(UploadId) }
}

describe("the journal of requests", () => {
  it("counts the bytes of bodies both ways, without their framing", async () => {
    const body = {
      target: "/media/counted",
      chunks: [Buffer.alloc(10_000)],
      framing: "unsigned, with a trailer"
    } as const
    await putChunked(server, body)
    expect(server.requests.at(-1)).toMatchObject({ op: "PutObject", bytesIn: 10_000, bytesOut: 0, method: "PUT" })
    const got = await s3.send(new GetObjectCommand({ ...at("counted"), Range: "bytes=0-99" }))
    await got.Body?.transformToByteArray()
    expect(server.requests.at(-1)).toMatchObject({ op: "GetObject", bytesIn: 0, bytesOut: 100, status: 206 })
  })

  it("names what was refused", async () => {
    await s3.send(new GetObjectCommand(at("absent"))).catch(() => undefined)
    expect(server.requests.at(-1)).toMatchObject({ status: 404, code: "NoSuchKey", accessKeyId: "sluice" })
  })

  it("has those apart that never became anybody's, with the reason", async () => {
    const before = server.requests.length
    const url = presign(server, { method: "GET", path: "/media/mine" })
    await fetch(url.replace("/mine?", "/yours?"))
    await fetch(`${server.endpoint}/media/%zz`)
    expect(server.turnedAway.slice(-2)).toMatchObject([
      { method: "GET", path: "/media/yours", status: 403, code: "SignatureDoesNotMatch" },
      { method: "GET", path: "/media/%zz", status: 400, code: "InvalidURI" }
    ])
    expect(server.requests).toHaveLength(before)
  })

  it("keeps headers and queries, and no secret of them", async () => {
    const key = Buffer.alloc(32, "k").toString("base64")
    const headers = {
      "x-amz-meta-color": "blue",
      "x-amz-server-side-encryption-customer-algorithm": "AES256",
      "x-amz-server-side-encryption-customer-key": key
    }
    await sendSigned(server, { method: "PUT", target: "/media/secrets", headers, body: Buffer.from("x") })
    const query = { "response-content-type": "text/plain" }
    await fetch(presign(server, { method: "GET", path: "/media/secrets", query }))
    const [put, get] = server.requests.slice(-2)
    expect(put?.headers).toMatchObject({ "x-amz-meta-color": "blue", authorization: "redacted" })
    expect(get?.query).toMatchObject({ ...query, "X-Amz-Signature": "redacted", "X-Amz-Credential": "redacted" })
    const words = JSON.stringify(server.requests)
    expect(words).not.toMatch(/Signature=[0-9a-f]/)
    expect(words).not.toContain(key)
  })
})

it("an open upload tells its parts, and is gone when it ends", async () => {
  const upload = await create("parts")
  for (const PartNumber of [3, 1])
    await s3.send(new UploadPartCommand({ ...upload, PartNumber, Body: "x".repeat(PartNumber) }))
  expect(server.parts(upload.UploadId)).toMatchObject([
    { partNumber: 1, size: 1, etag: expect.stringMatching(/^[0-9a-f]{32}$/) },
    { partNumber: 3, size: 3 }
  ])
  await s3.send(new AbortMultipartUploadCommand(upload))
  expect(server.parts(upload.UploadId)).toEqual([])
})

it("lifecycle does what is due by the server's clock when it is told to, and tells what", async () => {
  let now = Date.now()
  const aging = await startS3({ buckets: ["media"], clock: () => now })
  onTestFinished(() => aging.close())
  const rule = "<ID>sweep</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>"
  const abort =
    "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
  const body = Buffer.from(`<LifecycleConfiguration><Rule>${rule}${abort}</Rule></LifecycleConfiguration>`)
  const headers = { "content-md5": createHash("md5").update(body).digest("base64") }
  const send = (method: "PUT" | "POST", target: string, more: object = {}) =>
    sendSigned(aging, { method, target, at: new Date(now), ...more })
  expect(await send("PUT", "/media?lifecycle=", { headers, body })).toMatchObject({ status: 200 })
  await send("POST", "/media/old?uploads=")
  expect(await aging.applyLifecycle()).toEqual([])
  now += 2 * 86_400_000
  expect(await aging.applyLifecycle()).toMatchObject([
    { action: "abort", ruleId: "sweep", bucket: "media", key: "old" }
  ])
  expect(aging.openUploads()).toEqual([])
})

it("traffic is what crossed the sockets, also those that are closed", async () => {
  const other = await startS3({ buckets: ["media"] })
  onTestFinished(() => other.close())
  const { endpoint, region, credentials } = other
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  await client.send(new PutObjectCommand({ ...at("traffic"), Body: Buffer.alloc(50_000) }))
  const open = other.traffic()
  expect(open.bytesIn).toBeGreaterThan(50_000)
  expect(open.bytesOut).toBeGreaterThan(0)
  client.destroy()
  while (other.openSockets() > 0) await new Promise((resolve) => setImmediate(resolve))
  expect(other.traffic()).toEqual(open)
})

describe("assertQuiescent", () => {
  it("holds when everything has ended, also with connections kept alive", async () => {
    await s3.send(new PutObjectCommand({ ...at("quiet"), Body: "x" }))
    const upload = await create("quiet")
    await s3.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: "x" }))
    await s3.send(new AbortMultipartUploadCommand(upload))
    expect(server.openSockets()).toBeGreaterThan(0)
    await server.assertQuiescent(0)
  })

  it("names an upload that is open", async () => {
    const upload = await create("left/open")
    await expect(server.assertQuiescent(0)).rejects.toThrow(
      `upload ${upload.UploadId} of s3://media/left/open: still open, with 0 parts`
    )
    await s3.send(new AbortMultipartUploadCommand(upload))
    await server.assertQuiescent(0)
  })

  it("names a request in the middle of its body, and waits for one that ends", async () => {
    const socket = connect(server.port, "127.0.0.1")
    onTestFinished(() => void socket.destroy())
    const { pathname, search, host } = new URL(presign(server, { method: "PUT", path: "/media/half" }))
    socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 10\r\n\r\nhalf`)
    while (!server.requests.some(({ key }) => key === "half")) await new Promise((resolve) => setImmediate(resolve))
    await expect(server.assertQuiescent(0)).rejects.toThrow("PutObject of s3://media/half, attempt 1: under way")
    const quiet = server.assertQuiescent(30_000)
    socket.write(" body.")
    await once(socket, "data")
    await quiet
  })

  it("names bytes that no record names", async () => {
    const forgetful: S3Store = { ...memoryStore(), forgetBlob: () => Promise.reject(new Error("out of order")) }
    const leaking = await startS3({ buckets: ["media"], store: forgetful })
    onTestFinished(() => leaking.close())
    const put = () => sendSigned(leaking, { method: "PUT", target: "/media/a", body: Buffer.from("x") })
    await put()
    await leaking.assertQuiescent(0)
    await put()
    await expect(leaking.assertQuiescent(0)).rejects.toThrow(/blob \S+: no record names it/)
  })
})
