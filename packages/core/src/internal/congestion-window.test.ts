import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { MiB } from "../Limits.ts"
import { type UploadError, uploadError } from "../UploadError.ts"
import { type CongestionWindow, makeCongestionWindow } from "./congestion-window.ts"
import type { Priority } from "./turn-queue.ts"

const slowDown = uploadError({ _tag: "Throttled", code: "SlowDown" })
const stall = uploadError({ _tag: "Stalled", message: "nothing moved" })
const broken = uploadError({ _tag: "Unavailable", message: "reset" })

interface Running {
  readonly began: () => boolean
  readonly end: (exit: Exit.Exit<void, UploadError>) => Effect.Effect<void>
  readonly interrupt: Effect.Effect<void>
}

/** Lets every fiber go as far as it can. */
const settle = Effect.gen(function* () {
  for (let i = 0; i < 5; i++) yield* Effect.yieldNow
})

/** An attempt that ends when and how the test says. */
const attempt = Effect.fnUntraced(function* (
  window: CongestionWindow,
  how: Priority | "beside" = "normal"
): Effect.fn.Return<Running> {
  let began = false
  const end = yield* Deferred.make<void, UploadError>()
  const body = Effect.suspend(() => {
    began = true
    return Deferred.await(end)
  })
  const fiber = yield* Effect.forkDetach(how === "beside" ? window.beside(body) : window.within(how)(body))
  yield* settle
  return {
    began: () => began,
    end: (exit) => Effect.andThen(Deferred.done(end, exit), Effect.andThen(Fiber.await(fiber), settle)),
    interrupt: Effect.andThen(Fiber.interrupt(fiber), settle)
  }
})

const attempts = (window: CongestionWindow, count: number): Effect.Effect<ReadonlyArray<Running>> =>
  Effect.all(Array.from({ length: count }, () => attempt(window)))

const failAll = (running: ReadonlyArray<Running>, error: UploadError) =>
  Effect.forEach(running, ({ end }) => end(Exit.fail(error)), { discard: true })

const succeed = (window: CongestionWindow, count: number) =>
  Effect.forEach(Array.from({ length: count }), () => window.within("normal")(Effect.void), { discard: true })

