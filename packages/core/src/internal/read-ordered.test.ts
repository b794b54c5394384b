import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import { defaults, slabSize } from "../Defaults.ts"
import { MiB, profiles } from "../Limits.ts"
import type { GetObject, ObjectHead, ObjectStoreApi } from "../ObjectStore.ts"
import { type ByteIterator, readOrdered } from "./read-ordered.ts"
import { type ReadRun, readRange } from "./read-range.ts"
import { makeSlabPool } from "./slab-pool.ts"

const pattern = (size: number): Uint8Array => new Uint8Array(size).map((_, i) => (i * 31 + (i >> 8)) % 256)

interface FakeStore {
  readonly api: ObjectStoreApi
  readonly asked: ReadonlyArray<GetObject>
  /** Bytes that were pulled out of answers. */
  readonly given: () => number
  /** Answers that are neither at their end nor cancelled. */
  readonly open: () => number
}

/** A store of one object, in chunks of so many bytes. `breakAt` tells after how many bytes the nth answer breaks. */
const storeOf = (
  bytes: Uint8Array,
  chunkSize: number,
  breakAt: (nth: number) => number = () => Number.POSITIVE_INFINITY
): FakeStore => {
  const asked: Array<GetObject> = []
  let given = 0
  let open = 0
  const unused = Effect.die("not in this store")
  const bodyOf = (from: number, end: number, breaks: number): ReadableStream<Uint8Array> => {
    let at = from
    open++
    return new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          if (at - from >= breaks) {
            open--
            return controller.error(new Error("reset"))
          }
          if (at === end) {
            open--
            return controller.close()
          }
          const chunk = bytes.slice(at, Math.min(end, at + chunkSize, from + breaks))
          at += chunk.length
          given += chunk.length
          controller.enqueue(chunk)
        },
        cancel: () => {
          open--
        }
      },
      { highWaterMark: 0 }
    )
  }
  const head: ObjectHead = {
    key: "a",
    size: bytes.length,
    etag: "e",
    versionId: undefined,
    lastModified: undefined,
    crc32: undefined,
    serverSideEncryption: undefined
  }
  const api: ObjectStoreApi = {
    bucket: "media",
    capabilities: profiles.generic,
    location: (key) => key,
    createMultipartUpload: () => unused,
    uploadPart: () => unused,
    completeMultipartUpload: () => unused,
    abortMultipartUpload: () => unused,
    listParts: () => unused,
    listMultipartUploads: () => unused,
    putObject: () => unused,
    headObject: () => Effect.succeed(head),
    deleteObject: () => unused,
    headBucket: () => unused,
    getObject: (input) =>
      Effect.sync(() => {
        asked.push(input)
        const { range } = input
        const start = range !== undefined && "start" in range ? range.start : 0
        const end = range !== undefined && "start" in range && range.end !== undefined ? range.end + 1 : bytes.length
        const contentLength = end - start
        return { ...head, body: bodyOf(start, end, breakAt(asked.length)), contentLength, contentRange: undefined }
      })
  }
  return { api, asked, given: () => given, open: () => open }
}

const runOf = (store: ObjectStoreApi, size: number, options: Partial<ReadRun["options"]>): ReadRun => ({
  store,
  options: { ...defaults, retryBaseMs: 1, retryCapMs: 1, ...options },
  head: {
    key: "a",
    size,
    etag: "e",
    versionId: undefined,
    lastModified: undefined,
    crc32: undefined,
    serverSideEncryption: undefined
  },
  versionId: undefined,
  onRetry: () => undefined
})

const read = (run: ReadRun, range: { readonly offset: number; readonly size: number }, pool = makeSlabPool(64 * MiB)) =>
  Effect.runSync(Effect.map(Effect.context<never>(), (services) => readOrdered(run, pool.join(), services, range)))

const collect = async (bytes: ByteIterator): Promise<Uint8Array> => {
  const chunks: Array<Uint8Array> = []
  for (let next = await bytes.next(); next.done !== true; next = await bytes.next()) chunks.push(next.value.slice())
  return Buffer.concat(chunks)
}

