import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { defaults } from "./Defaults.ts"
import { GiB, MiB } from "./Limits.ts"
import { makeRetryBudget, type RetryBudget, retryTokens } from "./RetryBudget.ts"
import {
  delayFor,
  type RetryContext,
  type Retrying,
  type RetryOptions,
  retryClass,
  retrying,
  shouldRetry
} from "./RetryPolicy.ts"
import { invalidRequest, type UploadError, uploadError } from "./UploadError.ts"

const unavailable = (retryAfterMs?: number): UploadError =>
  uploadError({ _tag: "Unavailable", message: "down", ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
const throttled = (retryAfterMs?: number): UploadError =>
  uploadError({ _tag: "Throttled", code: "SlowDown", ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
const damaged = uploadError({ _tag: "ChecksumMismatch", message: "BadDigest" }, { retry: "temporary" })
const expired = uploadError({ _tag: "CredentialsUnavailable", message: "expired" }, { retry: "temporary" })
const skewed = uploadError({ _tag: "ClockSkewed", message: "skewed" }, { retry: "temporary" })
const away = uploadError({ _tag: "Unavailable", message: "ECONNREFUSED", away: true })

describe("the class of an error", () => {
  it("follows its reason while it is temporary", () => {
    assert.strictEqual(retryClass(unavailable()), "passing")
    assert.strictEqual(retryClass(throttled()), "throttle")
    assert.strictEqual(retryClass(damaged), "integrity")
    assert.strictEqual(retryClass(expired), "once")
    assert.strictEqual(retryClass(away), "away")
  })

  it("is never, when it is permanent or was retried enough", () => {
    assert.strictEqual(retryClass(invalidRequest("no")), "never")
    assert.strictEqual(retryClass(uploadError({ _tag: "Stalled", message: "" }, { retry: "persistent" })), "never")
  })
})

describe("the wait", () => {
  const attempt = fc.integer({ min: 1, max: 100 })
  const random = fc.double({ min: 0, max: 1, noNaN: true })

  it("is anywhere between zero and a bound that doubles up to the cap [row 1]", () => {
    fc.assert(
      fc.property(attempt, random, fc.boolean(), (attempt, random, isThrottled) => {
        const error = isThrottled ? throttled() : unavailable()
        const base = isThrottled ? defaults.throttleBaseMs : defaults.retryBaseMs
        const delay = delayFor({ error, attempt, random, options: defaults })
        const bound = Math.min(defaults.retryCapMs, base * 2 ** (attempt - 1))
        assert.isAtLeast(delay, 0)
        assert.isAtMost(delay, bound)
        assert.strictEqual(delayFor({ error, attempt, random: 1, options: defaults }), bound)
        assert.strictEqual(delayFor({ error, attempt, random: 0, options: defaults }), 0)
      })
    )
  })

  it("is no shorter than Retry-After, even beyond the cap, and no longer than the time that remains", () => {
    fc.assert(
      fc.property(attempt, random, fc.nat(100_000), fc.nat(100_000), (attempt, random, after, remainingMs) => {
        const delay = delayFor({ error: throttled(after), attempt, random, remainingMs, options: defaults })
        assert.isAtLeast(delay, Math.min(after, remainingMs))
        assert.isAtMost(delay, remainingMs)
      })
    )
  })
})

describe("another attempt", () => {
  const ask = (error: UploadError, attempt: number, elapsedMs = 0) =>
    shouldRetry({ error, attempt, elapsedMs, options: defaults })

  it("follows a passing fault until the attempts are used up", () => {
    assert.isTrue(ask(unavailable(), defaults.maxAttempts - 1))
    assert.isFalse(ask(unavailable(), defaults.maxAttempts))
  })

  it("never follows a permanent one", () => assert.isFalse(ask(invalidRequest("no"), 1)))

  it("follows damaged bytes twice, expired credentials once", () => {
    assert.isTrue(ask(damaged, 2))
    assert.isFalse(ask(damaged, 3))
    assert.isTrue(ask(expired, 1))
    assert.isFalse(ask(expired, 2))
  })

  it("does not follow when the time is over, or would be by the time that the store asks for", () => {
    assert.isFalse(ask(unavailable(), 1, defaults.retryWithinMs))
    assert.isFalse(ask(unavailable(1_001), 1, defaults.retryWithinMs - 1_000))
    assert.isTrue(ask(unavailable(999), 1, defaults.retryWithinMs - 1_000))
  })
})

/** Fails with these errors in a row, then answers with the attempt that succeeded. */
const failing = (errors: ReadonlyArray<UploadError>) => (attempt: number) => {
  const error = errors[attempt - 1]
  return error === undefined ? Effect.succeed(attempt) : Effect.fail(error)
}

/** Runs to the end on virtual time, and tells the retries and how long it took. */
const settle = Effect.fnUntraced(function* <A>(
  run: (attempt: number) => Effect.Effect<A, UploadError>,
  options: Partial<RetryOptions> = {},
  context: RetryContext = {}
) {
  const retries: Array<Retrying> = []
  const onRetry = (retry: Retrying) => Effect.sync(() => void retries.push(retry))
  const fiber = yield* Effect.forkChild(retrying(run, { ...defaults, ...options }, { ...context, onRetry }))
  yield* TestClock.adjust("1 hour")
  return { exit: yield* Fiber.await(fiber), retries }
})

describe("retrying", () => {
  it.effect("ends with the first success and tells each retry before its wait", () =>
    Effect.gen(function* () {
      const { exit, retries } = yield* settle(failing([unavailable(), throttled(3_000)]))
      assert.deepStrictEqual(exit, Exit.succeed(3))
      assert.deepStrictEqual(
        retries.map(({ attempt, error }) => [attempt, error.reason._tag]),
        [
          [1, "Unavailable"],
          [2, "Throttled"]
        ]
      )
      assert.isAtLeast(retries[1]?.delayMs ?? 0, 3_000)
    })
  )

  it.effect("waits as long as it said, and not longer", () =>
    Effect.gen(function* () {
      let attempts = 0
      const run = () => Effect.suspend(() => (++attempts === 1 ? Effect.fail(throttled(5_000)) : Effect.succeed("ok")))
      // Without luck: the wait is Retry-After itself.
      const fiber = yield* Effect.forkChild(
        Effect.provideService(retrying(run, defaults), Random.Random, {
          nextIntUnsafe: () => 0,
          nextDoubleUnsafe: () => 0
        })
      )
      yield* TestClock.adjust(4_999)
      assert.strictEqual(attempts, 1)
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* Fiber.join(fiber), "ok")
    })
  )

  it.effect("marks the last error persistent, with the attempts made", () =>
    Effect.gen(function* () {
      const { exit } = yield* settle(() => Effect.fail(unavailable()), { maxAttempts: 4 })
      const error = yield* Effect.flip(exit)
      assert.strictEqual(error.retry, "persistent")
      assert.strictEqual(error.attempts, 4)
      assert.include(error.message, "after 4 attempts")
    })
  )

  it.effect("leaves a permanent error permanent, after one attempt", () =>
    Effect.gen(function* () {
      const { exit, retries } = yield* settle(() => Effect.fail(invalidRequest("no")))
      const error = yield* Effect.flip(exit)
      assert.strictEqual(error.retry, "permanent")
      assert.strictEqual(error.attempts, 1)
      assert.deepStrictEqual(retries, [])
    })
  )

  it.effect("does not multiply the retries of an inner layer, nor lose their number", () =>
    Effect.gen(function* () {
      const inner = () => retrying(() => Effect.fail(unavailable()), { ...defaults, maxAttempts: 3 })
      const { exit, retries } = yield* settle(inner)
      assert.strictEqual((yield* Effect.flip(exit)).attempts, 3)
      assert.deepStrictEqual(retries, [])
    })
  )

  it.effect("counts damaged bytes for themselves: other faults before take nothing from their three", () =>
    Effect.gen(function* () {
      const faults = [unavailable(), unavailable(), damaged, unavailable(), damaged]
      assert.deepStrictEqual((yield* settle(failing(faults))).exit, Exit.succeed(6))
      const { exit } = yield* settle(failing([...faults, damaged]))
      assert.strictEqual((yield* Effect.flip(exit)).attempts, 6)
    })
  )

  it.effect("never starts an attempt after the time is over", () =>
    Effect.gen(function* () {
      const slow = () => Effect.andThen(Effect.sleep("4 minutes"), Effect.fail(unavailable()))
      const { exit } = yield* settle(slow, { maxAttempts: 100 })
      assert.strictEqual((yield* Effect.flip(exit)).attempts, 3)
    })
  )

  it.effect("stops when it is interrupted while waiting", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(retrying(() => Effect.fail(throttled(60_000)), defaults))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
    })
  )
})

/** A store's budget, of a store that has answered. */
const known = (): RetryBudget => {
  const budget = makeRetryBudget()
  budget.succeeded(0)
  return budget
}

const attemptsOf = Effect.fnUntraced(function* (
  error: UploadError,
  options: Partial<RetryOptions>,
  context: RetryContext = {}
) {
  return (yield* Effect.flip((yield* settle(() => Effect.fail(error), options, context)).exit)).attempts ?? 0
})

describe("what the store has not dealt with", () => {
  const long = { retryWithinMs: 86_400_000 }

  it.effect("counts apart when it was throttled: all attempts together are bounded", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* attemptsOf(throttled(), { ...long, retryCapMs: 1_000 }), defaults.maxAttemptsInAll)
      assert.strictEqual(yield* attemptsOf(throttled(), { maxAttempts: 4, maxAttemptsInAll: 4 }), 4)
    })
  )

  it.effect("counts apart when there was no way to a store that has answered before", () =>
    Effect.gen(function* () {
      const options = { ...long, retryCapMs: 1_000 }
      assert.strictEqual(yield* attemptsOf(away, options, { budget: known() }), defaults.maxAttemptsInAll)
      assert.strictEqual(yield* attemptsOf(away, options, { budget: makeRetryBudget() }), defaults.maxAttempts)
      assert.strictEqual(yield* attemptsOf(away, options), defaults.maxAttempts)
    })
  )

  it.effect("takes nothing from the attempts that it has", () =>
    Effect.gen(function* () {
      const faults = Array.from({ length: 30 }, () => throttled())
      const { exit } = yield* settle(failing([...faults, ...Array.from({ length: 7 }, () => unavailable())]), long)
      assert.deepStrictEqual(exit, Exit.succeed(38))
      const one = yield* settle(failing([...faults, ...Array.from({ length: 8 }, () => unavailable())]), long)
      assert.strictEqual((yield* Effect.flip(one.exit)).attempts, 38)
    })
  )

  it.effect("is given up when a network stays away for 15 minutes: persistent, so that it can be kept", () =>
    Effect.gen(function* () {
      const began = yield* Clock.currentTimeMillis
      const heals = (minutes: number) => () =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          now - began < minutes * 60_000 ? Effect.fail(away) : Effect.succeed("ok")
        )
      const { exit } = yield* settle(heals(15), {}, { budget: known() })
      const error = yield* Effect.flip(exit)
      assert.strictEqual(error.retry, "persistent")
      assert.strictEqual(error.reason._tag, "Unavailable")
    })
  )

  it.effect("is outlived when a network is away for nine", () =>
    Effect.gen(function* () {
      const began = yield* Clock.currentTimeMillis
      const heals = () =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          now - began < 9 * 60_000 ? Effect.fail(away) : Effect.succeed("ok")
        )
      assert.deepStrictEqual((yield* settle(heals, {}, { budget: known() })).exit, Exit.succeed("ok"))
    })
  )
})

