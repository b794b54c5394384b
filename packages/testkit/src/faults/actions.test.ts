/** Faults that need more than one request, time, or a proxy to be seen. */
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
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { presign } from "../../test/behaviour/presign.ts"
import {
  type FaultInjector,
  type FaultInjectorOptions,
  type FaultRule,
  type FaultyS3Server,
  type ManualClock,
  manualClock,
  recordingProxy,
  startS3
} from "../index.ts"

let server: FaultyS3Server
let faults: FaultInjector
let clock: ManualClock
let s3: S3Client
let stop: () => Promise<void>

const at = (Key: string) => ({ Bucket: "media", Key })
const body = randomBytes(100_000)
const put = (Key: string, Body: Uint8Array = body) => s3.send(new PutObjectCommand({ ...at(Key), Body }))
const stored = async (key: string) => (await server.object("media", key))?.length
const client = (endpoint: string) =>
  new S3Client({
    endpoint,
    region: server.region,
    credentials: server.credentials,
    forcePathStyle: true,
    maxAttempts: 1,
    responseChecksumValidation: "WHEN_REQUIRED"
  })

const settled = <A>(promise: Promise<A>) => {
  const state = { over: false }
  promise.then(
    () => {
      state.over = true
    },
    () => {
      state.over = true
    }
  )
  return state
}

/** Yields to the event loop until something has happened. */
async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await new Promise((resolve) => setImmediate(resolve))
}

/** Time for what could happen to happen. */
async function turns(): Promise<void> {
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve))
}

interface Standing {
  readonly endpoint: string
  readonly faults: FaultInjector
  readonly close: () => Promise<void>
}

