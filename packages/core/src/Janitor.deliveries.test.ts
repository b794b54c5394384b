/** What plugins have still to be told. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { begin, day, key, messenger, outcomes, owing, promise, sessionsOf } from "../test/janitor-world.ts"
import type * as Plugin from "./Plugin.ts"
import { type UploadError, uploadError } from "./UploadError.ts"

describe("the janitor", () => {
  promise("delivers what is still owed when its plugin is there and its receiver answers, under the same id", (world) =>
    Effect.gen(function* () {
      const error = uploadError({ _tag: "SizeMismatch", declared: 5, actual: 4 })
      yield* begin(world, { state: "failed", ...owing, news: { _tag: "Failed", reason: error.reason } })
      const told: Array<Plugin.Delivery> = []
      let deaf = true
      const plugins = [messenger(told, () => deaf)]
      // The process that ran it may still be trying.
      expect((yield* world.sweep({ plugins })).sessions).toEqual([])
      yield* TestClock.adjust(600_000)
      expect(outcomes(yield* world.sweep())).toEqual({ s: "owed" })
      expect(outcomes(yield* letTimePass(world.sweep({ plugins, maxAttempts: 2 })))).toEqual({ s: "owed" })
      deaf = false
      expect(outcomes(yield* world.sweep({ plugins }))).toEqual({ s: "delivered" })
      expect(told).toMatchObject([
        { event: { _tag: "UploadFailed", error: { reason: { _tag: "SizeMismatch", actual: 4 } } } }
      ])
      expect(told[0]?.id).toMatch(/^[0-9a-f]{64}$/)
      expect(yield* sessionsOf(world)).toEqual([])
    })
  )

  promise("tells a plugin that its upload was abandoned", (world) =>
    Effect.gen(function* () {
      yield* begin(world, { ...owing, undelivered: [] })
      yield* TestClock.adjust(8 * day)
      const told: Array<Plugin.Delivery> = []
      expect(outcomes(yield* world.sweep({ plugins: [messenger(told)] }))).toEqual({ s: "abandoned" })
      expect(told).toMatchObject([{ event: { _tag: "UploadCancelled", kept: false, key } }])
      expect(yield* sessionsOf(world)).toEqual([])
    })
  )
})

/**
 * Runs an effect that waits for virtual time between its work with real files and sockets. Never so fast that a lease of
 * half a minute runs out while the disk is at work.
 */
const letTimePass = <A>(effect: Effect.Effect<A, UploadError>): Effect.Effect<A, UploadError> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    while (fiber.pollUnsafe() === undefined) {
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1)))
      yield* TestClock.adjust(5)
    }
    return yield* Fiber.join(fiber)
  })
