import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import {
  begin,
  create,
  day,
  key,
  makeWorld,
  open,
  outcomes,
  promise,
  sendPart,
  sessionsOf,
  turn,
  type World
} from "../test/janitor-world.ts"
import { Janitor } from "./Janitor.ts"
import { Journal, makeMemory } from "./Journal.ts"
import { ObjectStore } from "./ObjectStore.ts"

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

/** Waits for what other fibers do with real sockets. */
const until = (is: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.flatMap(is, (so) => (so ? Effect.void : Effect.andThen(turn, until(is))))