describe("the congestion window", () => {
  it.effect("is open until the store throttles", () =>
    Effect.gen(function* () {
      const window = makeCongestionWindow()
      const running = yield* attempts(window, 300)
      expect(running.every(({ began }) => began())).toBe(true)
      yield* failAll(running, broken)
      expect(window.limit()).toBe(Number.POSITIVE_INFINITY)
      expect(window.inFlight()).toBe(0)
    })
  )

  it.effect("halves once for a burst of forty refusals", () =>
    Effect.gen(function* () {
      const window = makeCongestionWindow()
      yield* failAll(yield* attempts(window, 40), slowDown)
      expect(window.limit()).toBe(20)
    })
  )

  it.effect("halves again when attempts that began after it are refused, down to one", () =>
    Effect.gen(function* () {
      const window = makeCongestionWindow()
      const limits: Array<number> = []
      for (const inFlight of [8, 4, 2, 1]) {
        yield* failAll(yield* attempts(window, inFlight), slowDown)
        limits.push(window.limit())
      }
      expect(limits).toEqual([4, 2, 1, 1])
    })
  )

  it.effect("makes attempts wait for a place, the more urgent first", () =>
    Effect.gen(function* () {
      const window = makeCongestionWindow()
      yield* failAll(yield* attempts(window, 2), slowDown)
      expect(window.limit()).toBe(1)
      const first = yield* attempt(window)
      const low = yield* attempt(window, "low")
      const high = yield* attempt(window, "high")
      expect([first.began(), low.began(), high.began()]).toEqual([true, false, false])
      yield* first.end(Exit.fail(broken))
      expect([low.began(), high.began()]).toEqual([false, true])
      yield* high.end(Exit.fail(broken))
      expect(low.began()).toBe(true)
    })
  )

  it.effect("grows by one when as many attempts as it holds have succeeded, and lifts when nobody needs it", () =>
    Effect.gen(function* () {
      const window = makeCongestionWindow()
      yield* failAll(yield* attempts(window, 4), slowDown)
      expect(window.limit()).toBe(2)
      const both = yield* attempts(window, 2)
      for (const { end } of both) yield* end(Exit.void)
      expect(window.limit()).toBe(3)
      // Three more, never more than two at once: the third place is not needed.
      for (const { end } of yield* attempts(window, 2)) yield* end(Exit.void)
      expect(window.limit()).toBe(3)
      yield* succeed(window, 1)
      expect(window.limit()).toBe(Number.POSITIVE_INFINITY)
    })
  )

  it.effect("gives every free place at once: the one that was left and the one that was won", () =>
    Effect.gen(function* () {
      const window = makeCongestionWindow()
      yield* failAll(yield* attempts(window, 2), slowDown)
      const [first, ...others] = yield* attempts(window, 4)
      expect(others.filter(({ began }) => began())).toHaveLength(0)
      yield* first?.end(Exit.void) ?? Effect.void
      expect(others.filter(({ began }) => began())).toHaveLength(2)
    })
  )

  it.effect("learns nothing from attempts that began before its last decrease", () =>
    Effect.gen(function* () {
      const window = makeCongestionWindow()
      const [first, second, third] = yield* attempts(window, 8)
      yield* first?.end(Exit.fail(slowDown)) ?? Effect.void
      yield* second?.end(Exit.fail(slowDown)) ?? Effect.void
      for (let i = 0; i < 4; i++) yield* third?.end(Exit.void) ?? Effect.void
      expect(window.limit()).toBe(4)
    })
  )

  it.effect("hears of throttling from Create and Complete, which wait for no place", () =>
    Effect.gen(function* () {
      const window = makeCongestionWindow()
      const parts = yield* attempts(window, 3)
      const complete = yield* attempt(window, "beside")
      yield* complete.end(Exit.fail(slowDown))
      expect(window.limit()).toBe(2)
      expect((yield* attempt(window, "beside")).began()).toBe(true)
      expect((yield* attempt(window)).began()).toBe(false)
      yield* failAll(parts, broken)
      expect(window.inFlight()).toBe(1)
    })
  )

  it.effect("forgets Create and Complete when they are over", () =>
    Effect.gen(function* () {
      const window = makeCongestionWindow()
      for (let i = 0; i < 10; i++) yield* (yield* attempt(window, "beside")).end(Exit.void)
      yield* failAll(yield* attempts(window, 4), slowDown)
      expect(window.limit()).toBe(2)
    })
  )

  it.effect("gives back the place of an attempt that is interrupted, waiting or running", () =>
    Effect.gen(function* () {
      const window = makeCongestionWindow()
      yield* failAll(yield* attempts(window, 2), slowDown)
      const running = yield* attempt(window)
      const leaving = yield* attempt(window)
      const staying = yield* attempt(window)
      yield* leaving.interrupt
      yield* running.interrupt
      expect([leaving.began(), staying.began()]).toEqual([false, true])
      yield* staying.interrupt
      expect(window.inFlight()).toBe(0)
    })
  )

  it.effect("shrinks, and asks new uploads for smaller parts, after three stalls within a minute", () =>
    Effect.gen(function* () {
      const window = makeCongestionWindow()
      const least = 5 * MiB
      yield* failAll(yield* attempts(window, 2), stall)
      yield* TestClock.adjust("61 seconds")
      yield* failAll(yield* attempts(window, 2), stall)
      expect([window.limit(), window.partSize(32 * MiB, least)]).toEqual([Number.POSITIVE_INFINITY, 32 * MiB])
      yield* failAll(yield* attempts(window, 4), stall)
      expect([window.limit(), window.partSize(32 * MiB, least)]).toEqual([2, 16 * MiB])
      for (let i = 0; i < 9; i++) yield* failAll(yield* attempts(window, 1), stall)
      expect(window.partSize(32 * MiB, least)).toBe(least)
      expect(window.partSize(7 * MiB, least)).toBe(least)
      yield* succeed(window, 79)
      expect(window.partSize(32 * MiB, least)).toBe(16 * MiB)
      yield* succeed(window, 1)
      expect(window.partSize(32 * MiB, least)).toBe(32 * MiB)
      expect(window.limit()).toBe(Number.POSITIVE_INFINITY)
    })
  )

  it.effect("a stall between makes the calm begin anew", () =>
    Effect.gen(function* () {
      const window = makeCongestionWindow()
      yield* failAll(yield* attempts(window, 3), stall)
      yield* succeed(window, 19)
      yield* failAll(yield* attempts(window, 1), stall)
      yield* succeed(window, 19)
      expect(window.partSize(32 * MiB, 5 * MiB)).toBe(16 * MiB)
      yield* succeed(window, 1)
      expect(window.partSize(32 * MiB, 5 * MiB)).toBe(32 * MiB)
    })
  )

  it("a store that takes eight at once refuses far less with it than without, and is kept busy", async () => {
    const storm = (guard: CongestionWindow["within"]) =>
      Effect.gen(function* () {
        let inFlight = 0
        let requests = 0
        const request = Effect.suspend(() => {
          requests++
          inFlight++
          return (inFlight > 8 ? Effect.delay(Effect.fail(slowDown), "10 millis") : Effect.sleep("100 millis")).pipe(
            Effect.ensuring(
              Effect.sync(() => {
                inFlight--
              })
            )
          )
        })
        const part = Effect.retry(guard("normal")(request), { schedule: undefined, times: 1_000 })
        const all = Effect.forEach(Array.from({ length: 200 }), () => part, { concurrency: 40, discard: true })
        const fiber = yield* Effect.forkChild(all)
        let ms = 0
        while (fiber.pollUnsafe() === undefined) {
          yield* TestClock.adjust("10 millis")
          ms += 10
        }
        return { requests, ms }
      }).pipe(Effect.provide(TestClock.layer()), Effect.runPromise)

    const without = await storm(() => (attempt) => attempt)
    const window = makeCongestionWindow()
    const withIt = await storm(window.within)
    expect(without.requests).toBeGreaterThan(1_000)
    expect(withIt.requests).toBeLessThan(300)
    // Virtual time: eight at once would take 2,500 ms.
    expect(withIt.ms).toBeLessThan(5_000)
    expect(window.inFlight()).toBe(0)
  })

  it("never gives more places than its limit, never keeps one free while somebody waits, loses none", async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom("low" as const, "normal" as const, "high" as const) },
      {
        weight: 5,
        arbitrary: fc.record({
          which: fc.nat(),
          how: fc.constantFrom("stored", "stored", "slowDown", "stall", "broken", "interrupt")
        })
      }
    )
    const exits = {
      stored: Exit.void,
      slowDown: Exit.fail(slowDown),
      stall: Exit.fail(stall),
      broken: Exit.fail(broken)
    }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), (steps) =>
        Effect.gen(function* () {
          const window = makeCongestionWindow()
          const all = new Set<Running>()
          for (const step of steps) {
            const before = window.inFlight()
            if (typeof step === "string") all.add(yield* attempt(window, step))
            else {
              const able = [...all].filter(({ began }) => step.how === "interrupt" || began())
              const [one] = able.slice(step.which % Math.max(1, able.length))
              if (one === undefined) continue
              all.delete(one)
              const exit = Object.entries(exits).find(([name]) => name === step.how)?.[1]
              yield* exit === undefined ? one.interrupt : one.end(exit)
            }
            const running = [...all].filter(({ began }) => began()).length
            expect(running).toBe(window.inFlight())
            expect(window.limit()).toBeGreaterThanOrEqual(1)
            if (running < window.limit()) expect(all.size).toBe(running)
            if (typeof step === "string" && running > before) expect(running).toBeLessThanOrEqual(window.limit())
          }
          for (const { interrupt } of all) yield* interrupt
          expect(window.inFlight()).toBe(0)
        }).pipe(Effect.runPromise)
      ),
      { numRuns: 50 }
    )
  })
})
