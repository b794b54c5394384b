import { randomBytes } from "node:crypto"
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand
} from "@aws-sdk/client-s3"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { presign } from "../../test/behaviour/presign.ts"
import {
  type FaultAction,
  type FaultInjector,
  type FaultyS3Server,
  type JournalEntry,
  recordingProxy,
  startS3
} from "../index.ts"

/** Where the faults are, and what is seen from there. */
interface Place {
  readonly endpoint: string
  readonly faults: FaultInjector
  readonly requests: ReadonlyArray<JournalEntry>
  close(): Promise<void>
}

let server: FaultyS3Server
let place: Place
let faults: FaultInjector
let s3: S3Client

const at = (Key: string) => ({ Bucket: "media", Key })
const body = randomBytes(300_000)
const put = (Key: string) => s3.send(new PutObjectCommand({ ...at(Key), Body: body }))
const stored = async (key: string) => (await server.object("media", key))?.length
const strike = (action: FaultAction) => faults.add({ match: { op: "PutObject" }, action })
const url = (path: string, query = {}) =>
  presign({ ...server, endpoint: place.endpoint }, { method: "PUT", path, query })

async function upload(Key: string) {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at(Key)))
  const { ETag } = await s3.send(new UploadPartCommand({ ...at(Key), UploadId, PartNumber: 1, Body: body }))
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] }
  return {
    complete: () => s3.send(new CompleteMultipartUploadCommand({ ...at(Key), UploadId, MultipartUpload })),
    abort: () => s3.send(new AbortMultipartUploadCommand({ ...at(Key), UploadId }))
  }
}