describe("what was mended", () => {
  it.effect("is tried once more, at once, each kind for itself", () =>
    Effect.gen(function* () {
      const { exit, retries } = yield* settle(failing([expired, skewed]))
      assert.deepStrictEqual(exit, Exit.succeed(3))
      assert.deepStrictEqual(
        retries.map(({ delayMs }) => delayMs),
        [0, 0]
      )
      assert.strictEqual(yield* attemptsOf(skewed, {}), 2)
    })
  )
})

describe("the time that a request outlives", () => {
  it.effect("is not used up by a large part that moves", () =>
    Effect.gen(function* () {
      const bytes = 5 * GiB
      const slow = (attempt: number) =>
        Effect.andThen(Effect.sleep("17 minutes"), attempt < 3 ? Effect.fail(unavailable()) : Effect.succeed("ok"))
      const fiber = yield* Effect.forkChild(retrying(slow, defaults, { bytes }))
      yield* TestClock.adjust("2 hours")
      assert.strictEqual(yield* Fiber.join(fiber), "ok")
    })
  )

  it.effect("is not used up by waiting for a place of ours", () =>
    Effect.gen(function* () {
      let waited = 0
      const queued = (attempt: number) =>
        Effect.sleep("20 minutes").pipe(
          Effect.tap(() =>
            Effect.sync(() => {
              waited += 1_200_000
            })
          ),
          Effect.andThen(attempt < 3 ? Effect.fail(unavailable()) : Effect.succeed("ok"))
        )
      const fiber = yield* Effect.forkChild(retrying(queued, defaults, { waitedMs: () => waited }))
      yield* TestClock.adjust("2 hours")
      assert.strictEqual(yield* Fiber.join(fiber), "ok")
    })
  )

  it.effect("is used up by attempts that last longer than their bytes would need", () =>
    Effect.gen(function* () {
      const slow = () => Effect.andThen(Effect.sleep("4 minutes"), Effect.fail(unavailable()))
      const { exit } = yield* settle(slow, { maxAttempts: 100 }, { bytes: 8 * MiB })
      assert.strictEqual((yield* Effect.flip(exit)).attempts, 3)
    })
  )
})