describe.each([
  [
    "in the server",
    async (options: FaultInjectorOptions): Promise<Standing> => {
      server = await startS3({ buckets: ["media"], faults: options })
      return server
    }
  ],
  [
    "in a proxy before it",
    async (options: FaultInjectorOptions): Promise<Standing> => {
      server = await startS3({ buckets: ["media"] })
      return recordingProxy(server.endpoint, { faults: options, credentials: server.credentials })
    }
  ]
])("%s", (_, begin) => {
  beforeEach(async () => {
    clock = manualClock()
    const standing = await begin({ clock, seed: 5 })
    faults = standing.faults
    s3 = client(standing.endpoint)
    stop = async () => {
      await standing.close()
      await server.close()
    }
  })

  afterEach(async () => {
    s3.destroy()
    await stop()
  })

  it("delay: nothing happens before its time has come", async () => {
    faults.add({ action: { type: "delay", ms: 60_000 } })
    const answer = put("a")
    const state = settled(answer)
    await until(() => clock.sleeping === 1)
    clock.advance(59_999)
    await turns()
    expect([state.over, await stored("a")]).toEqual([false, undefined])
    clock.advance(1)
    await answer
    expect(await stored("a")).toBe(body.length)
  })

  it("delay after: the operation is applied, its answer late", async () => {
    faults.add({ match: { phase: "after" }, action: { type: "delay", ms: 60_000 } })
    const answer = put("a")
    await until(() => clock.sleeping === 1)
    expect(await stored("a")).toBe(body.length)
    clock.advance(60_000)
    await answer
  })

  it("slow: the body is read at so many bytes a second", async () => {
    faults.add({ action: { type: "slow", bytesPerSecond: 10_000 } })
    const answer = put("a")
    const state = settled(answer)
    let ms = 0
    while (!state.over) {
      await until(() => state.over || clock.sleeping > 0)
      if (clock.sleeping === 0) continue
      clock.advance(100)
      ms += 100
    }
    await answer
    // In steps of 100 ms, and pieces end where the socket's chunks do.
    expect(ms).toBeGreaterThanOrEqual(10_000)
    expect(ms).toBeLessThan(11_000)
  })

  it("slow in an answer, sliced: the reader gets every byte", async () => {
    await put("a")
    faults.add({ match: { op: "GetObject" }, action: { type: "slow", bytesPerSecond: 1_000_000 } })
    faults.add({ match: { op: "GetObject" }, action: { type: "slice", bytes: 7_000 } })
    const read = s3.send(new GetObjectCommand(at("a"))).then(({ Body }) => Body?.transformToByteArray())
    const state = settled(read)
    while (!state.over) {
      clock.advance(10)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(Buffer.from((await read) ?? []).equals(body)).toBe(true)
  })

  it.each(["before", "after"] as const)("hang %s: the body is taken, and there is never an answer", async (phase) => {
    faults.add({ match: { phase }, action: { type: "hang" } })
    const giveUp = new AbortController()
    const answer = s3.send(new PutObjectCommand({ ...at("a"), Body: body }), { abortSignal: giveUp.signal })
    answer.catch(() => {})
    await until(() => faults.hits.length === 1)
    while (phase === "after" && (await stored("a")) === undefined) await new Promise((resolve) => setImmediate(resolve))
    giveUp.abort()
    await expect(answer).rejects.toMatchObject({ name: "AbortError" })
    expect(await stored("a")).toBe(phase === "after" ? body.length : undefined)
  })

  it("halfClose: the client sees the end of the connection and no answer", async () => {
    faults.add({ action: { type: "halfClose", afterBytes: 50_000 } })
    await expect(put("a")).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) })
    expect(await stored("a")).toBeUndefined()
  })

  it("truncate: the store gets some of the bytes and stores none", async () => {
    faults.add({ action: { type: "truncate", afterBytes: 50_000 } })
    await expect(put("a")).rejects.toBeInstanceOf(Error)
    expect(await stored("a")).toBeUndefined()
  })

  it("truncate in an answer: a document that breaks off, and a connection that does not", async () => {
    faults.add({
      match: { op: "CreateMultipartUpload", phase: "response" },
      action: { type: "truncate", afterBytes: 60 }
    })
    await expect(s3.send(new CreateMultipartUploadCommand(at("a")))).rejects.toMatchObject({ name: "Error" })
    expect(server.openUploads()).toHaveLength(1)
  })

  it("corrupt in an answer, where the seed says", async () => {
    await put("a")
    faults.add({ match: { op: "GetObject" }, action: { type: "corrupt" } })
    const read = (await (await s3.send(new GetObjectCommand(at("a")))).Body?.transformToByteArray()) ?? []
    expect([...read].filter((byte, i) => byte !== body[i])).toHaveLength(1)
  })

  it("wrongChecksum: the answer names a checksum that is not the object's", async () => {
    const { ChecksumCRC32 } = await put("a")
    faults.add({ action: { type: "wrongChecksum" } })
    const wrong = await put("a")
    expect(wrong.ChecksumCRC32).toBe("AAAAAA==")
    expect(ChecksumCRC32).not.toBe(wrong.ChecksumCRC32)
  })

  it("wrongChecksum in a document", async () => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...at("a"), ChecksumAlgorithm: "CRC32" }))
    const part = { ...at("a"), UploadId, PartNumber: 1 }
    const { ETag, ChecksumCRC32 } = await s3.send(new UploadPartCommand({ ...part, Body: body }))
    faults.add({ match: { op: "CompleteMultipartUpload" }, action: { type: "wrongChecksum" } })
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag, ChecksumCRC32 }] }
    const complete = await s3.send(new CompleteMultipartUploadCommand({ ...at("a"), UploadId, MultipartUpload }))
    expect(complete.ChecksumCRC32).toMatch(/^AAAAAA==/)
  })

  it("hideSse: the object is encrypted, and the answer does not say so", async () => {
    faults.add({ action: { type: "hideSse" } })
    const answer = await s3.send(new PutObjectCommand({ ...at("a"), Body: body, ServerSideEncryption: "AES256" }))
    expect(answer.ServerSideEncryption).toBeUndefined()
    expect((await s3.send(new HeadObjectCommand(at("a")))).ServerSideEncryption).toBe("AES256")
  })

  it("duplicate: applied twice, answered once", async () => {
    faults.add({ match: { op: "PutObject" }, action: { type: "duplicate" } })
    await put("a")
    expect(await stored("a")).toBe(body.length)
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at("b")))
    faults.add({ match: { op: "AbortMultipartUpload" }, action: { type: "duplicate" } })
    const abort = s3.send(new AbortMultipartUploadCommand({ ...at("b"), UploadId }))
    await expect(abort).rejects.toMatchObject({ name: "NoSuchUpload" })
  })

  it("swap: two requests get each other's answers", async () => {
    faults.add({ action: { type: "swap" }, times: 2 })
    const other = randomBytes(10)
    const [first, second] = await Promise.all([put("a"), put("b", other)])
    const etag = async (key: string) => (await s3.send(new HeadObjectCommand(at(key)))).ETag
    expect([first.ETag, second.ETag]).toEqual([await etag("b"), await etag("a")])
  })

  it("keepAlive: white space for as long as it takes, then the answer", async () => {
    faults.add({ action: { type: "keepAlive", everyMs: 20_000, blanks: 30 } })
    const answer = s3.send(new CreateMultipartUploadCommand(at("a")))
    const state = settled(answer)
    let blanks = 0
    while (!state.over) {
      await until(() => state.over || clock.sleeping > 0)
      if (clock.sleeping > 0) blanks += 1
      clock.advance(20_000)
    }
    expect((await answer).UploadId).toBeDefined()
    expect(blanks).toBe(30)
  })

  it("a page of a load balancer is no S3 answer", async () => {
    faults.add({ action: { type: "status", status: 502, code: "Bad Gateway", page: true, retryAfter: 3 } })
    await expect(put("a")).rejects.toMatchObject({
      $metadata: { httpStatusCode: 502 },
      $response: { headers: { "content-type": "text/html", "retry-after": "3" } }
    })
  })

  it("abortUpload: the upload is gone behind the client's back", async () => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at("a")))
    faults.add({ match: { op: "UploadPart" }, action: { type: "abortUpload" } })
    const part = s3.send(new UploadPartCommand({ ...at("a"), UploadId, PartNumber: 1, Body: body }))
    await expect(part).rejects.toMatchObject({ name: "NoSuchUpload" })
    expect(server.openUploads()).toEqual([])
  })

  it("expireCredentials: the key that was used is refused from then on, until the faults are cleared", async () => {
    faults.add({ match: { nth: 2 }, action: { type: "expireCredentials" } })
    await put("a")
    await expect(put("a")).rejects.toMatchObject({ name: "ExpiredToken" })
    await expect(put("a")).rejects.toMatchObject({ name: "ExpiredToken" })
    faults.clear()
    await put("a")
  })

  it("probability: the seed decides for each request, whatever the others do", async () => {
    const rule: FaultRule = {
      match: { op: "PutObject", probability: 0.5 },
      action: { type: "status", status: 503, code: "SlowDown" },
      times: Infinity
    }
    const struck = async (keys: ReadonlyArray<string>) => {
      faults.clear()
      faults.add({ ...rule, match: { ...rule.match, attempt: 1 } })
      const before = faults.hits.length
      await Promise.allSettled(keys.map((key) => put(key, body.subarray(0, 10))))
      return faults.hits
        .slice(before)
        .map(({ key }) => key)
        .sort()
    }
    faults.add({ ...rule, match: { ...rule.match, key: "again" } })
    for (let i = 0; i < 20; i++) await put("again", body.subarray(0, 10)).catch(() => {})
    expect(faults.hits.length, "another try, another chance").toBeGreaterThan(3)
    expect(faults.hits.length).toBeLessThan(17)

    const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`)
    const first = await struck(keys)
    expect(first.length).toBeGreaterThan(3)
    expect(first.length).toBeLessThan(17)
    await stop()
    const standing = await begin({ clock, seed: 5, rules: [] })
    faults = standing.faults
    s3 = client(standing.endpoint)
    stop = async () => {
      await standing.close()
      await server.close()
    }
    expect(await struck([...keys].reverse())).toEqual(first)
  })
})

describe("in the server alone", () => {
  it("clockJump: a signature of today is of another day from the next request on", async () => {
    await using running = await startS3({ buckets: ["media"] })
    running.faults.add({ action: { type: "clockJump", ms: -3_600_000 } })
    // Not by the SDK, which learns the new time from the first answer.
    const url = presign(running, { method: "PUT", path: "/media/a" })
    const status = async () => (await fetch(url, { method: "PUT", body })).status
    expect([await status(), await status()]).toEqual([200, 403])
    running.faults.clear()
    expect(await status()).toBe(200)
  })

  it("delays pass on the clock of Effect, too: under TestClock nothing sleeps", async () => {
    const program = Effect.gen(function* () {
      const effectClock = yield* Clock.Clock
      const sleep = (ms: number) => Effect.runPromise(effectClock.sleep(Duration.millis(ms)))
      const running = yield* Effect.promise(() => startS3({ buckets: ["media"], faults: { clock: { sleep } } }))
      server = running
      s3 = client(running.endpoint)
      running.faults.add({ action: { type: "delay", ms: 3_600_000 } })
      const fiber = yield* Effect.forkChild(Effect.promise(() => put("a")))
      yield* Effect.promise(() => until(() => running.faults.hits.length === 1))
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(fiber)
      expect(yield* Effect.promise(() => stored("a"))).toBe(body.length)
      s3.destroy()
      yield* Effect.promise(() => running.close())
    })
    await Effect.runPromise(Effect.provide(program, TestClock.layer()))
  })
})
