/** Hooks that never answer: how long the engine waits, and what the caller hears (docs/hooks.md). */
import { describe, expect, it } from "@effect/vitest"
import { Journal, ObjectStore, Source, type UploadError, Uploader } from "@sluice/core"
import { Objects } from "@sluice/core/Objects"
import * as Plugin from "@sluice/core/Plugin"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import { MiB, pattern } from "./bytes.ts"
import { makeVirtualStore } from "./virtual-store.ts"

const bytes = pattern(8 * MiB + 1)
const hookTimeoutMs = 60_000

/** A plugin's `hang`, which tells when it began to hang. */
type Hanging = (hang: Effect.Effect<never>) => Partial<Plugin.Plugin>

/** Two hours, or as long as the fiber runs. */
const passing = Effect.fnUntraced(function* (fiber: Fiber.Fiber<unknown, unknown>) {
  for (let second = 0; second < 7_200 && fiber.pollUnsafe() === undefined; second++) {
    yield* TestClock.adjust("1 second")
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
  }
})

const uploading = Effect.fnUntraced(function* (hanging: Hanging, source: Source.Source = Source.fromBytes(bytes)) {
  const store = yield* makeVirtualStore(() => undefined)
  const clock = yield* Clock.Clock
  let since = 0
  let interrupted = 0
  const hang = Effect.suspend(() => {
    since = clock.currentTimeMillisUnsafe()
    return Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++))
  })
  const plugin: Plugin.Plugin = { name: "acme/hangs", open: () => Effect.succeed({}), ...hanging(hang) }
  const layer = Uploader.layer({ hookTimeoutMs, multipart: "always", plugins: [plugin] }).pipe(
    Layer.provide([Layer.succeed(ObjectStore.ObjectStore, store.api), Journal.layerMemory, Logger.layer([])])
  )
  const upload = Uploader.use((uploader) => uploader.upload({ key: "key", source }))
  const fiber = yield* Effect.forkChild(Effect.provide(upload, layer))
  let endedAt = 0
  fiber.addObserver(() => {
    endedAt = clock.currentTimeMillisUnsafe()
  })
  yield* passing(fiber)
  const exit = yield* Fiber.await(fiber)
  expect(store.openUploads()).toBe(0)
  return { exit, store, interrupted, waitedMs: endedAt - since }
})

const failure = (exit: Exit.Exit<unknown, UploadError>): UploadError => Option.getOrThrow(Exit.findErrorOption(exit))

const hooks =
  (make: (hang: Effect.Effect<never>) => Plugin.Hooks): Hanging =>
  (hang) => ({
    open: () => Effect.succeed(make(hang))
  })
const observing = { stage: "observe", size: "same", replay: "deterministic" } as const

const hangs: ReadonlyArray<readonly [string, Hanging]> = [
  ["open", (hang) => ({ open: () => hang })],
  ["plan", hooks((plan) => ({ plan: () => plan }))],
  ["part", hooks((hang) => ({ part: { stage: "observe", overhead: () => 0, transform: () => hang } }))],
  ["finish", hooks((hang) => ({ finish: () => hang }))],
  ["verify", hooks((hang) => ({ verify: () => hang }))],
  [
    "body",
    hooks((hang) => ({
      body: {
        ...observing,
        transform: async function* (chunks) {
          for await (const chunk of chunks) {
            yield chunk
            await Effect.runPromise(hang)
          }
        }
      }
    }))
  ]
]

