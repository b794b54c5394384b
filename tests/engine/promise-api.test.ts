/** What stands beside uploads in the promise API: the bucket as a whole, signals, names of lib-storage's. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CreateMultipartUploadCommand, S3Client } from "@aws-sdk/client-s3"
import { Journal, Objects, Plugin, S3ObjectStore, Uploader } from "@sluice/core"
import { corsRules, createSluice, lifecycleRules, type Sluice, type SluiceOptions, s3 } from "@sluice/core/promise"
import { fetchS3 } from "@sluice/core/s3/FetchObjectStore"
import { startS3 } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { afterAll, afterEach, beforeAll, expect, it } from "vitest"
import { MiB, pattern } from "./bytes.ts"
import { foreignAgent, openRequests } from "./connections.ts"
import { freshKey, quick } from "./trial.ts"

const bucket = "media"
const hour = 3_600_000
/** How far the store's clock is ahead. */
let ahead = 0
let server: Awaited<ReturnType<typeof startS3>>
let folder: string
beforeAll(async () => {
  server = await startS3({ buckets: [bucket], clock: () => Date.now() + ahead })
  folder = await mkdtemp(join(tmpdir(), "sluice-promise-api-"))
})
afterEach(() => {
  ahead = 0
  server.faults.clear()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const place = () => ({ bucket, endpoint: server.endpoint, region: server.region, credentials: server.credentials })
const open = (options: Partial<SluiceOptions> = {}): Sluice =>
  createSluice({ ...quick, store: s3(place()), ...options })

const refuseParts = () =>
  server.faults.add({ match: { op: "UploadPart" }, action: { type: "status", status: 403, code: "AccessDenied" } })

/** A journal that is kept, with an upload in it that failed. */
const withKeptUpload = async () => {
  const journal = Layer.succeed(Journal.Journal, { ...(await Effect.runPromise(Journal.makeMemory)), durable: true })
  refuseParts()
  await using sluice = open({ journal, onFailure: "keep" })
  const body = pattern(6 * MiB)
  await expect(sluice.upload({ key: freshKey(), body }).done()).rejects.toMatchObject({
    reason: { _tag: "AccessDenied" }
  })
  server.faults.clear()
  expect(server.openUploads()).toHaveLength(1)
  return journal
}

it("sweep ends what nobody came back for, as the journal names it", async () => {
  await using sluice = open({ journal: await withKeptUpload() })
  expect((await sluice.sweep({ olderThanMs: hour })).counts.abandoned).toBe(0)
  await expect.poll(async () => (await sluice.sweep({ olderThanMs: 0 })).counts.abandoned).toBe(1)
  expect(server.openUploads()).toEqual([])
  expect(await sluice.sessions()).toEqual([])
})

it("sweepBucket tells of old uploads whoever began them, and ends them when it is told to", async () => {
  const client = new S3Client({ ...place(), forcePathStyle: true, requestHandler: { httpAgent: foreignAgent } })
  const Key = freshKey("foreign")
  await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }))
  client.destroy()
  await using sluice = open()
  const asked = { olderThanMs: hour, prefix: Key }
  expect((await sluice.sweepBucket(asked)).counts).toMatchObject({ young: 1, old: 0 })
  ahead = 2 * hour
  expect(await sluice.sweepBucket(asked)).toMatchObject({ dryRun: true, counts: { old: 1, ended: 0 } })
  expect(server.openUploads()).toHaveLength(1)
  const seen: Array<string> = []
  const { counts } = await sluice.sweepBucket({ ...asked, dryRun: false, onUpload: ({ key }) => seen.push(key) })
  expect([counts.ended, seen]).toEqual([1, [Key]])
  expect(server.openUploads()).toEqual([])
})

it("applyLifecycle and applyCors bring the rules once, and write nothing in a dry run", async () => {
  await using sluice = open()
  const lifecycle = lifecycleRules({ expire: [{ prefix: "tmp/", days: 7 }] })
  const cors = corsRules({ origins: ["https://app.example.com"] })
  const written = async (options?: { dryRun: boolean }) => [
    (await sluice.applyLifecycle(lifecycle, options)).written,
    (await sluice.applyCors(cors, options)).written
  ]
  expect(await written({ dryRun: true })).toEqual([false, false])
  expect(await written()).toEqual([true, true])
  expect(await written()).toEqual([false, false])
  expect((await sluice.applyLifecycle([])).rules.map(({ ID }) => ID)).toEqual(lifecycle.map(({ ID }) => ID))
})

