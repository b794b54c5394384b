import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { GiB, KiB, MiB } from "../Limits.ts"
import { deadlineFor, type SignsOfLife, watched } from "./watchdog.ts"

const options = { stallMs: 20_000, deadlineMs: 600_000, context: { operation: "UploadPart" } }

describe("the watchdog", () => {
  it.effect("ends an attempt that is silent for the stall time, and only after its cleanup has run", () =>
    Effect.gen(function* () {
      let cleaned = false
      const attempt = Effect.onInterrupt(Effect.never, () =>
        Effect.andThen(
          Effect.sleep(50),
          Effect.sync(() => {
            cleaned = true
          })
        )
      )
      const fiber = yield* Effect.forkChild(Effect.flip(watched(() => attempt, options)))
      yield* TestClock.adjust("19 seconds")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 second")
      yield* TestClock.adjust("50 millis")
      const error = yield* Fiber.join(fiber)
      expect(error.reason._tag).toBe("Stalled")
      expect(error.retry).toBe("temporary")
      expect(cleaned).toBe(true)
    })
  )

  it.effect("lets an attempt live as long as it shows signs of life", () =>
    Effect.gen(function* () {
      const attempt = (touch: () => void) =>
        Effect.gen(function* () {
          for (let i = 0; i < 10; i++) {
            yield* Effect.sleep("15 seconds")
            touch()
          }
          return "stored"
        })
      const fiber = yield* Effect.forkChild(watched(attempt, options))
      yield* TestClock.adjust("150 seconds")
      expect(yield* Fiber.join(fiber)).toBe("stored")
    })
  )

  it.effect("ends an attempt at its deadline, however alive", () =>
    Effect.gen(function* () {
      const attempt = (touch: () => void) =>
        Effect.forever(Effect.andThen(Effect.sleep("1 second"), Effect.sync(touch)))
      const fiber = yield* Effect.forkChild(Effect.flip(watched(attempt, options)))
      yield* TestClock.adjust("10 minutes")
      expect((yield* Fiber.join(fiber)).message).toContain("600000 ms")
    })
  )

  it.effect("does not count the time in which our own bandwidth limit holds the bytes back", () =>
    Effect.gen(function* () {
      const attempt = (touch: (activity?: "held" | "freed") => void) =>
        Effect.gen(function* () {
          // Longer than the stall time at a stretch, longer than the deadline in all.
          for (let i = 0; i < 10; i++) {
            touch("held")
            yield* Effect.sleep("90 seconds")
            // What else moves meanwhile (the connection is made) frees nothing.
            touch()
            yield* Effect.sleep("30 seconds")
            touch("freed")
            yield* Effect.sleep("19 seconds")
          }
          return "stored"
        })
      const fiber = yield* Effect.forkChild(watched(attempt, options))
      yield* TestClock.adjust("2000 seconds")
      expect(yield* Fiber.join(fiber)).toBe("stored")
    })
  )

  it.effect("counts silence, and the time of the attempt, from when the bytes are free again", () =>
    Effect.gen(function* () {
      const silent = yield* Effect.forkChild(
        Effect.flip(
          watched((touch: (activity?: "held" | "freed") => void) => {
            touch("held")
            return Effect.sleep("3601 seconds").pipe(
              Effect.andThen(Effect.sync(() => touch("freed"))),
              Effect.andThen(Effect.never)
            )
          }, options)
        )
      )
      const long = yield* Effect.forkChild(
        Effect.flip(
          watched((touch: (activity?: "held" | "freed") => void) => {
            touch("held")
            return Effect.sleep("3601 seconds").pipe(
              Effect.andThen(Effect.sync(() => touch("freed"))),
              Effect.andThen(
                Effect.forever(
                  Effect.andThen(
                    Effect.sleep("1 second"),
                    Effect.sync(() => touch())
                  )
                )
              )
            )
          }, options)
        )
      )
      yield* TestClock.adjust("3620 seconds")
      expect(silent.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("2 seconds")
      expect((yield* Fiber.join(silent)).message).toContain("20000 ms")
      yield* TestClock.adjust("570 seconds")
      expect(long.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("10 seconds")
      expect((yield* Fiber.join(long)).message).toContain("600000 ms")
    })
  )
})

describe("the floor", () => {
  const floor = { bytes: 8 * MiB, bytesPerSecond: 10 * KiB, windowMs: 30_000 }

  /** Sends so many bytes each second, and shows life as a socket does. */
  const sending = (total: number, bytesPerSecond: number) => (touch: SignsOfLife["touch"], took: SignsOfLife["took"]) =>
    Effect.gen(function* () {
      for (let sent = 0; sent < total; sent += bytesPerSecond) {
        yield* Effect.sleep("1 second")
        touch()
        took(bytesPerSecond)
      }
      return "stored"
    })

  it.effect("ends an attempt that a slow-loris reads a byte a second of, although it is never silent", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(watched(sending(floor.bytes, 1), { ...options, floor })))
      yield* TestClock.adjust("29 seconds")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: { _tag: "Stalled" }, retry: "temporary" })
    })
  )

  it.effect("lets what is above it go on for as long as it takes", () =>
    Effect.gen(function* () {
      const deadlineMs = deadlineFor(600_000, floor.bytes, floor.bytesPerSecond)
      const slow = sending(floor.bytes, 11 * KiB)
      const fiber = yield* Effect.forkChild(watched(slow, { ...options, deadlineMs, floor }))
      yield* TestClock.adjust("820 seconds")
      expect(yield* Fiber.join(fiber)).toBe("stored")
    })
  )

  it.effect("asks anew in each window: a good start is no credit", () =>
    Effect.gen(function* () {
      const attempt = (touch: SignsOfLife["touch"], took: SignsOfLife["took"]) => {
        took(7 * MiB)
        return sending(MiB, 1)(touch, took)
      }
      const fiber = yield* Effect.forkChild(Effect.flip(watched(attempt, { ...options, floor })))
      yield* TestClock.adjust("59 seconds")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(fiber)).reason._tag).toBe("Stalled")
    })
  )

  it.effect("asks nothing of an attempt whose bytes are all out, nor where it is 0", () =>
    Effect.gen(function* () {
      const waits = (touch: SignsOfLife["touch"], took: SignsOfLife["took"]) => {
        took(floor.bytes)
        return sending(300, 1)(touch, () => undefined)
      }
      const answered = yield* Effect.forkChild(watched(waits, { ...options, floor }))
      const none = { ...floor, bytesPerSecond: 0 }
      const unbounded = yield* Effect.forkChild(watched(sending(300, 1), { ...options, floor: none }))
      yield* TestClock.adjust("300 seconds")
      expect([yield* Fiber.join(answered), yield* Fiber.join(unbounded)]).toEqual(["stored", "stored"])
    })
  )

  it.effect("asks nothing while our own limit holds the bytes back", () =>
    Effect.gen(function* () {
      const attempt = (touch: SignsOfLife["touch"], took: SignsOfLife["took"]) =>
        Effect.gen(function* () {
          touch("held")
          yield* Effect.sleep("5 minutes")
          touch("freed")
          took(floor.bytes)
          return "stored"
        })
      const fiber = yield* Effect.forkChild(watched(attempt, { ...options, floor }))
      yield* TestClock.adjust("6 minutes")
      expect(yield* Fiber.join(fiber)).toBe("stored")
    })
  )
})

describe("the deadline of an attempt", () => {
  it("leaves a large part the time that a slow line needs, and no attempt for ever", () => {
    expect(deadlineFor(600_000, 0, 1)).toBe(600_000)
    expect(deadlineFor(600_000, 8 * MiB, 1)).toBe(600_000 + 1_024_000)
    expect(deadlineFor(600_000, 5 * GiB, 1)).toBeGreaterThan(7 * 86_400_000)
    expect(deadlineFor(600_000, 5 * GiB, MiB)).toBe(600_000 + 5_120_000)
  })
})