describe("a store that throttles everybody", () => {
  /** `parts` requests at once against a store that answers 503 for a minute; when each attempt began. */
  const outage = Effect.fnUntraced(function* (parts: number) {
    const budget = known()
    const began = yield* Clock.currentTimeMillis
    const attempts: Array<{ readonly at: number; readonly attempt: number }> = []
    const send = (attempt: number) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        attempts.push({ at: now - began, attempt })
        return now - began < 60_000 ? Effect.fail(throttled()) : Effect.delay(Effect.succeed("stored"), "100 millis")
      })
    const fiber = yield* Effect.forkChild(
      Effect.all(
        Array.from({ length: parts }, () => retrying(send, defaults, { budget })),
        { concurrency: "unbounded" }
      )
    )
    yield* TestClock.adjust("15 minutes")
    return { exit: yield* Fiber.await(fiber), retries: attempts.filter(({ attempt }) => attempt > 1) }
  })

  it.effect("for a minute fails none of a thousand parts, and is not run over", () =>
    Effect.gen(function* () {
      const { exit, retries } = yield* outage(1_000)
      assert.isTrue(Exit.isSuccess(exit))
      const within = (from: number, to: number) => retries.filter(({ at }) => at >= from && at < to).length
      const burst = retryTokens.capacity / retryTokens.throttle
      const rate = retryTokens.perSecond / retryTokens.throttle
      for (let second = 1; second <= 60; second++) {
        assert.isAtMost(within(0, second * 1_000), burst + rate * second, `the first ${second} s`)
      }
      // Tokens come back with the successes: all are stored long before 5,000 of them would have trickled in.
      assert.isAtMost(retries.at(-1)?.at ?? 0, 180_000)
      // It recovers by doubling, not by a jump.
      assert.isAtMost(within(60_000, 61_000), 5 * rate)
    })
  )
})
