import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client
} from "@aws-sdk/client-s3"
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest"
import { presign } from "../../test/behaviour/presign.ts"
import { sendSigned } from "../../test/behaviour/sign.ts"
import { type Credentials, type Principal, type S3Server, startS3 } from "../index.ts"

const HOUR = 3_600_000
const now = Date.now()
let clock = now

const writer: Principal = {
  credentials: { accessKeyId: "writer", secretAccessKey: "writers-secret" },
  allow: [
    { operations: ["*Object*"], resources: ["media", "media/in/*", "media/*.log"] },
    { operations: ["GetObject"], resources: ["*"] }
  ],
  deny: [
    { operations: ["*"], resources: ["media/in/sealed/*"] },
    { operations: ["DeleteObject"], resources: ["media/in/kept"] }
  ]
}
const guest: Principal = {
  credentials: { accessKeyId: "guest", secretAccessKey: "guests-secret", sessionToken: "guests-token" },
  expires: now + HOUR,
  allow: [{ operations: ["*"], resources: ["*"] }]
}

let server: S3Server

beforeAll(async () => {
  server = await startS3({
    buckets: ["media", "public", "other"],
    principals: [writer, guest],
    anonymous: { allow: [{ operations: ["GetObject", "HeadObject"], resources: ["public/*"] }] },
    clock: () => clock
  })
})
beforeEach(() => {
  clock = now
})
afterAll(() => server.close())

const as = (credentials: Credentials) => {
  const { endpoint, region } = server
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })
  onTestFinished(() => client.destroy())
  const put = (Bucket: string, Key: string) => client.send(new PutObjectCommand({ Bucket, Key, Body: "x" }))
  const get = (Bucket: string, Key: string) => client.send(new GetObjectCommand({ Bucket, Key }))
  return { client, put, get }
}
const denied = { name: "AccessDenied", $metadata: { httpStatusCode: 403 } }

describe("a principal", () => {
  it("does what its rules allow, and nothing else", async () => {
    const { put, get, client } = as(writer.credentials)
    await put("media", "in/a")
    await put("media", "server.log")
    for (const key of ["out/a", "in", "server.log.gz"]) await expect(put("media", key)).rejects.toMatchObject(denied)
    await expect(put("other", "in/a")).rejects.toMatchObject(denied)
    await as(server.credentials).put("other", "b")
    await get("other", "b")
    await client.send(new ListObjectsV2Command({ Bucket: "media" }))
    await expect(client.send(new ListObjectsV2Command({ Bucket: "other" }))).rejects.toMatchObject(denied)
    expect(server.requests.at(-1)).toMatchObject({ accessKeyId: "writer", status: 403, code: "AccessDenied" })
  })

  it("does nothing that a rule denies, whatever others allow", async () => {
    const { put, get } = as(writer.credentials)
    await expect(put("media", "in/sealed/a")).rejects.toMatchObject(denied)
    await as(server.credentials).put("media", "in/sealed/a")
    await expect(get("media", "in/sealed/a")).rejects.toMatchObject(denied)
  })

  it("copies only what it may read", async () => {
    const { client } = as(writer.credentials)
    await as(server.credentials).put("media", "in/sealed/b")
    const copy = (CopySource: string) =>
      client.send(new CopyObjectCommand({ Bucket: "media", Key: "in/copy", CopySource }))
    await expect(copy("media/in/sealed/b")).rejects.toMatchObject(denied)
    await as(server.credentials).put("other", "c")
    await copy("other/c")
  })

  it("deletes many keys only where it may delete each", async () => {
    const { client, put } = as(writer.credentials)
    for (const key of ["in/1", "in/2", "in/kept"]) await put("media", key)
    const remove = (...keys: ReadonlyArray<string>) =>
      client.send(new DeleteObjectsCommand({ Bucket: "media", Delete: { Objects: keys.map((Key) => ({ Key })) } }))
    await expect(remove("in/1", "in/kept")).rejects.toMatchObject(denied)
    expect(await server.object("media", "in/1")).toBeDefined()
    await remove("in/1", "in/2")
    expect(await server.object("media", "in/1")).toBeUndefined()
  })
})

describe("a session token", () => {
  const { credentials } = guest
  const { sessionToken: _, ...withoutToken } = credentials

  it("is good until it expires, by the server's clock", async () => {
    const get = (at: number) => {
      clock = at
      return sendSigned({ ...server, credentials }, { method: "GET", target: "/media", at: new Date(at) })
    }
    expect(await get(now + HOUR - 1)).toMatchObject({ status: 200 })
    expect(await get(now + HOUR)).toMatchObject({ status: 400, code: "ExpiredToken" })
  })

  it("ends its presigned URLs with itself, before they expire", async () => {
    const query = { "X-Amz-Security-Token": "guests-token" }
    const signer = { ...server, credentials }
    const url = presign(signer, {
      method: "GET",
      path: "/media/absent",
      query,
      expiresInSeconds: 7200,
      at: new Date(now)
    })
    expect((await fetch(url)).status).toBe(404)
    const bare = presign(signer, { method: "GET", path: "/media/absent", at: new Date(now) })
    expect(await (await fetch(bare)).text()).toContain("<Code>InvalidToken</Code>")
    clock = now + HOUR
    expect(await (await fetch(url)).text()).toContain("<Code>ExpiredToken</Code>")
  })

  it.each([
    ["missing", withoutToken],
    ["another's", { ...credentials, sessionToken: "writers-token" }]
  ])("that is %s is InvalidToken", async (_what, credentials) => {
    const answer = await sendSigned({ ...server, credentials }, { method: "GET", target: "/media" })
    expect(answer).toMatchObject({ status: 400, code: "InvalidToken" })
  })
})

describe("nobody in particular", () => {
  const url = (path: string) => `${server.endpoint}/${path}`

  it("does what anonymous access allows, and nothing else", async () => {
    await as(server.credentials).put("public", "a")
    await as(server.credentials).put("media", "a")
    expect(await (await fetch(url("public/a"))).text()).toBe("x")
    expect(server.requests.at(-1)).toMatchObject({ accessKeyId: undefined, key: "a", status: 200 })
    const refused = [
      await fetch(url("public")),
      await fetch(url("public/a"), { method: "PUT", body: "y" }),
      await fetch(url("media/a"))
    ]
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403])
  })

  it("cannot sign chunks", async () => {
    const headers = {
      "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      "x-amz-decoded-content-length": "1"
    }
    const body = `1;chunk-signature=${"0".repeat(64)}\r\nx\r\n0;chunk-signature=${"0".repeat(64)}\r\n\r\n`
    expect((await fetch(url("public/a"), { method: "PUT", headers, body })).status).toBe(403)
  })
})
