/** Multipart uploads that no session names: those of a Create whose answer nobody heard. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { begin, create, day, key, open, outcomes, promise, sendPart, sessionsOf } from "../test/janitor-world.ts"

describe("the janitor", () => {
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

  promise("ends what a resumed run has left unheard, after a Complete whose upload was aborted", (world) =>
    Effect.gen(function* () {
      yield* begin(world, { state: "completing", uploadId: undefined })
      yield* create(world)
      yield* TestClock.adjust(8 * day)
      expect(outcomes(yield* world.sweep())).toEqual({ s: "lost" })
      expect(open(world)).toEqual([])
      expect(yield* sessionsOf(world)).toEqual([])
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
})