it("what needs the bucket's settings says so where the store has none", async () => {
  await using sluice = open({ store: fetchS3(place()) })
  const refused = { reason: { _tag: "InvalidRequest" }, message: expect.stringContaining("S3Bucket.layer") }
  await expect(sluice.applyCors([])).rejects.toMatchObject(refused)
  await expect(sluice.sweepBucket({ olderThanMs: hour })).rejects.toMatchObject(refused)
})

it("advise and capabilities speak of this store, with the options of this engine", async () => {
  await using sluice = open({ store: s3({ ...place(), provider: "r2" }), partSize: 16 * MiB })
  expect((await sluice.capabilities()).provider).toBe("r2")
  const size = 160 * MiB
  expect(await sluice.advise({ size })).toMatchObject({ mode: "multipart", partSize: 16 * MiB, parts: 10 })
  expect((await sluice.advise({ size, queueSize: 1 })).memory).toBe(32 * MiB)
  await expect(sluice.advise({ size: -1 })).rejects.toMatchObject({ reason: { _tag: "InvalidRequest" } })
})

it("queueSize is concurrency; both at once are refused", async () => {
  let [inFlight, most] = [0, 0]
  const seen = Latch.makeUnsafe(false)
  /** Holds parts back until as many are on their way as there may be. */
  const watch = Plugin.make({
    name: "watch",
    open: () =>
      Effect.succeed({
        send: (part, next) =>
          Effect.suspend(() => {
            most = Math.max(most, ++inFlight)
            if (inFlight === 3) Latch.openUnsafe(seen)
            return Effect.ensuring(
              Effect.andThen(seen.await, next(part)),
              Effect.sync(() => inFlight--)
            )
          })
      })
  })
  await using sluice = open({ queueSize: 1, plugins: [watch] })
  const body = pattern(16 * MiB)
  await sluice.upload({ key: freshKey(), body, queueSize: 3 }).done()
  expect(most).toBe(3)
  most = 0
  await sluice.upload({ key: freshKey(), body }).done()
  expect(most).toBe(1)
  const both = { queueSize: 2, concurrency: 2 }
  const refused = { reason: { _tag: "InvalidRequest" } }
  await expect(sluice.upload({ key: freshKey(), body, ...both }).done()).rejects.toMatchObject(refused)
  expect(() => open(both)).toThrow("another name for concurrency")
})

it("an upload that is disposed of is aborted; one that has ended stays", async () => {
  await using sluice = open()
  const keys = [freshKey(), freshKey()] as const
  {
    await using running = sluice.upload({
      key: keys[0],
      body: new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(6 * MiB)),
        cancel: () => undefined
      })
    })
    await expect.poll(() => server.openUploads().length).toBe(1)
    await using ended = sluice.upload({ key: keys[1], body: pattern(10) })
    await ended.done()
    expect(running.progress().state).toBe("uploading")
  }
  expect(server.openUploads()).toEqual([])
  expect(await server.object(bucket, keys[0])).toBeUndefined()
  expect(await server.object(bucket, keys[1])).toHaveLength(10)
})

it("a reading that is disposed of leaves no request", async () => {
  await using sluice = open()
  const key = freshKey()
  await sluice.upload({ key, body: pattern(4 * MiB) }).done()
  {
    await using reading = await sluice.read({ key, partSize: MiB })
    await reading.stream.getReader().read()
  }
  expect(openRequests(server.endpoint)).toEqual([])
})

it("a copy from what createSluice did not make is refused, not taken from the own store", async () => {
  await using sluice = open()
  const key = freshKey()
  await sluice.upload({ key, body: pattern(10) }).done()
  await expect(sluice.copy({ from: { key, sluice: { ...sluice } }, to: { key: `${key}-2` } })).rejects.toMatchObject({
    reason: { _tag: "InvalidRequest" }
  })
})

const first = async (items: AsyncIterable<unknown>): Promise<unknown> => {
  for await (const item of items) return item
  return undefined
}