describe("a hook that never answers", () => {
  it.effect.each(hangs)("in %s ends the upload after hookTimeoutMs, naming plugin and hook", ([hook, hanging]) =>
    Effect.gen(function* () {
      const { exit, interrupted, store, waitedMs } = yield* uploading(hanging)
      const error = failure(exit)
      expect(error.reason).toMatchObject({ _tag: "PluginFailed", plugin: "acme/hangs", hook })
      expect(error.message).toContain("hookTimeoutMs")
      expect(waitedMs).toBeGreaterThanOrEqual(hookTimeoutMs)
      expect(waitedMs).toBeLessThan(hookTimeoutMs + 2_000)
      // A promise cannot be.
      expect(interrupted > 0).toBe(hook !== "body")
      // After Complete nothing can be taken back.
      expect(store.object("key") !== undefined).toBe(hook === "verify")
    })
  )

  it.effect("and does not hear that it shall stop is left behind after five seconds more", () =>
    Effect.gen(function* () {
      const { exit, waitedMs } = yield* uploading(hooks((hang) => ({ plan: () => Effect.uninterruptible(hang) })))
      expect(failure(exit).reason).toMatchObject({ plugin: "acme/hangs", hook: "plan" })
      expect(waitedMs).toBeGreaterThanOrEqual(hookTimeoutMs + 5_000)
      expect(waitedMs).toBeLessThan(hookTimeoutMs + 7_000)
    })
  )

  it.effect("in read ends the reading after hookTimeoutMs, naming plugin and hook, before a byte was asked for", () =>
    Effect.gen(function* () {
      const store = yield* makeVirtualStore(() => undefined)
      const clock = yield* Clock.Clock
      let interrupted = 0
      const hang = Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++))
      const plugin: Plugin.Plugin = {
        name: "acme/hangs",
        open: () => Effect.succeed({}),
        read: { stage: "encrypt", open: () => hang }
      }
      let asked = 0
      const getObject: ObjectStore.ObjectStoreApi["getObject"] = (input) =>
        Effect.andThen(
          Effect.sync(() => void asked++),
          store.api.getObject(input)
        )
      const at = Layer.succeed(ObjectStore.ObjectStore, { ...store.api, getObject })
      const engine = { hookTimeoutMs, plugins: [plugin] }
      const layer = Objects.layer(engine).pipe(
        Layer.provideMerge(Uploader.layer(engine)),
        Layer.provide([at, Journal.layerMemory])
      )
      const work = Effect.gen(function* () {
        yield* Uploader.use((uploader) => uploader.upload({ key: "key", source: Source.fromBytes(bytes) }))
        const since = clock.currentTimeMillisUnsafe()
        const objects = yield* Objects
        const error = yield* Effect.flip(Effect.scoped(objects.read({ key: "key" })))
        return { error, waitedMs: clock.currentTimeMillisUnsafe() - since }
      })
      const fiber = yield* Effect.forkChild(Effect.provide(work, layer))
      yield* passing(fiber)
      const { error, waitedMs } = yield* Fiber.join(fiber)
      expect(error.reason).toMatchObject({ _tag: "PluginFailed", plugin: "acme/hangs", hook: "read" })
      expect(error.message).toContain("hookTimeoutMs")
      expect(waitedMs).toBeGreaterThanOrEqual(hookTimeoutMs)
      expect(waitedMs).toBeLessThan(hookTimeoutMs + 5_000)
      expect([interrupted, asked]).toEqual([1, 0])
    })
  )

  it.effect("in deliver holds up no upload, and is tried again under the same id", () =>
    Effect.gen(function* () {
      const store = yield* makeVirtualStore(() => undefined)
      const tries: Array<string> = []
      const send: Plugin.DeliverHook["send"] = ({ id }) =>
        Effect.suspend(() => (tries.push(id) === 1 ? Effect.never : Effect.void))
      const deliver = { name: "acme/hangs", events: ["UploadCompleted"], send } as const
      const layer = Uploader.layer({
        hookTimeoutMs,
        plugins: [Plugin.make({ name: "acme/hangs", open: () => Effect.succeed({ deliver }) })]
      }).pipe(Layer.provide([Layer.succeed(ObjectStore.ObjectStore, store.api), Journal.layerMemory]))
      const work = Effect.gen(function* () {
        const uploader = yield* Uploader
        yield* uploader.upload({ key: "key", source: Source.fromBytes(bytes) })
        const storedAt = yield* Clock.currentTimeMillis
        while (tries.length < 2) yield* Effect.sleep("1 second")
        return (yield* Clock.currentTimeMillis) - storedAt
      })
      const fiber = yield* Effect.forkChild(Effect.provide(work, layer))
      yield* passing(fiber)
      const waitedMs = yield* Fiber.join(fiber)
      expect(waitedMs).toBeGreaterThanOrEqual(hookTimeoutMs)
      expect(waitedMs).toBeLessThan(hookTimeoutMs + 5_000)
      expect(tries[1]).toBe(tries[0])
    })
  )
})

describe("what may take its time", () => {
  it.effect("is a send hook: a rate limit makes a part wait for hours", () =>
    Effect.gen(function* () {
      let waits = 0
      const wait = Effect.andThen(
        Effect.sync(() => waits++),
        Effect.sleep("20 minutes")
      )
      const slow = hooks(() => ({ send: (part, next) => Effect.andThen(wait, next(part)) }))
      const { exit } = yield* uploading(slow)
      expect(Exit.isSuccess(exit)).toBe(true)
      // Nor a stall of the store: each of the two parts was sent once.
      expect(waits).toBe(2)
    })
  )

  it.effect("is a source: a body hook that waits for its input does not hang", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const slow = async function* (): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < bytes.length; at += 2 * MiB) {
          await Effect.runPromise(Effect.provideService(Effect.sleep("10 minutes"), Clock.Clock, clock))
          yield bytes.subarray(at, at + 2 * MiB)
        }
      }
      const watching = hooks(() => ({ body: { ...observing, transform: (chunks) => chunks } }))
      const { exit, store } = yield* uploading(watching, Source.fromAsyncIterable(slow()))
      expect(Exit.isSuccess(exit)).toBe(true)
      expect(store.object("key")?.length).toBe(bytes.length)
    })
  )

  it.effect("is a body hook that takes input and keeps it for long, as long as it takes more", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const hoarding = hooks(() => ({
        body: {
          ...observing,
          transform: async function* (chunks) {
            const kept: Array<Uint8Array> = []
            for await (const chunk of chunks) {
              kept.push(chunk)
              await Effect.runPromise(Effect.provideService(Effect.sleep("30 seconds"), Clock.Clock, clock))
            }
            yield* kept
          }
        }
      }))
      const { exit, store } = yield* uploading(hoarding, Source.fromBytes(bytes.subarray(0, 5 * 64 * 1024)))
      expect(Exit.isSuccess(exit)).toBe(true)
      expect(store.object("key")?.length).toBe(5 * 64 * 1024)
    })
  )
})
