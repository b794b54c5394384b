/**
 * Outages, on virtual time and with the defaults of the engine: peers drop an upload after 1.2 s of trouble.
 */
import { assert, describe, it } from "@effect/vitest"
import { type EngineOptions, Journal, ObjectStore, Source, type UploadError, Uploader, uploadError } from "@sluice/core"
import { retryTokens } from "@sluice/core/RetryBudget"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { MiB, pattern, sha256 } from "./bytes.ts"
import { makeVirtualStore, type Pace, type Weather } from "./virtual-store.ts"

const size = 6 * 8 * MiB + 1
const bytes = pattern(size)
const minutes = (n: number): number => n * 60_000

const slowDown = uploadError({ _tag: "Throttled", code: "SlowDown" })
const away = uploadError({ _tag: "Unavailable", message: "the network is gone", away: true })
const failing = uploadError({ _tag: "Unavailable", message: "InternalError" })

type Options = Partial<EngineOptions>

/** `count` uploads at once under this weather, until they have ended or the time is over. */
const uploading = Effect.fnUntraced(function* (
  weather: Weather,
  time: number,
  options: Options = {},
  count = 1,
  pace?: Pace
) {
  const body = count === 1 ? bytes : bytes.subarray(0, 17 * MiB)
  const store = yield* makeVirtualStore(weather, pace)
  const layer = Uploader.layer(options).pipe(
    Layer.provideMerge(Layer.merge(Layer.succeed(ObjectStore.ObjectStore, store.api), Journal.layerMemory))
  )
  const all = Uploader.use((uploader) =>
    Effect.all(
      Array.from({ length: count }, (_, i) =>
        Effect.exit(uploader.upload({ key: `object-${i}`, source: Source.fromBytes(body) }))
      ),
      { concurrency: "unbounded" }
    )
  )
  const context = yield* Layer.build(layer)
  const fiber = yield* Effect.forkChild(Effect.provideContext(all, context))
  // In steps: an upload reads, hashes and journals between one virtual moment and the next.
  for (let at = 0; at < time && fiber.pollUnsafe() === undefined; at += 1_000) {
    yield* TestClock.adjust("1 second")
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
  }
  const exits = yield* Fiber.join(fiber)
  return { store, exits, context }
})

const failureOf = ([exit]: ReadonlyArray<Exit.Exit<unknown, UploadError>>): Effect.Effect<UploadError> =>
  exit === undefined || Exit.isSuccess(exit) ? Effect.die("the upload did not fail") : Effect.orDie(Effect.flip(exit))

const during =
  (operation: string | undefined, from: number, to: number, error: UploadError): Weather =>
  (called, at) =>
    (operation === undefined || called === operation) && at >= from && at < to ? error : undefined

describe("with the engine's defaults", () => {
  it.effect("an upload outlives 60 s of 503 on every part [row 7]", () =>
    Effect.gen(function* () {
      const { store, exits } = yield* uploading(during("UploadPart", 0, 60_000, slowDown), minutes(10))
      assert.isTrue(exits.every(Exit.isSuccess))
      assert.strictEqual(sha256(store.object("object-0") ?? new Uint8Array()), sha256(bytes))
      assert.strictEqual(store.openUploads(), 0)
    })
  )

  it.effect("and so do twelve at once, which share what retries may cost [row 7]", () =>
    Effect.gen(function* () {
      const { store, exits } = yield* uploading(during("UploadPart", 0, 60_000, slowDown), minutes(15), {}, 12)
      assert.isTrue(exits.every(Exit.isSuccess))
      const retries = store.attempts.filter(({ attempt }) => attempt > 1)
      for (let second = 1; second <= 60; second++) {
        const until = retries.filter(({ at }) => at < second * 1_000).length
        const tokens = retryTokens.capacity + second * retryTokens.perSecond
        assert.isAtMost(until, tokens / retryTokens.throttle + 1, `retries in the first ${second} s`)
      }
    })
  )

  it.effect("a network that is gone for nine minutes is outlived [row 13]", () =>
    Effect.gen(function* () {
      const { store, exits } = yield* uploading(during(undefined, 1_500, minutes(9), away), minutes(20))
      assert.isTrue(exits.every(Exit.isSuccess))
      assert.strictEqual(sha256(store.object("object-0") ?? new Uint8Array()), sha256(bytes))
    })
  )

  it.effect("one that is gone for fifteen ends the upload, which is kept where it is to be, and resumed", () =>
    Effect.gen(function* () {
      const gone = during(undefined, 1_500, minutes(15), away)
      const { store, exits, context } = yield* uploading(gone, minutes(30), { onFailure: "keep" })
      const error = yield* failureOf(exits)
      assert.strictEqual(error.reason._tag, "Unavailable")
      assert.strictEqual(error.retry, "persistent")
      assert.strictEqual(store.openUploads(), 1)
      yield* TestClock.adjust("15 minutes")
      const before = new Set(store.attempts.filter(({ at }) => at < 500).map(({ partNumber }) => partNumber))
      const resumed = yield* Effect.forkChild(
        Uploader.use((uploader) => uploader.resume(error.sessionId ?? "", { source: Source.fromBytes(bytes) })).pipe(
          Effect.provideContext(context)
        )
      )
      for (let i = 0; i < 60; i++) {
        yield* TestClock.adjust("1 second")
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      assert.strictEqual((yield* Fiber.join(resumed)).size, size)
      assert.strictEqual(sha256(store.object("object-0") ?? new Uint8Array()), sha256(bytes))
      const after = store.attempts.filter(({ at }) => at > minutes(15)).map(({ partNumber }) => partNumber)
      for (const partNumber of after) assert.isFalse(before.has(partNumber), `part ${partNumber} was stored`)
    })
  )

  it.effect("a store that was never there is told within a minute", () =>
    Effect.gen(function* () {
      const { exits } = yield* uploading(() => away, minutes(1))
      assert.strictEqual((yield* failureOf(exits)).attempts, 8)
    })
  )

  it.effect("a part that the store answers with 500 for ever is told after eight attempts", () =>
    Effect.gen(function* () {
      const { store, exits } = yield* uploading(during("UploadPart", 0, Number.POSITIVE_INFINITY, failing), minutes(5))
      assert.strictEqual((yield* failureOf(exits)).attempts, 8)
      assert.strictEqual(store.openUploads(), 0)
    })
  )
})

describe("one connection that is slow at the very end", () => {
  const sunshine: Weather = () => undefined
  /** The last part's first attempt takes 15 s, the others take one. */
  const slow: Pace = ({ partNumber, attempt }) => (partNumber === 7 && attempt === 1 ? 15_000 : 1_000)
  const sent = (attempts: ReadonlyArray<{ readonly partNumber: number }>): number =>
    attempts.filter(({ partNumber }) => partNumber === 7).length

  it.effect("is waited for by default", () =>
    Effect.gen(function* () {
      const { store, exits } = yield* uploading(sunshine, minutes(1), {}, 1, slow)
      assert.isTrue(exits.every(Exit.isSuccess))
      assert.strictEqual(sent(store.attempts), 1)
    })
  )

  it.effect("is overtaken by a second attempt where that is asked for", () =>
    Effect.gen(function* () {
      const { store, exits } = yield* uploading(sunshine, minutes(1), { hedge: "last-part" }, 1, slow)
      assert.isTrue(exits.every(Exit.isSuccess))
      assert.strictEqual(sent(store.attempts), 2)
      assert.strictEqual(sha256(store.object("object-0") ?? new Uint8Array()), sha256(bytes))
      assert.isBelow(store.attempts.at(-1)?.at ?? 0, 10_000)
    })
  )
})
