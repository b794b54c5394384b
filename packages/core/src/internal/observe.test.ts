import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import type { UploadEvent } from "../UploadEvent.ts"
import { observe } from "./observe.ts"

const event = (sent: number): UploadEvent => ({
  _tag: "BytesSent",
  sent,
  stored: 0,
  sessionId: "s",
  bucket: "b",
  key: "k",
  at: 0
})

const number = (seen: UploadEvent): number => (seen._tag === "BytesSent" ? seen.sent : -1)

/** What is logged while `work` runs. */
const logged = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    yield* Effect.provide(work, Logger.layer([logger]))
    return lines
  })

describe("an observer", () => {
  it.effect("sees events in order, one at a time, also those that came while it was busy", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const seen: Array<string> = []
      const { tell, drain } = yield* observe({
        plugin: "p",
        on: (event) =>
          Effect.gen(function* () {
            seen.push(`begin ${number(event)}`)
            if (number(event) === 1) yield* Deferred.await(gate)
            seen.push(`end ${number(event)}`)
          })
      })
      for (const n of [1, 2, 3]) tell(event(n))
      assert.deepStrictEqual(seen, ["begin 1"])
      yield* Deferred.succeed(gate, undefined)
      yield* drain
      tell(event(4))
      yield* drain
      assert.deepStrictEqual(
        seen,
        [1, 2, 3, 4].flatMap((n) => [`begin ${n}`, `end ${n}`])
      )
    })
  )

  it.effect(
    "that throws or dies at events sees the next; the first is logged with its name, the others are counted",
    () =>
      Effect.gen(function* () {
        const seen: Array<number> = []
        const lines = yield* logged(
          Effect.gen(function* () {
            const { tell, drain } = yield* observe({
              plugin: "acme/clumsy",
              on: (event) => {
                seen.push(number(event))
                if (number(event) % 2 === 1) throw new Error("at once")
                return number(event) < 5 ? Effect.die(new Error("later")) : Effect.void
              }
            })
            for (const n of [1, 2, 3, 4, 5, 6]) tell(event(n))
            yield* drain
          })
        )
        assert.deepStrictEqual(seen, [1, 2, 3, 4, 5, 6])
        assert.strictEqual(lines.length, 2)
        assert.include(lines[0], 'plugin "acme/clumsy" failed while observing BytesSent; the upload goes on')
        assert.strictEqual(lines[1], 'plugin "acme/clumsy" failed while observing 4 events more')
      })
  )

  it.effect("that falls behind by more than 1,024 events misses some, and the end says how many", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const seen: Array<number> = []
      const lines = yield* logged(
        Effect.gen(function* () {
          const { tell, drain } = yield* observe({
            plugin: "acme/slow",
            on: (event) =>
              Effect.andThen(
                Deferred.await(gate),
                Effect.sync(() => void seen.push(number(event)))
              )
          })
          for (let n = 0; n < 1_030; n++) tell(event(n))
          yield* Deferred.succeed(gate, undefined)
          yield* drain
        })
      )
      assert.deepStrictEqual(
        seen,
        Array.from({ length: 1_025 }, (_, n) => n)
      )
      assert.isTrue(lines.some((line) => line.includes('"acme/slow" observed too slowly and missed 5 events')))
    })
  )

  it.effect("that never ends is waited for no longer than five seconds, and ended with its scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      let ended = false
      const { tell, drain } = yield* Scope.provide(
        observe({
          plugin: "p",
          on: () =>
            Effect.onInterrupt(Effect.never, () =>
              Effect.sync(() => {
                ended = true
              })
            )
        }),
        scope
      )
      tell(event(1))
      const end = yield* Effect.forkChild(drain)
      yield* TestClock.adjust(4_999)
      assert.isUndefined(end.pollUnsafe())
      yield* TestClock.adjust(1)
      yield* Fiber.join(end)
      assert.isFalse(ended)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(ended)
    })
  )
})
