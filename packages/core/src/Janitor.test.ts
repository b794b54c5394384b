import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { type FaultyS3Server, startS3 } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { crc32, predictEtag } from "./Checksum.ts"
import * as FileJournal from "./FileJournal.ts"
import { Janitor, type JanitorOptions, type SweepReport } from "./Janitor.ts"
import { Journal, type JournalApi, makeMemory } from "./Journal.ts"
import { ObjectStore, type ObjectStoreApi } from "./ObjectStore.ts"
import type { PartReceipt } from "./Part.ts"
import * as Plugin from "./Plugin.ts"
import { metadataToken, type Session } from "./Session.ts"
import * as S3ObjectStore from "./s3/S3ObjectStore.ts"
import { type UploadError, uploadError } from "./UploadError.ts"

const day = 86_400_000
const bucket = "media"
const key = "talks/intro.mp4"
const token = "t".repeat(40)
const bytes = new TextEncoder().encode("the whole object")

interface World {
  readonly server: FaultyS3Server
  readonly store: ObjectStoreApi
  readonly journal: JournalApi
  readonly sweep: (
    options?: JanitorOptions & { readonly plugins?: ReadonlyArray<Plugin.Plugin> }
  ) => Effect.Effect<SweepReport, UploadError>
}

const temporary = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "sluice-janitor-"))),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
)

const journals: Readonly<Record<string, Effect.Effect<JournalApi, UploadError, Scope.Scope>>> = {
  memory: makeMemory,
  file: Effect.flatMap(temporary, FileJournal.make)
}

const makeWorld = Effect.fnUntraced(function* (makeJournal: Effect.Effect<JournalApi, UploadError, Scope.Scope>) {
  // The store's clock is the machine's.
  yield* TestClock.setTime(Date.now())
  const server = yield* Effect.acquireRelease(
    Effect.promise(() => startS3({ buckets: [bucket, "other"] })),
    (running) => Effect.promise(() => running.close())
  )
  const { endpoint, region, credentials } = server
  const stored = yield* Layer.build(
    S3ObjectStore.layer({ bucket, endpoint, region, credentials, forcePathStyle: true })
  )
  const journal = yield* makeJournal
  const store = yield* Effect.provideContext(ObjectStore, stored)
  const around = Layer.mergeAll(Layer.succeed(ObjectStore, store), Layer.succeed(Journal, journal))
  const world: World = {
    server,
    store,
    journal,
    sweep: ({ plugins = [], ...options } = {}) =>
      Janitor.pipe(
        Effect.flatMap((janitor) => janitor.sweep()),
        Effect.provide(Layer.provide(Janitor.layer({ ...options, plugins }), around))
      )
  }
  return world
})

/** A promise of the janitor, with every journal. */
const promise = (name: string, check: (world: World) => Effect.Effect<void, UploadError, Scope.Scope>): void => {
  for (const [journal, make] of Object.entries(journals)) {
    it.effect(`${name} (${journal} journal)`, () => Effect.flatMap(makeWorld(make), check))
  }
}

const newSession = (change: Partial<Session> = {}): Effect.Effect<Session> =>
  Effect.map(
    Effect.clockWith((clock) => clock.currentTimeMillis),
    (now): Session => ({
      format: 1,
      sessionId: "s",
      version: 1,
      state: "uploading",
      bucket,
      key,
      mode: "multipart",
      uploadId: undefined,
      writeToken: token,
      size: bytes.length,
      layout: { _tag: "Uniform", partSize: 8 * 1024 * 1024 },
      attributes: {},
      condition: {},
      checksum: "FULL_OBJECT",
      resumable: true,
      source: undefined,
      maxSize: undefined,
      suspects: [],
      plugins: [],
      pluginState: {},
      undelivered: [],
      createdAt: now,
      updatedAt: now,
      ...change
    })
  )

const begin = Effect.fnUntraced(function* ({ journal }: World, change: Partial<Session> = {}) {
  const session = yield* newSession(change)
  yield* journal.create(session)
  return session
})

const create = ({ store }: World, at = key) =>
  Effect.map(
    store.createMultipartUpload({ key: at, checksum: "FULL_OBJECT", metadata: { [metadataToken]: token } }),
    ({ uploadId }) => uploadId
  )

