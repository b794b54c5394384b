import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import type { Hedge } from "../Defaults.ts"
import { budgetOf, retryTokens } from "../RetryBudget.ts"
import { type UploadError, uploadError } from "../UploadError.ts"
import { hedged, lastPartBegan } from "./hedge.ts"

const failed = uploadError({ _tag: "Unavailable", message: "first" })
const alsoFailed = uploadError({ _tag: "Unavailable", message: "second" })

/** Three parts of a second each are stored, and part 4 begins. */
const tail = Effect.fnUntraced(function* (
  attempt: (second: boolean) => Effect.Effect<string, UploadError>,
  { hedge = "last-part", last = true }: { readonly hedge?: Hedge; readonly last?: boolean } = {}
) {
  const run = { store: { bucket: "media" }, options: { hedge } }
  const others = yield* Effect.forkChild(
    Effect.forEach([1, 2, 3], (n) => hedged(run, n, () => Effect.delay(Effect.succeed("stored"), "1 second")), {
      concurrency: 3
    })
  )
  const log: Array<string> = []
  const logged = (second: boolean): Effect.Effect<string, UploadError> =>
    Effect.suspend(() => {
      const name = second ? "second" : "first"
      log.push(`${name} begins`)
      return Effect.onInterrupt(attempt(second), () =>
        // A socket that takes its time to close.
        Effect.delay(
          Effect.sync(() => log.push(`${name} ended`)),
          "50 millis"
        )
      )
    })
  const fiber = yield* Effect.forkChild(Effect.result(hedged(run, 4, logged)))
  if (last) yield* lastPartBegan(run)
  yield* TestClock.adjust("1 second")
  yield* Fiber.join(others)
  return { run, fiber, log }
})

const after = (seconds: number, answer: string) => Effect.delay(Effect.succeed(answer), seconds * 1_000)

describe("the last part", () => {
  it.effect("is sent a second time when it takes twice the median; the first answer counts, the other is awaited", () =>
    Effect.gen(function* () {
      const { fiber, log } = yield* tail((second) => after(second ? 1 : 3_600, second ? "second" : "first"))
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(log, ["first begins"])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(log, ["first begins", "second begins"])
      yield* TestClock.adjust("1 second")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("50 millis")
      assert.deepInclude(yield* Fiber.join(fiber), { success: "second" })
      assert.deepStrictEqual(log, ["first begins", "second begins", "first ended"])
    })
  )

  it.effect("keeps its first attempt, which may still win", () =>
    Effect.gen(function* () {
      const { fiber, log } = yield* tail((second) => after(second ? 60 : 5, second ? "second" : "first"))
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* Fiber.join(fiber), { success: "first" })
      assert.deepStrictEqual(log, ["first begins", "second begins", "second ended"])
    })
  )

  it.effect("is stored when one of the two fails, and fails with the first's error when both do", () =>
    Effect.gen(function* () {
      const outcome = Effect.fnUntraced(function* (
        first: Effect.Effect<string, UploadError>,
        second: Effect.Effect<string, UploadError>
      ) {
        const { fiber } = yield* tail((isSecond) => (isSecond ? second : first))
        yield* TestClock.adjust("1 minute")
        return yield* Fiber.join(fiber)
      })
      const fails = (seconds: number, error: UploadError) => Effect.delay(Effect.fail(error), seconds * 1_000)
      assert.deepInclude(yield* outcome(fails(3, failed), after(5, "second")), { success: "second" })
      assert.deepInclude(yield* outcome(after(9, "first"), fails(1, alsoFailed)), { success: "first" })
      assert.deepInclude(yield* outcome(fails(3, failed), fails(5, alsoFailed)), { failure: failed })
      assert.deepInclude(yield* outcome(fails(9, failed), fails(1, alsoFailed)), { failure: failed })
      // Before the second begins nobody waits for it.
      assert.deepInclude(yield* outcome(fails(1.5, failed), after(5, "second")), { failure: failed })
    })
  )

  it.effect("ends both attempts when it is interrupted", () =>
    Effect.gen(function* () {
      const { fiber, log } = yield* tail(() => after(3_600, "late"))
      yield* TestClock.adjust("5 seconds")
      const interrupted = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* TestClock.adjust("50 millis")
      yield* Fiber.join(interrupted)
      assert.deepStrictEqual(log.slice(2).sort(), ["first ended", "second ended"])
    })
  )

  it.effect("pays for it as for a retry, and is not sent twice when there are no tokens", () =>
    Effect.gen(function* () {
      const paid = yield* tail((second) => after(second ? 1 : 60, "stored"))
      yield* TestClock.adjust("2 seconds")
      const rest = retryTokens.capacity - retryTokens.passing
      assert.isFalse(yield* budgetOf(paid.run.store).takeNow(rest + 2 * retryTokens.perSecond + 1))

      const poor = yield* tail((second) => after(second ? 1 : 60, "stored"))
      yield* budgetOf(poor.run.store).take(retryTokens.capacity)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(poor.log, ["first begins"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(poor.log, ["first begins"])
    })
  )

  it.effect.each([
    { when: "unless it is asked for", options: { hedge: "off" } },
    { when: "while parts may follow", options: { last: false } }
  ] as const)("is not sent twice $when", ({ options }) =>
    Effect.gen(function* () {
      const { fiber, log } = yield* tail((second) => after(second ? 1 : 60, "stored"), options)
      yield* TestClock.adjust("2 minutes")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(log, ["first begins"])
    })
  )
})
