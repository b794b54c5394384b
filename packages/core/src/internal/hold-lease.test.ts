import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { type JournalApi, type Lease, makeMemory } from "../Journal.ts"
import { uploadError } from "../UploadError.ts"
import { type HeldLease, holdingLease } from "./hold-lease.ts"

const ttl = 30_000
const down = uploadError({ _tag: "JournalFailed", message: "the journal is away" })

/** A journal whose leases are as `change` says. */
const journalWith = (change: (lease: Lease) => Partial<Lease>): Effect.Effect<JournalApi> =>
  Effect.map(makeMemory, (journal) => ({
    ...journal,
    acquire: (sessionId, ttlMs) =>
      Effect.succeed({
        sessionId,
        fence: 1,
        expiresAt: ttlMs,
        renew: Effect.never,
        release: Effect.void,
        stopRequested: Effect.succeed(false)
      }).pipe(Effect.map((lease) => ({ ...lease, ...change(lease) })))
  }))

/** Work that goes on until it is ended, and says when. */
const endless = () => {
  const seen: { lease: HeldLease | undefined; endedAt: number | undefined } = { lease: undefined, endedAt: undefined }
  const work = (lease: HeldLease) => {
    seen.lease = lease
    return Effect.onInterrupt(Effect.never, () =>
      Effect.map(
        TestClock.testClockWith((clock) => clock.currentTimeMillis),
        (now) => {
          seen.endedAt = now
        }
      )
    )
  }
  return { seen, work }
}

describe("the holder of a lease", () => {
  it.effect("renews it three times in its life, and gives it back at the end", () =>
    Effect.gen(function* () {
      let renewed = 0
      let released = 0
      const journal = yield* journalWith((lease) => ({
        renew: Effect.sync(() => {
          renewed++
          return lease
        }),
        release: Effect.sync(() => void released++)
      }))
      const fiber = yield* Effect.forkChild(
        holdingLease(journal, "s", ttl, () => Effect.as(Effect.sleep(ttl * 2), "done"))
      )
      yield* TestClock.adjust(ttl * 2)
      expect(yield* Fiber.join(fiber)).toBe("done")
      expect(renewed).toBeGreaterThanOrEqual(5)
      expect(released).toBe(1)
    })
  )

  it.effect("that is telling its end tells it to the last word, though the lease is lost meanwhile", () =>
    Effect.gen(function* () {
      const busy = uploadError({ _tag: "SessionBusy" })
      const journal = yield* journalWith(() => ({ renew: Effect.fail(busy), stopRequested: Effect.succeed(true) }))
      const telling = (lease: HeldLease) =>
        Effect.andThen(Effect.sync(lease.conclude), Effect.as(Effect.sleep(ttl * 2), "stored"))
      const fiber = yield* Effect.forkChild(holdingLease(journal, "s", ttl, telling))
      yield* TestClock.adjust(ttl * 2)
      expect(yield* Fiber.join(fiber)).toBe("stored")
    })
  )

  it.effect("goes on while the journal is away, and is ended five seconds before the lease would be another's", () =>
    Effect.gen(function* () {
      const journal = yield* journalWith(() => ({ renew: Effect.fail(down) }))
      const { seen, work } = endless()
      const fiber = yield* Effect.forkChild(Effect.flip(holdingLease(journal, "s", ttl, work)))
      yield* TestClock.adjust(24_000)
      expect(seen.endedAt).toBeUndefined()
      yield* TestClock.adjust(2_000)
      expect((yield* Fiber.join(fiber)).reason._tag).toBe("JournalFailed")
      expect(seen.endedAt).toBe(25_000)
      expect(seen.lease?.lost()).toBe(down)
    })
  )

  it.effect("survives an absence of the journal that is shorter than the lease", () =>
    Effect.gen(function* () {
      let calls = 0
      const journal = yield* journalWith((lease) => ({
        renew: Effect.suspend(() => (calls++ < 10 ? Effect.fail(down) : Effect.succeed(lease)))
      }))
      const { seen, work } = endless()
      yield* Effect.forkChild(holdingLease(journal, "s", ttl, work))
      yield* TestClock.adjust(120_000)
      expect(seen.endedAt).toBeUndefined()
      expect(seen.lease?.lost()).toBeUndefined()
    })
  )

  it.effect("is ended at once when the lease is another's already", () =>
    Effect.gen(function* () {
      const taken = uploadError({ _tag: "SessionBusy" })
      const journal = yield* journalWith(() => ({ renew: Effect.fail(taken) }))
      const { seen, work } = endless()
      const fiber = yield* Effect.forkChild(Effect.flip(holdingLease(journal, "s", ttl, work)))
      yield* TestClock.adjust(ttl / 3)
      expect(yield* Fiber.join(fiber)).toBe(taken)
      expect(seen.endedAt).toBe(ttl / 3)
    })
  )

  it.effect("is ended in time when the journal does not answer, whatever it was asked", () =>
    Effect.gen(function* () {
      for (const silent of ["renew", "stopRequested"] as const) {
        const began = yield* TestClock.testClockWith((clock) => clock.currentTimeMillis)
        let renewed = 0
        const journal = yield* journalWith((lease) => ({
          renew: Effect.suspend(() => (renewed++ === 0 ? Effect.succeed(lease) : Effect.fail(down))),
          [silent]: Effect.never
        }))
        const { seen, work } = endless()
        const fiber = yield* Effect.forkChild(Effect.flip(holdingLease(journal, "s", ttl, work)))
        yield* TestClock.adjust(2 * ttl)
        expect((yield* Fiber.join(fiber)).reason._tag).toBe("JournalFailed")
        expect((seen.endedAt ?? 0) - began).toBe(silent === "renew" ? 25_000 : 35_000)
      }
    })
  )

  it.effect("that heard of its lease late counts from when it asked, and renews it before anything is done", () =>
    Effect.gen(function* () {
      let renewed = 0
      const inner = yield* journalWith((lease) => ({
        renew: Effect.sync(() => {
          renewed++
          return lease
        })
      }))
      const journal: JournalApi = { ...inner, acquire: (id, ttlMs) => Effect.delay(inner.acquire(id, ttlMs), 26_000) }
      const fiber = yield* Effect.forkChild(holdingLease(journal, "s", ttl, () => Effect.sync(() => renewed)))
      yield* TestClock.adjust(26_000)
      expect(yield* Fiber.join(fiber)).toBe(1)
    })
  )

  it.effect("lets go when somebody asks for the session", () =>
    Effect.gen(function* () {
      const journal = yield* journalWith((lease) => ({
        renew: Effect.succeed(lease),
        stopRequested: Effect.succeed(true)
      }))
      const { seen, work } = endless()
      const fiber = yield* Effect.forkChild(Effect.exit(holdingLease(journal, "s", ttl, work)))
      yield* TestClock.adjust(ttl / 3)
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "Failure" })
      expect(seen.endedAt).toBe(ttl / 3)
      expect(seen.lease?.lost()).toBeUndefined()
    })
  )
})