/** Stores the only part, and says so in the journal. */
const sendPart = Effect.fnUntraced(function* ({ store, journal }: World, uploadId: string, sessionId?: string) {
  const { etag } = yield* store.uploadPart({
    key,
    uploadId,
    partNumber: 1,
    body: { slices: [bytes], size: bytes.length },
    crc32: crc32(bytes),
    attempt: 1
  })
  const digest = { size: bytes.length, crc32: crc32(bytes) }
  const receipt: PartReceipt = {
    partNumber: 1,
    source: { offset: 0, ...digest },
    stored: { ...digest, etag, confirmed: true }
  }
  if (sessionId !== undefined) yield* journal.putReceipt(sessionId, receipt)
  return etag
})

const complete = ({ store }: World, uploadId: string, etag: string) =>
  store.completeMultipartUpload({
    key,
    uploadId,
    checksum: "FULL_OBJECT",
    crc32: crc32(bytes),
    size: bytes.length,
    parts: [{ partNumber: 1, etag, crc32: crc32(bytes) }]
  })

const put = ({ store }: World, metadata: Record<string, string> = {}) =>
  store.putObject({ key, body: { slices: [bytes], size: bytes.length }, crc32: crc32(bytes), attempt: 1, metadata })

const open = ({ server }: World): Array<string> => server.openUploads().map(({ uploadId }) => uploadId)

const objectAt = ({ server }: World) =>
  Effect.map(
    Effect.promise(() => server.object(bucket, key)),
    (object) => object && new TextDecoder().decode(object)
  )

const outcomes = ({ sessions }: SweepReport): Readonly<Record<string, string>> =>
  Object.fromEntries(sessions.map(({ sessionId, outcome }) => [sessionId, outcome]))

const sessionsOf = ({ journal }: World) =>
  Effect.map(journal.listExpired(Number.POSITIVE_INFINITY), (sessions) =>
    sessions.map(({ sessionId }) => sessionId).sort()
  )

/** A plugin that delivers to `told`, unless it is `deaf`. */
const messenger = (told: Array<Plugin.Delivery>, deaf: () => boolean = () => false) =>
  Plugin.make({
    name: "acme/messenger",
    open: () =>
      Effect.succeed({
        deliver: {
          name: "messenger",
          events: ["UploadCompleted", "UploadFailed", "UploadCancelled"],
          send: (delivery) =>
            deaf()
              ? Effect.fail(uploadError({ _tag: "Unavailable", message: "nobody answers" }))
              : Effect.sync(() => told.push(delivery)).pipe(Effect.asVoid)
        }
      })
  })

const owing = { plugins: ["acme/messenger"], undelivered: ["messenger"] }

