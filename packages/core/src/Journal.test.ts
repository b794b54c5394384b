import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { makeMemory } from "./Journal.ts"
import type { PartReceipt } from "./Part.ts"
import type { Session } from "./Session.ts"

const session = (sessionId: string): Session => ({
  format: 1,
  sessionId,
  version: 1,
  state: "created",
  bucket: "media",
  key: "talks/intro.mp4",
  mode: "multipart",
  uploadId: undefined,
  writeToken: "token",
  size: undefined,
  layout: { _tag: "Uniform", partSize: 8 * 1024 * 1024 },
  attributes: {},
  condition: {},
  checksum: "FULL_OBJECT",
  resumable: true,
  source: undefined,
  plugins: [],
  pluginState: {},
  undelivered: [],
  createdAt: 0,
  updatedAt: 0
})

const receipt = (partNumber: number, etag = "e"): PartReceipt => ({
  partNumber,
  source: { offset: 0, size: 1, crc32: 0 },
  stored: { size: 1, crc32: 0, etag, confirmed: true }
})

describe("the memory journal", () => {
  it.effect("refuses an update of a version that somebody else has replaced", () =>
    Effect.gen(function* () {
      const journal = yield* makeMemory
      yield* journal.create(session("s"))
      const next = yield* journal.update({ ...session("s"), state: "uploading" })
      expect(next).toMatchObject({ version: 2, state: "uploading" })
      expect((yield* Effect.flip(journal.update(session("s")))).reason._tag).toBe("SessionBusy")
      expect((yield* journal.get("s")).state).toBe("uploading")
    })
  )

  it.effect("lets one holder work until its lease runs out, and tells the first that it was replaced", () =>
    Effect.gen(function* () {
      const journal = yield* makeMemory
      yield* journal.create(session("s"))
      const first = yield* journal.acquire("s", 30_000)
      expect((yield* Effect.flip(journal.acquire("s", 30_000))).reason._tag).toBe("SessionBusy")
      yield* TestClock.adjust("20 seconds")
      yield* first.renew
      yield* TestClock.adjust("29 seconds")
      expect((yield* Effect.flip(journal.acquire("s", 30_000))).reason._tag).toBe("SessionBusy")
      yield* TestClock.adjust("1 second")
      const second = yield* journal.acquire("s", 30_000)
      expect(second.fence).toBeGreaterThan(first.fence)
      expect((yield* Effect.flip(first.renew)).reason._tag).toBe("SessionBusy")
      yield* first.release
      expect((yield* Effect.flip(journal.acquire("s", 1))).reason._tag).toBe("SessionBusy")
      yield* second.release
      yield* journal.acquire("s", 1)
    })
  )

  it.effect("pages receipts in order and replaces a part that was sent again", () =>
    Effect.gen(function* () {
      const journal = yield* makeMemory
      yield* journal.create(session("s"))
      for (const n of [3, 1, 2]) yield* journal.putReceipt("s", receipt(n))
      yield* journal.putReceipt("s", receipt(2, "again"))
      const first = yield* journal.receipts("s", { limit: 2 })
      expect(first.map(({ partNumber, stored }) => [partNumber, stored.etag])).toEqual([
        [1, "e"],
        [2, "again"]
      ])
      expect((yield* journal.receipts("s", { after: 2 })).map(({ partNumber }) => partNumber)).toEqual([3])
    })
  )

  it.effect("passes on a request to let go, and names sessions by key, age and debt", () =>
    Effect.gen(function* () {
      const journal = yield* makeMemory
      yield* journal.create(session("s"))
      const lease = yield* journal.acquire("s", 1_000)
      expect(yield* lease.stopRequested).toBe(false)
      yield* journal.requestStop("s")
      expect(yield* lease.stopRequested).toBe(true)
      expect(yield* journal.listByKey("media", "talks/intro.mp4")).toHaveLength(1)
      expect(yield* journal.listByKey("media", "other")).toHaveLength(0)
      expect(yield* journal.listExpired(1)).toHaveLength(1)
      expect(yield* journal.listUndelivered()).toHaveLength(0)
      yield* journal.update({ ...session("s"), undelivered: ["webhook"] })
      expect(yield* journal.listUndelivered()).toHaveLength(1)
      yield* journal.delete("s")
      expect((yield* Effect.flip(journal.get("s"))).reason._tag).toBe("SessionNotFound")
    })
  )
})
