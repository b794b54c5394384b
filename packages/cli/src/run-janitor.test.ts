import { assert, describe, it } from "@effect/vitest"
import { Journal, type JournalApi, makeMemory } from "@sluice/core/Journal"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { runJanitor } from "./run-janitor.ts"

const hour = 3_600_000

/** A journal that counts how often it was looked through, from when on sessions count as abandoned. */
const counted = Effect.map(makeMemory, (journal) => {
  const asked: Array<number> = []
  const counting: JournalApi = {
    ...journal,
    listExpired: (before) => {
      if (Number.isFinite(before)) asked.push(before)
      return journal.listExpired(before)
    }
  }
  // Nothing is asked of it where no session is due.
  const store = S3ObjectStore.layer({ bucket: "media", endpoint: "http://127.0.0.1:1", region: "us-east-1" })
  return { asked, kept: Layer.merge(store, Layer.succeed(Journal, counting)) }
})

describe("the Janitor of sluice serve", () => {
  it.effect("sweeps at the start and once a day, for what a day has been left alone", () =>
    Effect.gen(function* () {
      const { asked, kept } = yield* counted
      yield* TestClock.adjust(100 * hour)
      const fiber = yield* Effect.forkChild(runJanitor(kept, { everyMs: 24 * hour, olderThanMs: 24 * hour }, {}))
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(asked, [76 * hour])
      yield* TestClock.adjust(23 * hour)
      assert.strictEqual(asked.length, 1)
      yield* TestClock.adjust(hour)
      assert.deepStrictEqual(
        asked.slice(1).map((before) => Math.floor(before / hour)),
        [100]
      )
      yield* TestClock.adjust(48 * hour)
      assert.strictEqual(asked.length, 4)
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("does nothing where it is switched off", () =>
    Effect.gen(function* () {
      const { asked, kept } = yield* counted
      yield* runJanitor(kept, { everyMs: undefined, olderThanMs: 0 }, {})
      assert.deepStrictEqual(asked, [])
    })
  )
})