describe("the janitor", () => {
  promise("ends an upload that nobody came back for, when it is old enough, and forgets it", (world) =>
    Effect.gen(function* () {
      const uploadId = yield* create(world)
      yield* begin(world, { uploadId })
      yield* sendPart(world, uploadId, "s")
      yield* TestClock.adjust(7 * day)
      expect((yield* world.sweep()).sessions).toEqual([])
      expect(open(world)).toEqual([uploadId])
      yield* TestClock.adjust(1)
      const report = yield* world.sweep()
      expect(report).toMatchObject({ elsewhere: false, counts: { abandoned: 1, left: 0 } })
      expect(report.sessions).toEqual([{ sessionId: "s", key, outcome: "abandoned" }])
      expect(open(world)).toEqual([])
      expect(yield* sessionsOf(world)).toEqual([])
    })
  )

  promise("leaves an upload alone that somebody works on or worked on lately, however old it is [row 65]", (world) =>
    Effect.gen(function* () {
      const uploadId = yield* create(world)
      yield* begin(world, { uploadId })
      yield* TestClock.adjust(30 * day)
      const lease = yield* world.journal.acquire("s", 60_000)
      expect((yield* world.sweep()).sessions).toEqual([])
      yield* lease.release
      yield* TestClock.adjust(6 * day)
      expect((yield* world.sweep()).sessions).toEqual([])
      expect(open(world)).toEqual([uploadId])
      yield* TestClock.adjust(2 * day)
      expect(outcomes(yield* world.sweep())).toEqual({ s: "abandoned" })
    })
  )

  promise("leaves sessions of other buckets to their own janitor", (world) =>
    Effect.gen(function* () {
      yield* begin(world, { bucket: "other", uploadId: "elsewhere" })
      yield* TestClock.adjust(30 * day)
      expect((yield* world.sweep()).sessions).toEqual([])
      expect(yield* sessionsOf(world)).toEqual(["s"])
    })
  )

  promise("finishes at once what could not be aborted, and tries again when it is refused", (world) =>
    Effect.gen(function* () {
      const uploadId = yield* create(world)
      yield* begin(world, { uploadId, state: "failed" })
      world.server.faults.add({
        match: { op: "AbortMultipartUpload" },
        action: { type: "status", status: 403, code: "AccessDenied" }
      })
      expect(outcomes(yield* world.sweep())).toEqual({ s: "left" })
      expect(open(world)).toEqual([uploadId])
      expect(outcomes(yield* world.sweep())).toEqual({ s: "cleaned" })
      expect(open(world)).toEqual([])
      expect(yield* sessionsOf(world)).toEqual([])
    })
  )

  promise("goes on where an earlier sweep was killed after it had named the end", (world) =>
    Effect.gen(function* () {
      const uploadId = yield* create(world)
      const session = yield* begin(world, { uploadId })
      yield* world.journal.update({ ...session, state: "cancelled" })
      expect(outcomes(yield* world.sweep())).toEqual({ s: "cleaned" })
      expect(open(world)).toEqual([])
    })
  )

  promise("ends an upload that was created unheard, when it is old, empty and nobody else's", (world) =>
    Effect.gen(function* () {
      yield* begin(world, { state: "created" })
      const [unheard, withBytes, named, elsewhere] = [
        yield* create(world),
        yield* create(world),
        yield* create(world),
        yield* create(world, `${key}.part`)
      ]
      yield* sendPart(world, withBytes)
      yield* TestClock.adjust(6 * day)
      yield* begin(world, { sessionId: "t", uploadId: named })
      yield* TestClock.adjust(2 * day)
      expect(outcomes(yield* world.sweep())).toEqual({ s: "abandoned" })
      expect(open(world).sort()).toEqual([withBytes, named, elsewhere].sort())
      expect(open(world)).not.toContain(unheard)
      expect(yield* sessionsOf(world)).toEqual(["t"])
    })
  )

  promise("ends what a second Create has left unheard, where the first one's upload is gone already", (world) =>
    Effect.gen(function* () {
      yield* begin(world, { state: "uploading", uploadId: undefined })
      yield* create(world)
      yield* TestClock.adjust(8 * day)
      expect(outcomes(yield* world.sweep())).toEqual({ s: "abandoned" })
      expect(open(world)).toEqual([])
    })
  )

  promise("leaves an empty upload alone that is young, or older than the session", (world) =>
    Effect.gen(function* () {
      const long = { createdAt: Date.now() - 9 * day, updatedAt: Date.now() - 8 * day }
      const young = yield* create(world)
      yield* begin(world, { state: "created", ...long })
      expect(outcomes(yield* world.sweep())).toEqual({ s: "abandoned" })
      expect(open(world)).toEqual([young])
      yield* TestClock.adjust(day)
      yield* begin(world, { state: "created" })
      yield* TestClock.adjust(8 * day)
      expect(outcomes(yield* world.sweep())).toEqual({ s: "abandoned" })
      expect(open(world)).toEqual([young])
    })
  )

  promise("ends suspects by age, if they are empty still and no session names them [row 2]", (world) =>
    Effect.gen(function* () {
      const [ours, withBytes, named] = [yield* create(world), yield* create(world), yield* create(world)]
      yield* sendPart(world, withBytes)
      yield* begin(world, { state: "failed", suspects: [ours, withBytes, named, "long-gone"] })
      yield* TestClock.adjust(2 * day)
      yield* begin(world, { sessionId: "t", uploadId: named })
      expect((yield* world.sweep()).sessions).toEqual([])
      yield* TestClock.adjust(6 * day)
      expect(outcomes(yield* world.sweep())).toEqual({ s: "cleaned" })
      expect(open(world).sort()).toEqual([withBytes, named].sort())
      expect(yield* sessionsOf(world)).toEqual(["t"])
    })
  )

  promise("leaves young suspects, and those that the store does not end, to a later sweep", (world) =>
    Effect.gen(function* () {
      const [uploadId, suspect] = [yield* create(world), yield* create(world)]
      yield* begin(world, { state: "failed", uploadId, suspects: [suspect] })
      expect(outcomes(yield* world.sweep())).toEqual({ s: "cleaned" })
      expect(open(world)).toEqual([suspect])
      yield* TestClock.adjust(8 * day)
      world.server.faults.add({
        match: { op: "AbortMultipartUpload" },
        action: { type: "status", status: 403, code: "AccessDenied" }
      })
      expect(outcomes(yield* world.sweep())).toEqual({ s: "left" })
      expect(outcomes(yield* world.sweep())).toEqual({ s: "cleaned" })
      expect(open(world)).toEqual([])
      expect(yield* sessionsOf(world)).toEqual([])
    })
  )

  promise("finds the object of a Complete whose answer nobody saw, and delivers the news", (world) =>
    Effect.gen(function* () {
      const uploadId = yield* create(world)
      yield* begin(world, { uploadId, state: "completing", ...owing })
      const etag = yield* sendPart(world, uploadId, "s")
      yield* complete(world, uploadId, etag)
      const told: Array<Plugin.Delivery> = []
      const plugins = [messenger(told)]
      // Its holder may just be between two steps.
      expect((yield* world.sweep({ plugins })).sessions).toEqual([])
      yield* TestClock.adjust(30_000)
      expect(outcomes(yield* world.sweep({ plugins }))).toEqual({ s: "completed" })
      expect(told.map(({ event }) => event)).toMatchObject([
        {
          _tag: "UploadCompleted",
          sessionId: "s",
          object: {
            bucket,
            key,
            uri: `s3://${bucket}/${key}`,
            size: bytes.length,
            crc32: crc32(bytes),
            etag: predictEtag([etag]),
            proof: "source",
            parts: 1
          }
        }
      ])
      expect(yield* sessionsOf(world)).toEqual([])
      expect(yield* objectAt(world)).toBe("the whole object")
    })
  )

  promise("finds the object of a single PUT by its token", (world) =>
    Effect.gen(function* () {
      yield* begin(world, { state: "completing", mode: "single", ...owing })
      yield* put(world, { [metadataToken]: token })
      yield* TestClock.adjust(30_000)
      const told: Array<Plugin.Delivery> = []
      expect(outcomes(yield* world.sweep({ plugins: [messenger(told)] }))).toEqual({ s: "completed" })
      expect(told).toMatchObject([{ event: { object: { size: bytes.length, crc32: crc32(bytes), parts: 1 } } }])
      expect(yield* sessionsOf(world)).toEqual([])
    })
  )

  promise("finds the object of a single PUT whose answer was journalled, by its own ETag", (world) =>
    Effect.gen(function* () {
      yield* begin(world, { state: "completing", mode: "either" })
      const { etag } = yield* put(world, { [metadataToken]: token })
      const digest = { size: bytes.length, crc32: crc32(bytes) }
      yield* world.journal.putReceipt("s", {
        partNumber: 1,
        source: { offset: 0, ...digest },
        stored: { ...digest, etag, confirmed: true }
      })
      yield* TestClock.adjust(8 * day)
      expect(outcomes(yield* world.sweep())).toEqual({ s: "completed" })
      expect(yield* sessionsOf(world)).toEqual([])
    })
  )

  promise("does not take somebody else's object for that of a single PUT", (world) =>
    Effect.gen(function* () {
      yield* begin(world, { state: "completing", mode: "single", ...owing })
      yield* put(world, { [metadataToken]: "another" })
      const told: Array<Plugin.Delivery> = []
      const plugins = [messenger(told)]
      yield* TestClock.adjust(7 * day)
      expect((yield* world.sweep({ plugins })).sessions).toEqual([])
      yield* TestClock.adjust(1)
      expect(outcomes(yield* world.sweep({ plugins }))).toEqual({ s: "lost" })
      expect(told).toMatchObject([{ event: { error: { reason: { _tag: "CompletionUnknown" } } } }])
      expect(yield* objectAt(world)).toBe("the whole object")
    })
  )

  promise("does not end an upload before Complete was shown not to be applied, and not before its time", (world) =>
    Effect.gen(function* () {
      const uploadId = yield* create(world)
      yield* begin(world, { uploadId, state: "completing" })
      yield* sendPart(world, uploadId, "s")
      yield* put(world)
      yield* TestClock.adjust(7 * day)
      expect((yield* world.sweep()).sessions).toEqual([])
      expect(open(world)).toEqual([uploadId])
      yield* TestClock.adjust(1)
      world.server.faults.add({
        match: { op: "HeadObject" },
        action: { type: "status", status: 403, code: "AccessDenied" }
      })
      const refused = yield* world.sweep()
      expect(refused.sessions).toMatchObject([{ outcome: "left", error: { reason: { _tag: "AccessDenied" } } }])
      expect(open(world)).toEqual([uploadId])
      expect(outcomes(yield* world.sweep())).toEqual({ s: "abandoned" })
      expect(open(world)).toEqual([])
      // What stands at the key is somebody else's.
      expect(yield* objectAt(world)).toBe("the whole object")
    })
  )

  promise("says so when neither the upload nor its object is there", (world) =>
    Effect.gen(function* () {
      const uploadId = yield* create(world)
      yield* begin(world, { uploadId, state: "completing", ...owing })
      yield* sendPart(world, uploadId, "s")
      yield* world.store.abortMultipartUpload({ key, uploadId })
      const told: Array<Plugin.Delivery> = []
      const plugins = [messenger(told)]
      yield* TestClock.adjust(7 * day)
      expect((yield* world.sweep({ plugins })).sessions).toEqual([])
      yield* TestClock.adjust(1)
      expect(outcomes(yield* world.sweep({ plugins }))).toEqual({ s: "lost" })
      expect(told).toMatchObject([
        { event: { _tag: "UploadFailed", kept: false, error: { reason: { _tag: "CompletionUnknown" } } } }
      ])
      expect(yield* sessionsOf(world)).toEqual([])
    })
  )

  promise("delivers what is still owed when its plugin is there and its receiver answers, under the same id", (world) =>
    Effect.gen(function* () {
      const error = uploadError({ _tag: "SizeMismatch", declared: 5, actual: 4 })
      yield* begin(world, { state: "failed", ...owing, news: { _tag: "Failed", reason: error.reason } })
      const told: Array<Plugin.Delivery> = []
      let deaf = true
      const plugins = [messenger(told, () => deaf)]
      // The process that ran it may still be trying.
      expect((yield* world.sweep({ plugins })).sessions).toEqual([])
      yield* TestClock.adjust(600_000)
      expect(outcomes(yield* world.sweep())).toEqual({ s: "owed" })
      expect(outcomes(yield* letTimePass(world.sweep({ plugins, maxAttempts: 2 })))).toEqual({ s: "owed" })
      deaf = false
      expect(outcomes(yield* world.sweep({ plugins }))).toEqual({ s: "delivered" })
      expect(told).toMatchObject([
        { event: { _tag: "UploadFailed", error: { reason: { _tag: "SizeMismatch", actual: 4 } } } }
      ])
      expect(told[0]?.id).toMatch(/^[0-9a-f]{64}$/)
      expect(yield* sessionsOf(world)).toEqual([])
    })
  )

  promise("tells a plugin that its upload was abandoned", (world) =>
    Effect.gen(function* () {
      yield* begin(world, { ...owing, undelivered: [] })
      yield* TestClock.adjust(8 * day)
      const told: Array<Plugin.Delivery> = []
      expect(outcomes(yield* world.sweep({ plugins: [messenger(told)] }))).toEqual({ s: "abandoned" })
      expect(told).toMatchObject([{ event: { _tag: "UploadCancelled", kept: false, key } }])
      expect(yield* sessionsOf(world)).toEqual([])
    })
  )

  promise("is one at a time", (world) =>
    Effect.gen(function* () {
      const uploadId = yield* create(world)
      yield* begin(world, { uploadId, state: "failed" })
      const lock = yield* world.journal.acquire("@janitor", 60_000)
      expect(yield* world.sweep()).toMatchObject({ elsewhere: true, sessions: [] })
      expect(open(world)).toEqual([uploadId])
      yield* lock.release
      const both = yield* Effect.all([world.sweep(), world.sweep()], { concurrency: "unbounded" })
      expect(both.map(({ counts }) => counts.cleaned).sort()).toEqual([0, 1])
      expect(open(world)).toEqual([])
    })
  )

  promise("loses a race for a session safely [row 65]", (world) =>
    Effect.gen(function* () {
      const uploadId = yield* create(world)
      const old = yield* begin(world, { uploadId })
      const deleted = yield* begin(world, { sessionId: "t", state: "failed", uploadId: "x" })
      yield* TestClock.adjust(8 * day)
      // What the janitor has read is no longer so when it comes to act.
      const stale: World = {
        ...world,
        journal: { ...world.journal, listExpired: () => Effect.succeed([old, deleted]) }
      }
      yield* world.journal.update({ ...old, state: "uploading" })
      yield* world.journal.delete("t")
      const report = yield* Janitor.pipe(
        Effect.flatMap((janitor) => janitor.sweep()),
        Effect.provide(
          Layer.provide(
            Janitor.layer(),
            Layer.mergeAll(Layer.succeed(ObjectStore, stale.store), Layer.succeed(Journal, stale.journal))
          )
        )
      )
      expect(report.sessions).toEqual([])
      expect(open(world)).toEqual([uploadId])
      const lease = yield* world.journal.acquire("s", 60_000)
      yield* world.journal.update({ ...old, version: 2, state: "failed" })
      expect(outcomes(yield* world.sweep())).toEqual({ s: "busy" })
      yield* lease.release
      expect(outcomes(yield* world.sweep())).toEqual({ s: "cleaned" })
    })
  )

  it.effect("sweeps again and again", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld(makeMemory)
      const long = { createdAt: Date.now() - 9 * day, updatedAt: Date.now() - 8 * day }
      yield* begin(world, { ...long, uploadId: yield* create(world) })
      const around = Layer.mergeAll(Layer.succeed(ObjectStore, world.store), Layer.succeed(Journal, world.journal))
      yield* Layer.build(Layer.provide(Janitor.layerRun, Layer.provide(Janitor.layer({ everyMs: 3_600_000 }), around)))
      const swept = Effect.flatMap(world.journal.acquire("@janitor", 1), ({ release }) => release).pipe(
        Effect.andThen(sessionsOf(world)),
        Effect.map((sessions) => sessions.length === 0),
        Effect.orElseSucceed(() => false)
      )
      yield* until(swept)
      expect(open(world)).toEqual([])
      yield* begin(world, { ...long, uploadId: yield* create(world) })
      yield* TestClock.adjust(3_599_999)
      expect(open(world)).toHaveLength(1)
      yield* TestClock.adjust(1)
      yield* until(swept)
      expect(open(world)).toEqual([])
    })
  )

  it.effect("refuses ages that make no sense", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld(makeMemory)
      const error = yield* Effect.flip(world.sweep({ olderThanMs: -1 }))
      expect(error.reason._tag).toBe("InvalidRequest")
      expect(error.message).toContain("olderThanMs")
    })
  )
})

/** One turn of the machine's own event loop: sockets and files get theirs. */
const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

/** Waits for what other fibers do with real sockets. */
const until = (is: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.flatMap(is, (so) => (so ? Effect.void : Effect.andThen(turn, until(is))))

/** Runs an effect that waits for virtual time between its work with real files and sockets. */
const letTimePass = <A>(effect: Effect.Effect<A, UploadError>): Effect.Effect<A, UploadError> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    while (fiber.pollUnsafe() === undefined) {
      yield* turn
      yield* TestClock.adjust(10)
    }
    return yield* Fiber.join(fiber)
  })
