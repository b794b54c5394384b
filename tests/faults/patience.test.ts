/** What takes its time and may: a long Complete, a slow source, a slow observer (docs/reliability.md). */
import { assert, describe, it } from "@effect/vitest"
import { Journal, ObjectStore, Plugin, Source, type UploadEvent, Uploader } from "@sluice/core"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { MiB, pattern, sha256 } from "../engine/bytes.ts"
import { makeVirtualStore, type VirtualStore } from "../engine/virtual-store.ts"

const bytes = pattern(8 * MiB + 1)
type Complete = ObjectStore.ObjectStoreApi["completeMultipartUpload"]

interface Trial {
  readonly complete?: (real: Complete, store: VirtualStore) => Complete
  readonly source?: (atSecond: (second: number) => Promise<void>) => Source.Source
  readonly plugins?: ReadonlyArray<Plugin.Plugin>
}

/** One upload on virtual time; what the store was asked, and when it ended. */
const uploading = Effect.fnUntraced(function* ({ complete, source, plugins = [] }: Trial) {
  const store = yield* makeVirtualStore(() => undefined)
  const asked: Array<string> = []
  const real = store.api.completeMultipartUpload
  const changed = { ...store.api, completeMultipartUpload: complete?.(real, store) ?? real }
  const api = ObjectStore.around(changed, ({ _tag }, run) =>
    Effect.andThen(
      Effect.sync(() => asked.push(_tag)),
      run
    )
  )
  const layer = Uploader.layer({ plugins: [...plugins] }).pipe(
    Layer.provide([Layer.succeed(ObjectStore.ObjectStore, api), Journal.layerMemory])
  )
  const began = yield* Clock.currentTimeMillis
  const waiting = new Map<number, PromiseWithResolvers<void>>()
  const atSecond = (second: number): Promise<void> => {
    const moment = Promise.withResolvers<void>()
    waiting.set(second, moment)
    return moment.promise
  }
  const body = source?.(atSecond) ?? Source.fromBytes(bytes)
  const upload = Uploader.use((uploader) => uploader.upload({ key: "key", source: body }))
  const fiber = yield* Effect.forkChild(Effect.provide(upload, layer))
  for (let second = 1; second <= 3_600 && fiber.pollUnsafe() === undefined; second++) {
    yield* TestClock.adjust("1 second")
    waiting.get(second)?.resolve()
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
  }
  const stored = yield* Fiber.join(fiber)
  const object = store.object("key")
  assert.strictEqual(object && sha256(object), sha256(bytes))
  assert.strictEqual(store.openUploads(), 0)
  const count = (operation: string): number => asked.filter((one) => one === operation).length
  return { stored, count, seconds: ((yield* Clock.currentTimeMillis) - began) / 1_000 }
})

describe("a Complete", () => {
  it.effect("that works for ten minutes, and says so in white space, is waited for [row 39]", () =>
    Effect.gen(function* () {
      const { count, seconds } = yield* uploading({
        complete: (real) => (input) =>
          Effect.sync(() => input.onActivity?.()).pipe(
            Effect.delay("20 seconds"),
            Effect.repeat({ times: 29 }),
            Effect.andThen(real(input))
          )
      })
      assert.strictEqual(count("CompleteMultipartUpload"), 1)
      assert.isAtLeast(seconds, 600)
    })
  )

  it.effect("that was applied and whose connection then dies in silence is found, not sent again [row 40]", () =>
    Effect.gen(function* () {
      const { count } = yield* uploading({ complete: (real) => (input) => Effect.andThen(real(input), Effect.never) })
      assert.strictEqual(count("CompleteMultipartUpload"), 1)
      assert.strictEqual(count("HeadObject"), 1)
    })
  )

  it.effect("that was not applied when its connection died in silence is sent again [row 40]", () =>
    Effect.gen(function* () {
      let times = 0
      const { count } = yield* uploading({
        complete: (real) => (input) => (times++ === 0 ? Effect.never : real(input))
      })
      assert.strictEqual(count("CompleteMultipartUpload"), 2)
    })
  )
})

it.effect.each([60, 1_800])("a source that gives nothing for %i s, and then goes on, ends nothing [row 52]", (pause) =>
  Effect.gen(function* () {
    const { count, seconds } = yield* uploading({
      source: (atSecond) =>
        Source.fromAsyncIterable(
          (async function* () {
            yield bytes.subarray(0, 8 * MiB + 1 - 10)
            await atSecond(pause)
            yield bytes.subarray(8 * MiB + 1 - 10)
          })()
        )
    })
    assert.strictEqual(count("UploadPart"), 2)
    assert.isAtLeast(seconds, pause)
  })
)

const orders = ["12345", "54321", "31524", "25143", "45123", "13542"]

it.effect.each(orders)("parts that are stored in the order %s give the same object [row 27]", (order) =>
  Effect.gen(function* () {
    const bytes = pattern(4 * 5 * MiB + 1)
    const store = yield* makeVirtualStore(
      () => undefined,
      ({ partNumber }) => 1_000 * (order.indexOf(String(partNumber)) + 1)
    )
    const stored: Array<number> = []
    const onEvent = (event: UploadEvent): void => {
      if (event._tag === "PartStored") stored.push(event.partNumber)
    }
    const request = { key: "key", source: Source.fromBytes(bytes), partSize: 5 * MiB, concurrency: 5 }
    const layer = Uploader.layer().pipe(
      Layer.provide([Layer.succeed(ObjectStore.ObjectStore, store.api), Journal.layerMemory])
    )
    const upload = Uploader.use((uploader) => uploader.upload(request, { onEvent }))
    const fiber = yield* Effect.forkChild(Effect.provide(upload, layer))
    while (fiber.pollUnsafe() === undefined) {
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      if (store.attempts.length === 5) yield* TestClock.adjust("1 second")
    }
    yield* Fiber.join(fiber)
    assert.strictEqual(stored.join(""), order)
    assert.strictEqual(sha256(store.object("key") ?? new Uint8Array()), sha256(bytes))
  })
)

it.effect("an observer that hangs holds the end of an upload for five seconds, and not longer [row 60]", () =>
  Effect.gen(function* () {
    const plugin = Plugin.make({ name: "acme/hangs", open: () => Effect.succeed({ on: () => Effect.never }) })
    const idle = yield* uploading({})
    const { seconds } = yield* uploading({ plugins: [plugin] })
    assert.isAtMost(seconds, idle.seconds + 6)
  })
)