/** Everything that asks the store something; uploads have their own tests. */
const calls: Partial<Record<keyof Sluice, (sluice: Sluice, key: string, signal: AbortSignal) => Promise<unknown>>> = {
  head: (sluice, key, signal) => sluice.head(key, { signal }),
  read: (sluice, key, signal) => sluice.read({ key, signal }),
  download: (sluice, key, signal) => sluice.download({ key, to: join(folder, "file"), signal }),
  source: (sluice, key, signal) => sluice.source({ key, signal }),
  copy: (sluice, key, signal) => sluice.copy({ from: { key }, to: { key: `${key}-copy` }, signal }),
  versions: (sluice, key, signal) => first(sluice.versions(key, { signal })),
  restore: (sluice, key, signal) => sluice.restore(key, "null", { signal }),
  get: (sluice, key, signal) => sluice.get(key, { signal }),
  verify: (sluice, key, signal) => sluice.verify({ key, body: pattern(10), signal }),
  remove: (sluice, key, signal) => sluice.remove(key, { signal }),
  list: (sluice, key, signal) => first(sluice.list({ prefix: key, signal })),
  openUploads: (sluice, key, signal) => first(sluice.openUploads({ prefix: key, signal })),
  ready: (sluice, _, signal) => sluice.ready({ signal }),
  sweepBucket: (sluice, _, signal) => sluice.sweepBucket({ olderThanMs: hour, signal }),
  applyLifecycle: (sluice, _, signal) => sluice.applyLifecycle(lifecycleRules(), { signal }),
  applyCors: (sluice, _, signal) => sluice.applyCors(corsRules({ origins: ["*"] }), { signal })
}
/** These ask nobody, but for the journal. */
const silent: ReadonlyArray<keyof Sluice> = ["advise", "bucket", "capabilities", "describe", "dispose", "sessions"]
/** These have tests of their own. */
const elsewhere: ReadonlyArray<keyof Sluice> = ["cancel", "resume", "sweep", "upload", "uploadAll"]

it("every method is among those whose signal is tested, or has a reason why not", async () => {
  await using sluice = open()
  expect(Object.keys(sluice).sort()).toEqual([...Object.keys(calls), ...silent, ...elsewhere].sort())
})

it.each(Object.entries(calls))("%s, whose signal is aborted, rejects and leaves no request", async (_, call) => {
  await using sluice = open()
  const key = freshKey()
  await sluice.upload({ key, body: pattern(10) }).done()
  server.faults.add({ match: {}, action: { type: "stall", afterBytes: 0 }, times: 100 })
  const controller = new AbortController()
  const outcome = call(sluice, key, controller.signal).then(
    () => "resolved",
    (error: unknown) => error
  )
  await expect.poll(() => openRequests(server.endpoint).length).toBeGreaterThan(0)
  controller.abort()
  expect(await outcome).toMatchObject({ name: "AbortError" })
  expect(openRequests(server.endpoint)).toEqual([])
  await expect(call(sluice, key, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" })
  server.faults.clear()
})

it("a sweep or a cancel whose signal was aborted does nothing, and holds nothing", async () => {
  await using sluice = open({ journal: await withKeptUpload() })
  const [{ sessionId = "" } = {}] = await sluice.sessions()
  const signal = AbortSignal.abort()
  await expect(sluice.sweep({ olderThanMs: 0, signal })).rejects.toMatchObject({ name: "AbortError" })
  await expect(sluice.cancel(sessionId, { signal })).rejects.toMatchObject({ name: "AbortError" })
  expect(server.openUploads()).toHaveLength(1)
  await sluice.cancel(sessionId)
  expect(server.openUploads()).toEqual([])
})

it("Objects lists objects and open uploads as streams, a page at a time", async () => {
  const client = new S3Client({ ...place(), forcePathStyle: true, requestHandler: { httpAgent: foreignAgent } })
  const prefix = `${freshKey("listed")}/`
  await using sluice = open()
  for (const name of ["a", "b", "c"]) await sluice.upload({ key: prefix + name, body: pattern(3) }).done()
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: `${prefix}open` }))
  client.destroy()
  const live = Objects.Objects.layer(quick).pipe(
    Layer.provideMerge(Uploader.layer(quick)),
    Layer.provide([S3ObjectStore.layer(place()), Journal.layerMemory])
  )
  const listed = await Effect.gen(function* () {
    const objects = yield* Objects.Objects
    const keys = Stream.map(objects.list({ prefix }), ({ key }) => key)
    const uploads = Stream.map(objects.openUploads({ prefix }), ({ uploadId }) => uploadId)
    return [yield* Stream.runCollect(keys), yield* Stream.runCollect(uploads)]
  }).pipe(Effect.provide(live), Effect.runPromise)
  expect(listed).toEqual([["a", "b", "c"].map((name) => prefix + name), [UploadId]])
  await sluice.resume({ key: `${prefix}open` }, { body: pattern(3) }).abort()
})