/** Until nothing happens any more that needs no reader. */
const settled = async (store: FakeStore): Promise<void> => {
  for (let quiet = 0, before = -1; quiet < 20; quiet++) {
    if (store.given() !== before) quiet = 0
    before = store.given()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

it("whatever the sizes and wherever answers break, the bytes come once and in order", async () => {
  const whole = pattern(3 * MiB)
  const breaks = fc.array(fc.integer({ min: 256 * 1024, max: MiB }), { maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1_000, max: 200_000 }),
      fc.integer({ min: 100_000, max: 2 * MiB }),
      fc.integer({ min: 1, max: 5 }),
      fc.nat(2 * MiB),
      fc.nat(MiB),
      breaks,
      async (chunkSize, partSize, concurrency, offset, size, breaks) => {
        const store = storeOf(whole, chunkSize, (nth) => breaks[nth - 1] ?? Number.POSITIVE_INFINITY)
        const pool = makeSlabPool(4 * MiB)
        const got = await collect(
          read(runOf(store.api, whole.length, { partSize, concurrency }), { offset, size }, pool)
        )
        expect(Buffer.compare(got, whole.subarray(offset, offset + size))).toBe(0)
        expect(store.given()).toBe(size)
        expect([pool.inUse(), store.open()]).toEqual([0, 0])
      }
    ),
    { numRuns: 40 }
  )
})

it("a reader that waits holds what was read ahead, which is no more than its other ranges, and no more comes", async () => {
  const whole = pattern(8 * MiB)
  const store = storeOf(whole, 64 * 1024)
  const pool = makeSlabPool(64 * MiB)
  const bytes = read(
    runOf(store.api, whole.length, { partSize: MiB, concurrency: 3 }),
    { offset: 0, size: whole.length },
    pool
  )
  expect(store.asked).toEqual([])
  await bytes.next()
  await settled(store)
  expect(store.asked).toHaveLength(3)
  expect(pool.inUse()).toBe(2 * MiB)
  // One chunk in the reader's hand.
  expect(store.given()).toBe(2 * MiB + 64 * 1024)
  await bytes.return()
  expect([pool.inUse(), store.open()]).toEqual([0, 0])
})

it("what is read ahead leaves half of the budget to uploads, and without spare memory a reading still ends", async () => {
  const whole = pattern(8 * MiB)
  const store = storeOf(whole, 64 * 1024)
  const pool = makeSlabPool(4 * MiB)
  const bytes = read(
    runOf(store.api, whole.length, { partSize: MiB, concurrency: 8 }),
    { offset: 0, size: whole.length },
    pool
  )
  const first = await bytes.next()
  await settled(store)
  expect(pool.inUse()).toBe(2 * MiB)
  // The largest part that uploads hold in memory is half of the budget: it waits for no reader.
  const ticket = pool.join().open(2 * MiB)
  const slabs = await ticket.take(8, new AbortController().signal)
  expect(slabs).toHaveLength((2 * MiB) / slabSize)
  const rest = await collect(bytes)
  expect(Buffer.compare(Buffer.concat([first.value ?? new Uint8Array(0), rest]), whole)).toBe(0)
  expect(pool.inUse()).toBe(2 * MiB)
})

it("an answer of other bytes than were asked for is none", async () => {
  const whole = pattern(1_000)
  const { api } = storeOf(whole, 100)
  const wrong = (answer: () => object): ObjectStoreApi => ({
    ...api,
    getObject: (input) => Effect.map(api.getObject(input), (content) => ({ ...content, ...answer() }))
  })
  const range = { offset: 0, size: 500 }
  const failing = (answer: () => object) => collect(read(runOf(wrong(answer), 1_000, { maxAttempts: 2 }), range))
  await expect(failing(() => ({ etag: "other" }))).rejects.toThrow(/^PreconditionFailed/)
  await expect(failing(() => ({ contentLength: 1_000 }))).rejects.toThrow(/^InvalidResponse/)
  await expect(failing(() => ({ size: 999 }))).rejects.toThrow(/^InvalidResponse/)
  await expect(failing(() => ({ body: new Blob([new Uint8Array(501)]).stream() }))).rejects.toThrow(/^InvalidResponse/)
  await expect(failing(() => ({ body: new Blob([new Uint8Array(0)]).stream() }))).rejects.toThrow(/^Unavailable/)
})

it("a reader that takes its time is no silence of the store, and its waiting is no trouble", async () => {
  const whole = pattern(10_000)
  const store = storeOf(whole, 1_000, (nth) => (nth < 4 ? 2_000 : Number.POSITIVE_INFINITY))
  const run = runOf(store.api, whole.length, { stallTimeoutMs: 1_000, attemptTimeoutMs: 5_000, retryWithinMs: 60_000 })
  let taken = 0
  const program = Effect.gen(function* () {
    const clock = yield* Effect.context<never>()
    const slow = () => Effect.runPromiseWith(clock)(Effect.sleep("1 hour")).then(() => void taken++)
    const fiber = yield* Effect.forkChild(readRange(run, { offset: 0, size: whole.length }, slow))
    for (let hours = 0; hours < 200 && taken < 10; hours++) {
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* TestClock.adjust("30 minutes")
    }
    yield* Fiber.join(fiber)
  })
  await Effect.runPromise(Effect.provide(program, TestClock.layer()))
  expect([taken, store.given(), store.asked.length]).toEqual([10, 10_000, 4])
})
