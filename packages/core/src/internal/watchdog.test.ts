import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { watched } from "./watchdog.ts"

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
            return Effect.sleep("1 hour").pipe(
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
            return Effect.sleep("1 hour").pipe(
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
      yield* TestClock.adjust("3619 seconds")
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
