/** A second store that is away for hours, on virtual time and with the defaults of the engine. */
import { describe, expect, it } from "@effect/vitest"
import { Janitor, Journal, ObjectStore, Source, Uploader, uploadError } from "@sluice/core"
import { mirror } from "@sluice/plugins/mirror"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { MiB, pattern, sha256 } from "./bytes.ts"
import { makeVirtualStore, type VirtualStore } from "./virtual-store.ts"

const bytes = pattern(3 * 8 * MiB + 1)
const second = 1_000
const hour = 3_600 * second
const away = uploadError({ _tag: "Unavailable", message: "the network is gone", away: true })

const layerOf = ({ api }: VirtualStore) => Layer.succeed(ObjectStore.ObjectStore, api)

/** So much time, in steps: what runs reads, hashes and journals between one virtual moment and the next. */
const pass = Effect.fnUntraced(function* (time: number, step: number, isOver: () => boolean) {
  for (let at = 0; at < time && !isOver(); at += step) {
    yield* TestClock.adjust(step)
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
  }
})

describe("a mirror whose store is away from the beginning", () => {
  for (const [outage, until] of [
    ["five minutes", 300 * second],
    ["six hours", 6 * hour]
  ] as const) {
    it.effect(`for ${outage} has the object in the end, and the upload waited for nothing`, () =>
      Effect.gen(function* () {
        const warnings: Array<string> = []
        const first = yield* makeVirtualStore(() => undefined)
        const copies = yield* makeVirtualStore((_, at) => (at < until ? away : undefined))
        const plugins = [mirror({ to: layerOf(copies), key: ({ key }) => `copies/${key}` })]
        const journal = yield* Journal.makeMemory
        // A copy takes longer than a hook may: a second for its parts alone.
        const engine = Layer.mergeAll(
          Uploader.layer({ plugins, hookTimeoutMs: 500 }),
          Janitor.layer({ plugins, hookTimeoutMs: 500 })
        ).pipe(
          Layer.provide([
            layerOf(first),
            Layer.succeed(Journal.Journal, journal),
            Logger.layer([Logger.make(({ message }) => void warnings.push(String(message)))])
          ])
        )
        const context = yield* Layer.build(engine)
        const upload = Uploader.use((uploader) => uploader.upload({ key: "film", source: Source.fromBytes(bytes) }))
        const fiber = yield* Effect.forkChild(Effect.provideContext(upload, context))
        yield* pass(20 * second, second, () => fiber.pollUnsafe() !== undefined)
        const stored = yield* Fiber.join(fiber)
        expect(stored.proof).toBe("source")
        expect(copies.object("copies/film")).toBeUndefined()

        yield* Effect.forkChild(
          Effect.provideContext(
            Janitor.use((janitor) => janitor.run),
            context
          )
        )
        const isThere = (): boolean => copies.object("copies/film") !== undefined
        yield* pass(until, 10 * second, isThere)
        if (until > hour) expect(warnings.join()).toContain("stays owed")
        yield* pass(2 * hour, second, isThere)
        expect(sha256(copies.object("copies/film") ?? new Uint8Array())).toBe(sha256(bytes))
        expect(copies.openUploads()).toBe(0)
        yield* pass(60 * second, second, () => false)
        expect(yield* journal.listExpired(Number.POSITIVE_INFINITY)).toEqual([])
      })
    )
  }
})
