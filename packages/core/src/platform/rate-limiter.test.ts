import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { KiB, MiB } from "../Limits.ts"
import { type LimiterClock, makeRateLimiter, type RateLimiter } from "./rate-limiter.ts"

/** Time that moves when the test says so. */
const virtualClock = () => {
  let now = 0
  const timers = new Set<{ readonly at: number; readonly task: () => void }>()
  const clock: LimiterClock = {
    monotonicMs: () => now,
    epochMs: () => now,
    after: (ms, task) => {
      const timer = { at: now + ms, task }
      timers.add(timer)
      return () => timers.delete(timer)
    }
  }
  const next = () => [...timers].sort((a, b) => a.at - b.at)[0]
  return {
    clock,
    timers: () => timers.size,
    advance: (ms: number): void => {
      const end = now + ms
      for (let timer = next(); timer !== undefined && timer.at <= end; timer = next()) {
        timers.delete(timer)
        now = timer.at
        timer.task()
      }
      now = end
    }
  }
}

/** A socket that asks for so many bytes again and again; counts what it got, and the largest grant. */
const hungry = (limiter: RateLimiter, bytes: number) => {
  let got = 0
  let largest = 0
  let stop = (): void => undefined
  const ask = (): void => {
    stop = limiter.ask(bytes, (granted) => {
      got += granted
      largest = Math.max(largest, granted)
      ask()
    })
  }
  ask()
  return { got: () => got, largest: () => largest, stop: () => stop() }
}

describe("the rate limiter", () => {
  it("gives everything at once where there is no limit", () => {
    const { clock, timers } = virtualClock()
    const limiter = makeRateLimiter(() => Number.POSITIVE_INFINITY, clock)
    for (const bytes of [1, 8 * MiB, 1]) {
      let got = 0
      limiter.ask(bytes, (granted) => {
        got = granted
      })
      expect(got).toBe(bytes)
    }
    expect(timers()).toBe(0)
  })

  it.each([1 * KiB, 20 * KiB, 1 * MiB, 50 * MiB])("gives %i bytes a second, smoothly", (rate) => {
    const { advance, clock } = virtualClock()
    const socket = hungry(
      makeRateLimiter(() => rate, clock),
      8 * MiB
    )
    const before = socket.got()
    expect(before).toBeLessThanOrEqual(rate)
    for (let second = 1; second <= 20; second++) {
      advance(1_000)
      expect(Math.abs(socket.got() - before - second * rate)).toBeLessThanOrEqual(Math.max(rate / 10, 16 * KiB))
    }
    expect(socket.largest()).toBeLessThanOrEqual(Math.min(rate, Math.max(rate / 10, 16 * KiB)))
  })

  it("saves up no more than a bucketful while nobody asks", () => {
    const { advance, clock } = virtualClock()
    const limiter = makeRateLimiter(() => MiB, clock)
    advance(3_600_000)
    const socket = hungry(limiter, 8 * MiB)
    expect(socket.got()).toBeLessThanOrEqual(MiB / 10)
  })

  it("divides fairly between sockets that ask for the same, with one timer for all", () => {
    const { advance, clock, timers } = virtualClock()
    const limiter = makeRateLimiter(() => 3 * MiB, clock)
    const sockets = Array.from({ length: 7 }, () => hungry(limiter, MiB))
    advance(60_000)
    const got = sockets.map((socket) => socket.got())
    expect(Math.max(...got) - Math.min(...got)).toBeLessThanOrEqual(MiB)
    expect(got.reduce((sum, one) => sum + one)).toBeGreaterThan(179 * MiB)
    expect(timers()).toBe(1)
  })

  it("follows a schedule while sockets wait", () => {
    const { advance, clock } = virtualClock()
    const limiter = makeRateLimiter((now) => (now < 10_000 ? KiB : now < 20_000 ? MiB : 2 * KiB), clock)
    const socket = hungry(limiter, MiB)
    const took = (ms: number): number => {
      const before = socket.got()
      advance(ms)
      return socket.got() - before
    }
    expect(took(9_999)).toBeLessThanOrEqual(10 * KiB)
    // At most a second late.
    expect(took(10_001)).toBeGreaterThan(8 * MiB)
    advance(1_000)
    expect(took(10_000)).toBeLessThanOrEqual(22 * KiB)
  })

  it("lets all who wait go when the limit ends", () => {
    const { advance, clock } = virtualClock()
    const limiter = makeRateLimiter((now) => (now < 500 ? KiB : Number.POSITIVE_INFINITY), clock)
    let got = 0
    for (let i = 0; i < 5; i++) {
      limiter.ask(KiB, (granted) => {
        got += granted
      })
    }
    expect(got).toBe(KiB)
    advance(1_000)
    expect(got).toBe(5 * KiB)
  })

  it("forgets who gives up, serves the next at once, and keeps no timer for nobody", () => {
    const { advance, clock, timers } = virtualClock()
    const limiter = makeRateLimiter(() => 16 * KiB, clock)
    const order: Array<string> = []
    limiter.ask(16 * KiB, () => order.push("first"))
    const giveUp = limiter.ask(16 * KiB, () => order.push("never"))
    const small = limiter.ask(KiB, () => order.push("small"))
    advance(500)
    giveUp()
    expect(order).toEqual(["first", "small"])
    small()
    giveUp()
    expect(timers()).toBe(0)
    limiter.ask(16 * KiB, () => order.push("never"))()
    expect(timers()).toBe(0)
    advance(10_000)
    expect(order).toEqual(["first", "small"])
  })

  it("serves the others when one who is granted throws", () => {
    const { advance, clock } = virtualClock()
    const limiter = makeRateLimiter(() => KiB, clock)
    expect(() =>
      limiter.ask(KiB, () => {
        throw new Error("its own affair")
      })
    ).toThrow("its own affair")
    const socket = hungry(limiter, KiB)
    advance(2_000)
    expect(socket.got()).toBe(2 * KiB)
  })

  it("never gives more than the bucket and the time allow, whoever asks and leaves when", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: KiB, max: 100 * MiB }),
        fc.array(
          fc.oneof(
            fc.integer({ min: 1, max: 8 * MiB }).map((ask) => ({ ask })),
            fc.integer({ min: 1, max: 5_000 }).map((wait) => ({ wait })),
            fc.nat().map((leave) => ({ leave }))
          ),
          { maxLength: 60 }
        ),
        (rate, steps) => {
          const { advance, clock } = virtualClock()
          const limiter = makeRateLimiter(() => rate, clock)
          const bucket = Math.min(rate, Math.max(16 * KiB, rate / 10))
          let got = 0
          const askers: Array<() => void> = []
          for (const step of steps) {
            if ("ask" in step) {
              const leave = limiter.ask(step.ask, (granted) => {
                expect(granted).toBeGreaterThan(0)
                expect(granted).toBeLessThanOrEqual(Math.min(step.ask, bucket))
                got += granted
              })
              askers.push(leave)
            } else if ("wait" in step) advance(step.wait)
            else askers[step.leave % Math.max(1, askers.length)]?.()
            expect(got).toBeLessThanOrEqual(bucket + (rate * clock.monotonicMs()) / 1_000 + 1)
          }
        }
      )
    )
  })
})