/** One language in two places: the same rules do the same, in the server and in a proxy before it. */
describe.each([
  ["in the server", async (server: FaultyS3Server): Promise<Place> => server],
  ["in a proxy before it", (server: FaultyS3Server): Promise<Place> => recordingProxy(server.endpoint)]
])("%s", (_, standing) => {
  beforeEach(async () => {
    server = await startS3({ buckets: ["media"] })
    place = await standing(server)
    faults = place.faults
    const { region, credentials } = server
    s3 = new S3Client({ endpoint: place.endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })
  })

  afterEach(async () => {
    s3.destroy()
    await place.close()
    await server.close()
  })

  describe("actions", () => {
    it("status: the answer is an error with its code and Retry-After, and nothing is stored", async () => {
      strike({ type: "status", status: 503, code: "SlowDown", retryAfter: 2 })
      await expect(put("a")).rejects.toMatchObject({
        name: "SlowDown",
        $metadata: { httpStatusCode: 503 },
        $response: { headers: { "retry-after": "2" } }
      })
      expect(await stored("a")).toBeUndefined()
      await put("a")
      expect(await stored("a")).toBe(body.length)
    })

    it("status after: the answer is an error although the operation was applied", async () => {
      faults.add({ match: { phase: "after" }, action: { type: "status", status: 500, code: "InternalError" } })
      await expect(put("a")).rejects.toMatchObject({ name: "InternalError" })
      expect(await stored("a")).toBe(body.length)
    })

    it("ok200WithError: the status says 200, the body that nothing was completed", async () => {
      const { complete } = await upload("a")
      faults.add({
        match: { op: "CompleteMultipartUpload" },
        action: { type: "ok200WithError", code: "SlowDown" }
      })
      await expect(complete()).rejects.toMatchObject({ name: "SlowDown" })
      expect(await stored("a")).toBeUndefined()
      await complete()
      expect(await stored("a")).toBe(body.length)
    })

    it.each([
      [{ type: "ok200WithError", code: "SlowDown" }, /^<\?xml [^>]*>\n<Error><Code>SlowDown<\/Code>.*<\/Error>$/],
      [{ type: "ok200WithError", code: "SlowDown", trailingNewline: true }, /^<\?xml [^>]*>\n<Error>.*<\/Error>\n$/],
      [
        { type: "ok200WithError", code: "SlowDown", keepAliveWhitespace: true },
        /^<\?xml [^>]*>\n +<Error>.*<\/Error>$/
      ],
      [{ type: "html200" }, /^<!doctype html>/],
      [{ type: "emptyBody" }, /^$/]
    ] satisfies Array<[FaultAction, RegExp]>)("%j: 200, and a body as it came", async (action, shape) => {
      strike(action)
      const answer = await fetch(url("/media/a"), { method: "PUT", body })
      expect([answer.status, answer.headers.get("etag")]).toEqual([200, null])
      expect(await answer.text()).toMatch(shape)
      expect(await stored("a")).toBeUndefined()
    })

    it("dropBeforeCommit and dropAfterCommit: no answer, and only the latter has stored", async () => {
      strike({ type: "dropBeforeCommit" })
      await expect(put("a")).rejects.toMatchObject({ code: "ECONNRESET" })
      expect(await stored("a")).toBeUndefined()
      strike({ type: "dropAfterCommit" })
      await expect(put("a")).rejects.toMatchObject({ code: "ECONNRESET" })
      expect(await stored("a")).toBe(body.length)
      expect(place.requests.map(({ status, attempt }) => [status, attempt])).toEqual([
        ["dropped", 1],
        ["dropped", 2]
      ])
    })

    it("dropAfterCommit on Complete: the object is there, the upload gone", async () => {
      const { complete } = await upload("a")
      faults.add({ match: { op: "CompleteMultipartUpload" }, action: { type: "dropAfterCommit" } })
      await expect(complete()).rejects.toMatchObject({ code: "ECONNRESET" })
      expect(await stored("a")).toBe(body.length)
      await expect(complete()).rejects.toMatchObject({ name: "NoSuchUpload" })
    })

    it.each([0, 100_000, 300_000, Infinity])(
      "reset after %d bytes: the connection is reset, nothing stored",
      async (afterBytes) => {
        strike({ type: "reset", afterBytes })
        await expect(put("a")).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) })
        await until(() => server.requests.every(({ status }) => status !== undefined))
        expect(await stored("a")).toBeUndefined()
      }
    )

    it("reset in an answer: the reader gets no more than so many bytes", async () => {
      await put("a")
      faults.add({ match: { op: "GetObject" }, action: { type: "reset", afterBytes: 100_000 } })
      const { Body } = await s3.send(new GetObjectCommand(at("a")))
      await expect(Body?.transformToByteArray()).rejects.toThrow()
    })

    it("reset and stall also strike where there is no body", async () => {
      const { abort } = await upload("a")
      faults.add({ match: { op: "AbortMultipartUpload" }, action: { type: "reset", afterBytes: 0 } })
      await expect(abort()).rejects.toMatchObject({ code: "ECONNRESET" })
      expect(server.openUploads()).toHaveLength(1)
    })

    it.each([0, 100_000, Infinity])("stall after %d bytes: no answer until the server closes", async (afterBytes) => {
      strike({ type: "stall", afterBytes })
      const answer = put("a").catch((error: unknown) => error)
      await until(() => faults.hits.length === 1)
      expect(place.requests).toMatchObject([{ op: "PutObject", status: undefined }])
      await place.close()
      expect(await answer).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) })
      expect(place.requests).toMatchObject([{ status: "dropped" }])
    })

    it("stall: a client that gives up gets on with its life", async () => {
      strike({ type: "stall", afterBytes: Infinity })
      const giveUp = new AbortController()
      const first = s3.send(new PutObjectCommand({ ...at("a"), Body: body }), { abortSignal: giveUp.signal })
      await until(() => faults.hits.length === 1)
      giveUp.abort()
      await expect(first).rejects.toMatchObject({ name: "AbortError" })
      await put("a")
      await until(() => place.requests[0]?.status === "dropped")
    })

    it("corrupt: a flipped bit is found before anything is stored, and passes where nothing covers it", async () => {
      strike({ type: "corrupt", byte: 299_999 })
      await expect(put("a")).rejects.toMatchObject({ name: "XAmzContentSHA256Mismatch" })
      faults.add({ match: { op: "UploadPart" }, action: { type: "corrupt", byte: 0 } })
      const { UploadId = "" } = await s3.send(new CreateMultipartUploadCommand(at("b")))
      const part = await fetch(url("/media/b", { uploadId: UploadId, partNumber: "1" }), {
        method: "PUT",
        body,
        headers: { "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" }
      })
      expect([part.status, /<Code>(\w+)/.exec(await part.text())?.[1]]).toEqual([400, "BadDigest"])
      expect(server.openUploads()[0]?.parts).toEqual([])
      strike({ type: "corrupt", byte: 7 })
      expect((await fetch(url("/media/b"), { method: "PUT", body })).status).toBe(200)
      const flipped = Buffer.from(body)
      flipped[7] = (flipped[7] ?? 0) ^ 1
      expect(flipped.equals(Buffer.from((await server.object("media", "b")) ?? []))).toBe(true)
    })

    it("wrongETag: the answer names another object's ETag, in header or body", async () => {
      const right = (await put("a")).ETag
      faults.add({ action: { type: "wrongETag" }, times: 2 })
      const wrong = (await put("a")).ETag
      expect(wrong).toMatch(/^"[0-9a-f]{32}"$/)
      expect(wrong).not.toBe(right)
      expect((await s3.send(new HeadObjectCommand(at("a")))).ETag).toBe(wrong)
      expect((await s3.send(new HeadObjectCommand(at("a")))).ETag).toBe(right)
      const { complete } = await upload("b")
      faults.add({ match: { op: "CompleteMultipartUpload" }, action: { type: "wrongETag" } })
      expect((await complete()).ETag).toBe(`"${"0".repeat(32)}-1"`)
    })
  })

  describe("rules", () => {
    const slowDown: FaultAction = { type: "status", status: 503, code: "SlowDown" }
    const outcomes = async (...keys: ReadonlyArray<string>) => {
      const seen: Array<string> = []
      for (const key of keys)
        seen.push(
          await put(key).then(
            () => "ok",
            (error: Error) => error.name
          )
        )
      return seen
    }

    it("strike once unless told otherwise, from the nth match on", async () => {
      faults.add({ action: slowDown, match: { nth: 2 }, times: 2 })
      expect(await outcomes("a", "a", "a", "a")).toEqual(["ok", "SlowDown", "SlowDown", "ok"])
    })

    it("match by key, by pattern and by attempt", async () => {
      faults.add({ action: slowDown, match: { key: "a" } })
      faults.add({ action: slowDown, match: { key: /^dir\// }, times: Infinity })
      faults.add({ action: slowDown, match: { key: "c", attempt: 2 } })
      expect(await outcomes("b", "a", "a")).toEqual(["ok", "SlowDown", "ok"])
      expect(await outcomes("dir/1", "dir/2")).toEqual(["SlowDown", "SlowDown"])
      expect(await outcomes("c", "c", "c")).toEqual(["ok", "SlowDown", "ok"])
    })

    it("count their hits, and end when removed", async () => {
      const fault = faults.add({ action: slowDown, times: Infinity })
      await outcomes("a", "a")
      expect(fault.hits).toBe(2)
      fault.remove()
      faults.add({ action: slowDown })
      faults.clear()
      expect(await outcomes("a")).toEqual(["ok"])
      expect(faults.hits).toMatchObject([
        { op: "PutObject", key: "a", attempt: 1, action: "status" },
        { op: "PutObject", key: "a", attempt: 2, action: "status" }
      ])
    })
  })
})

describe("in the server alone", () => {
  beforeEach(async () => {
    server = await startS3({ buckets: ["media"] })
    faults = server.faults
    const { endpoint, region, credentials } = server
    s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })
  })

  afterEach(async () => {
    s3.destroy()
    await server.close()
  })

  it("ignoreSse: encryption asked for is not echoed and not kept, as by a server without it", async () => {
    const encrypted = (Key: string) =>
      s3.send(new CreateMultipartUploadCommand({ ...at(Key), ServerSideEncryption: "AES256" }))
    expect((await encrypted("a")).ServerSideEncryption).toBe("AES256")
    faults.add({ action: { type: "ignoreSse" } })
    expect((await encrypted("a")).ServerSideEncryption).toBeUndefined()
    await using without = await startS3({ buckets: ["media"], serverSideEncryption: false })
    const { endpoint, region, credentials } = without
    const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
    const answer = await client.send(new PutObjectCommand({ ...at("a"), Body: "x", ServerSideEncryption: "AES256" }))
    client.destroy()
    expect(answer.ServerSideEncryption).toBeUndefined()
  })
  it("all apply to a request that several match", async () => {
    faults.add({ action: { type: "dropAfterCommit" } })
    faults.add({ action: { type: "ignoreSse" } })
    const encrypted = s3.send(new PutObjectCommand({ ...at("a"), Body: body, ServerSideEncryption: "AES256" }))
    await expect(encrypted).rejects.toMatchObject({ code: "ECONNRESET" })
    expect(faults.hits.map(({ action }) => action)).toEqual(["dropAfterCommit", "ignoreSse"])
    expect((await s3.send(new HeadObjectCommand(at("a")))).ServerSideEncryption).toBeUndefined()
  })
})

/** Yields to the event loop until something has happened. */
async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await new Promise((resolve) => setImmediate(resolve))
}
