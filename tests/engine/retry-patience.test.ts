/**
 * A line may be slower than anybody thought: what was ended for its silence is given more time when it is tried again.
 */
import { assert, describe, it } from "@effect/vitest"
import { type EngineOptions, Journal, ObjectStore, Source, Uploader } from "@sluice/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { MiB, pattern } from "./bytes.ts"
import { makeVirtualStore } from "./virtual-store.ts"

/** Whole seconds that each attempt of part 1 lasted, in an upload of two parts whose store takes so long for the first. */
const attemptsOf = Effect.fnUntraced(function* (answerAfterMs: number, options: Partial<EngineOptions> = {}) {
  const { api } = yield* makeVirtualStore(
    () => undefined,
    ({ partNumber }) => (partNumber === 1 ? answerAfterMs : 1_000)
  )
  const clock = yield* TestClock.testClockWith(Effect.succeed)
  const lasted: Array<number> = []
  const store: ObjectStore.ObjectStoreApi = {
    ...api,
    uploadPart: (input) => {
      const began = clock.currentTimeMillisUnsafe()
      const ended = Effect.sync(() => lasted.push(Math.round((clock.currentTimeMillisUnsafe() - began) / 1_000)))
      return input.partNumber === 1 ? Effect.ensuring(api.uploadPart(input), ended) : api.uploadPart(input)
    }
  }
  const upload = Uploader.use((uploader) =>
    uploader.upload({ key: "object", source: Source.fromBytes(pattern(8 * MiB + 1)) })
  ).pipe(
    Effect.provide(
      Uploader.layer({ concurrency: 1, ...options }).pipe(
        Layer.provide([Layer.succeed(ObjectStore.ObjectStore, store), Journal.layerMemory])
      )
    )
  )
  const fiber = yield* Effect.forkChild(Effect.exit(upload))
  for (let second = 0; second < 3_600 && fiber.pollUnsafe() === undefined; second++) {
    yield* TestClock.adjust("1 second")
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
  }
  return { lasted, stored: Exit.isSuccess(yield* Fiber.join(fiber)) }
})

describe("an attempt after one that stalled", () => {
  it.effect("may be silent for twice as long, so that a slow answer is heard at last", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* attemptsOf(30_000), { lasted: [20, 30], stored: true })
      assert.deepStrictEqual(yield* attemptsOf(70_000), { lasted: [20, 40, 70], stored: true })
    })
  )

  it.effect("and for four times as long at most", () =>
    Effect.gen(function* () {
      const { lasted, stored } = yield* attemptsOf(3_600_000, { maxAttempts: 5 })
      assert.deepStrictEqual([lasted, stored], [[20, 40, 80, 80, 80], false])
    })
  )

  it.effect("may last as many times as long in all", () =>
    Effect.gen(function* () {
      // 5 s, and what 8 MiB need on the slowest line: 1,024 s.
      const options = { attemptTimeoutMs: 5_000, stallTimeoutMs: 3_600_000, maxAttempts: 2 }
      const { lasted } = yield* attemptsOf(3_600_000, { ...options, minThroughput: 0, retryWithinMs: 7_200_000 })
      assert.deepStrictEqual(lasted, [1_029, 2_058])
    })
  )
})
