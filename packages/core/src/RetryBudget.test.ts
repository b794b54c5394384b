import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { profiles } from "./Limits.ts"
import { around, type ObjectStoreApi } from "./ObjectStore.ts"
import { budgetOf, makeRetryBudget, retryTokens } from "./RetryBudget.ts"

const { capacity, perSecond } = retryTokens

/** How many of `count` retries at `price` got their tokens. */
const contend = Effect.fnUntraced(function* (count: number, price: number) {
  const budget = makeRetryBudget()
  let granted = 0
  const fiber = yield* Effect.forkChild(
    Effect.all(
      Array.from({ length: count }, () => Effect.tap(budget.take(price), () => Effect.sync(() => granted++))),
      { concurrency: "unbounded" }
    )
  )
  return { budget, fiber, granted: () => granted }
})

describe("the budget of a store", () => {
  it.effect("lets a burst through, then as many as tokens come back", () =>
    Effect.gen(function* () {
      const price = retryTokens.throttle
      const { fiber, granted } = yield* contend(1_000, price)
      yield* TestClock.adjust(0)
      assert.strictEqual(granted(), capacity / price)
      for (let second = 1; second <= 60; second++) {
        yield* TestClock.adjust("1 second")
        assert.strictEqual(granted(), (capacity + second * perSecond) / price)
      }
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("serves in order, and nothing that is small before what is large and was first", () =>
    Effect.gen(function* () {
      const budget = makeRetryBudget()
      yield* budget.take(capacity)
      const order: Array<string> = []
      const take = (name: string, tokens: number) =>
        Effect.forkChild(Effect.tap(budget.take(tokens), () => Effect.sync(() => order.push(name))))
      yield* take("large", 100)
      yield* TestClock.adjust(0)
      yield* take("small", 1)
      yield* TestClock.adjust("9900 millis")
      assert.deepStrictEqual(order, [])
      yield* TestClock.adjust("100 millis")
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual(order, ["large", "small"])
    })
  )

  it.effect("gives a success its tokens back, so that a store that recovers is used again", () =>
    Effect.gen(function* () {
      const { budget, fiber, granted } = yield* contend(1_000, retryTokens.throttle)
      yield* TestClock.adjust(0)
      const before = granted()
      for (let i = 0; i < 50; i++) budget.succeeded(retryTokens.throttle)
      yield* TestClock.adjust("1 second")
      assert.isAtLeast(granted() - before, 50)
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("never holds more than its capacity, however long nobody draws from it", () =>
    Effect.gen(function* () {
      const { fiber, granted } = yield* contend(0, 0)
      yield* Fiber.join(fiber)
      const budget = makeRetryBudget()
      yield* budget.take(1)
      yield* TestClock.adjust("1 hour")
      for (let i = 0; i < 1_000; i++) budget.succeeded(14)
      yield* budget.take(capacity)
      const next = yield* Effect.forkChild(budget.take(perSecond))
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(next.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(next)
      assert.strictEqual(granted(), 0)
    })
  )

  it.effect("lets go of a place in the queue that is not wanted any more", () =>
    Effect.gen(function* () {
      const budget = makeRetryBudget()
      yield* budget.take(capacity)
      const first = yield* Effect.forkChild(budget.take(capacity))
      yield* TestClock.adjust(0)
      const second = yield* Effect.forkChild(budget.take(perSecond))
      yield* TestClock.adjust(0)
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(second)
    })
  )

  it("is one, through whatever is put around the store", () => {
    const unused = (): never => {
      throw new Error("not called")
    }
    const store = (): ObjectStoreApi => ({
      bucket: "media",
      capabilities: profiles.generic,
      location: unused,
      createMultipartUpload: unused,
      uploadPart: unused,
      completeMultipartUpload: unused,
      abortMultipartUpload: unused,
      listParts: unused,
      listMultipartUploads: unused,
      putObject: unused,
      headObject: unused,
      getObject: unused,
      deleteObject: unused,
      headBucket: unused
    })
    const one = store()
    const wrapped = around(
      around(one, (_, run) => run),
      (_, run) => run
    )
    assert.strictEqual(budgetOf(wrapped), budgetOf(one))
    assert.notStrictEqual(budgetOf(store()), budgetOf(one))
  })
})
