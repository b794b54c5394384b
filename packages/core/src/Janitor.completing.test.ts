/** Sessions that ended between their Complete and its answer. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import {
  begin,
  bucket,
  bytes,
  complete,
  create,
  day,
  key,
  messenger,
  objectAt,
  open,
  outcomes,
  owing,
  promise,
  put,
  sendPart,
  sessionsOf,
  token
} from "../test/janitor-world.ts"
import { crc32, predictEtag } from "./Checksum.ts"
import type * as Plugin from "./Plugin.ts"
import { metadataToken } from "./Session.ts"

describe("the janitor", () => {
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
})
