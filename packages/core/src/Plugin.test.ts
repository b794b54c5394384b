import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { profiles } from "./Limits.ts"
import { type Hooks, hookNames, make, type Plugin, type UploadContext } from "./Plugin.ts"

/** The upload that the engine would open a plugin for, with what it keeps. */
const upload = (saved?: unknown): { readonly context: UploadContext; readonly kept: Array<unknown> } => {
  const kept: Array<unknown> = []
  const context: UploadContext = {
    sessionId: "s1",
    bucket: "media",
    key: "a.bin",
    source: { size: 3, name: "a.bin", contentType: undefined, replayable: true, identity: undefined },
    capabilities: profiles.aws,
    annotations: {},
    resumed: saved !== undefined,
    saved,
    save: (state) => Effect.sync(() => void kept.push(state)),
    exists: () => Effect.succeed(false),
    stored: () => Effect.never
  }
  return { context, kept }
}

const Since = Schema.Struct({ since: Schema.DateFromString })

/** Remembers when it first ran. */
const clock = (seen: Array<Date | undefined>) =>
  make({
    name: "acme/clock",
    state: Since,
    open: Effect.fnUntraced(function* (upload) {
      seen.push(upload.saved?.since)
      if (upload.saved === undefined) yield* upload.save({ since: new Date(5) })
      return {}
    })
  })

describe("state", () => {
  it.effect("survives a restart: what save encoded, the next run decodes", () =>
    Effect.gen(function* () {
      const seen: Array<Date | undefined> = []
      const first = upload()
      yield* Effect.scoped(clock(seen).open(first.context))
      assert.deepStrictEqual(first.kept, [{ since: "1970-01-01T00:00:00.005Z" }])
      const second = upload(JSON.parse(JSON.stringify(first.kept[0])))
      yield* Effect.scoped(clock(seen).open(second.context))
      assert.deepStrictEqual(seen, [undefined, new Date(5)])
      assert.deepStrictEqual(second.kept, [])
    })
  )

  it.effect("of another shape fails the upload, naming the plugin", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(clock([]).open(upload({ since: 7 }).context)))
      assert.strictEqual(error.reason._tag, "PluginFailed")
      assert.include(error.message, 'plugin "acme/clock" failed in its state hook')
    })
  )

  it.effect("cannot be saved by a plugin that declared none", () =>
    Effect.gen(function* () {
      const careless = make({
        name: "acme/careless",
        open: (upload) => Effect.as(upload.save(undefined), {})
      })
      const error = yield* Effect.flip(Effect.scoped(careless.open(upload().context)))
      assert.include(error.message, "`state` schema")
    })
  )
})

describe("the type of a plugin", () => {
  class Quota extends Context.Service<Quota, { readonly left: number }>()("test/Quota") {}

  it.effect("names the services that open asks for, and not the scope that the engine gives", () =>
    Effect.gen(function* () {
      let closed = false
      const close = (): void => {
        closed = true
      }
      const metered: Plugin<Quota> = make({
        name: "acme/metered",
        open: Effect.fnUntraced(function* () {
          const { left } = yield* Quota
          yield* Effect.addFinalizer(() => Effect.sync(close))
          return { finish: () => Effect.sync(() => void left) }
        })
      })
      // @ts-expect-error it needs Quota, which a plugin without services does not
      const free: Plugin = metered
      assert.strictEqual(free.name, "acme/metered")
      yield* Effect.scoped(metered.open(upload().context)).pipe(Effect.provideService(Quota, { left: 1 }))
      assert.isTrue(closed)
    })
  )

  it("gives hooks their parameters' types, in every form of open", () => {
    const plugins: ReadonlyArray<Plugin> = [
      make({
        name: "a",
        open: (upload) => Effect.succeed({ plan: (plan) => Effect.succeed({ ...plan, key: upload.key.trim() }) })
      }),
      make({
        name: "b",
        open: Effect.fnUntraced(function* (upload) {
          yield* upload.exists(upload.key.trim())
          return { send: (part, next) => next({ ...part, crc32: part.crc32 + 0 }) }
        })
      }),
      make({
        name: "c",
        state: Schema.Number,
        open: Effect.fnUntraced(function* (upload) {
          yield* upload.save(upload.saved?.valueOf() ?? 0)
          return { on: (event) => Effect.logDebug(event._tag) }
        })
      })
    ]
    assert.lengthOf(plugins, 3)
  })

  it("refuses a hook that does not exist, in every form of open", () => {
    // @ts-expect-error "finnish" is no hook
    make({ name: "a", open: () => Effect.succeed({ finnish: () => Effect.void }) })
    // @ts-expect-error nor beside one that is
    make({ name: "b", open: () => Effect.succeed({ finish: () => Effect.void, finnish: () => Effect.void }) })
    make({
      name: "c",
      // @ts-expect-error nor from a generator
      open: Effect.fnUntraced(function* () {
        yield* Effect.void
        return { finnish: () => Effect.void }
      })
    })
    // @ts-expect-error nor beside state
    make({ name: "d", state: Schema.Number, open: () => Effect.succeed({ finnish: () => Effect.void }) })
    // @ts-expect-error an observer cannot fail the upload
    make({ name: "e", open: () => Effect.succeed({ on: () => Effect.fail(new Error("no")) }) })
  })

  it("knows every hook by name", () => {
    const named: Record<keyof Hooks, true> = {
      plan: true,
      body: true,
      part: true,
      send: true,
      finish: true,
      verify: true,
      on: true,
      deliver: true
    }
    assert.sameMembers([...hookNames], Object.keys(named))
  })
})
