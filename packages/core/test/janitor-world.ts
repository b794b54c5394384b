/** The janitor's world: an embedded store, a journal, and sessions and uploads as their processes have left them. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { type FaultyS3Server, startS3 } from "@sluice/testkit"
import { exampleSession } from "@sluice/testkit/conformance/journal"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { crc32 } from "../src/Checksum.ts"
import * as FileJournal from "../src/FileJournal.ts"
import { Janitor, type JanitorOptions, type SweepReport } from "../src/Janitor.ts"
import { Journal, type JournalApi, makeMemory } from "../src/Journal.ts"
import { ObjectStore, type ObjectStoreApi } from "../src/ObjectStore.ts"
import type { PartReceipt } from "../src/Part.ts"
import * as Plugin from "../src/Plugin.ts"
import { metadataToken, type Session } from "../src/Session.ts"
import * as S3ObjectStore from "../src/s3/S3ObjectStore.ts"
import { type UploadError, uploadError } from "../src/UploadError.ts"

export const day = 86_400_000
export const bucket = "media"
export const key = "talks/intro.mp4"
export const token = "t".repeat(40)
export const bytes = new TextEncoder().encode("the whole object")

export interface World {
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

export const makeWorld = Effect.fnUntraced(function* (
  makeJournal: Effect.Effect<JournalApi, UploadError, Scope.Scope>
) {
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
export const promise = (name: string, check: (world: World) => Effect.Effect<void, UploadError, Scope.Scope>): void => {
  for (const [journal, make] of Object.entries(journals)) {
    it.effect(`${name} (${journal} journal)`, () => Effect.flatMap(makeWorld(make), check))
  }
}

/** A session that begins now. */
export const begin = Effect.fnUntraced(function* ({ journal }: World, change: Partial<Session> = {}) {
  const now = yield* Clock.currentTimeMillis
  const times = { createdAt: now, updatedAt: now }
  const session = exampleSession({ state: "uploading", writeToken: token, size: bytes.length, ...times, ...change })
  yield* journal.create(session)
  return session
})

export const create = ({ store }: World, at = key) =>
  Effect.map(
    store.createMultipartUpload({ key: at, checksum: "FULL_OBJECT", metadata: { [metadataToken]: token } }),
    ({ uploadId }) => uploadId
  )

/** Stores the only part, and says so in the journal. */
export const sendPart = Effect.fnUntraced(function* ({ store, journal }: World, uploadId: string, sessionId?: string) {
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

export const complete = ({ store }: World, uploadId: string, etag: string) =>
  store.completeMultipartUpload({
    key,
    uploadId,
    checksum: "FULL_OBJECT",
    crc32: crc32(bytes),
    size: bytes.length,
    parts: [{ partNumber: 1, etag, crc32: crc32(bytes) }]
  })

export const put = ({ store }: World, metadata: Record<string, string> = {}) =>
  store.putObject({ key, body: { slices: [bytes], size: bytes.length }, crc32: crc32(bytes), attempt: 1, metadata })

export const open = ({ server }: World): Array<string> => server.openUploads().map(({ uploadId }) => uploadId)

export const objectAt = ({ server }: World) =>
  Effect.map(
    Effect.promise(() => server.object(bucket, key)),
    (object) => object && new TextDecoder().decode(object)
  )

export const outcomes = ({ sessions }: SweepReport): Readonly<Record<string, string>> =>
  Object.fromEntries(sessions.map(({ sessionId, outcome }) => [sessionId, outcome]))

export const sessionsOf = ({ journal }: World) =>
  Effect.map(journal.listExpired(Number.POSITIVE_INFINITY), (sessions) =>
    sessions.map(({ sessionId }) => sessionId).sort()
  )

/** A plugin that delivers to `told`, unless it is `deaf`. */
export const messenger = (told: Array<Plugin.Delivery>, deaf: () => boolean = () => false) =>
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

export const owing = { plugins: ["acme/messenger"], undelivered: ["messenger"] }

/** One turn of the machine's own event loop: sockets and files get theirs. */
export const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
