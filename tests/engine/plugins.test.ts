import { Janitor } from "@sluice/core/Janitor"
import { type Journal, layerMemory } from "@sluice/core/Journal"
import type { ObjectStore } from "@sluice/core/ObjectStore"
import { Objects } from "@sluice/core/Objects"
import type { Hooks } from "@sluice/core/Plugin"
import * as Plugin from "@sluice/core/Plugin"
import { type ReasonTag, reject } from "@sluice/core/promise"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import { uploadError } from "@sluice/core/UploadError"
import { Uploader } from "@sluice/core/Uploader"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { expect, it } from "vitest"
import { hooks, large, sealing, small } from "./hooks.ts"
import { download, head, onEmbedded, onEveryStore } from "./target.ts"
import { attempt, failedWith, freshKey, succeeded } from "./trial.ts"

/** Writes down every hook that runs. */
const recorder = () => {
  const log: Array<string> = []
  const delivered = Promise.withResolvers<void>()
  const note = (what: string): Effect.Effect<void> => Effect.sync(() => void log.push(what))
  const plugin = Plugin.make({
    name: "test/recorder",
    open: () =>
      Effect.gen(function* () {
        yield* note("open")
        yield* Effect.addFinalizer(() => note("close"))
        return {
          plan: (plan) => Effect.as(note("plan"), plan),
          body: {
            stage: "observe",
            size: "same",
            replay: "deterministic",
            transform: (bytes) => {
              log.push("body")
              return bytes
            }
          },
          part: {
            stage: "observe",
            overhead: () => 0,
            transform: ({ partNumber, bytes }) => Effect.as(note(`part ${partNumber}`), bytes)
          },
          send: (sending, next) => Effect.andThen(note(`send ${sending.partNumber}`), next(sending)),
          finish: (receipts) => note(`finish ${receipts.length}`),
          verify: ({ size }) => note(`verify ${size}`),
          on: ({ _tag }) => (_tag === "BytesSent" ? Effect.void : note(_tag)),
          deliver: {
            name: "test",
            events: ["UploadCompleted"],
            send: ({ event }) =>
              Effect.andThen(
                note(`deliver ${event._tag}`),
                Effect.sync(() => delivered.resolve())
              )
          }
        } satisfies Hooks
      })
  })
  return { plugin, log, delivered: delivered.promise }
}

onEveryStore("all hooks run", (target) => {
  it("in order, for an upload in parts", async () => {
    const { plugin, log, delivered } = recorder()
    const during = async (upload: { done: () => Promise<unknown> }): Promise<void> => {
      await upload.done()
      await delivered
    }
    succeeded(await attempt(target(), { body: large }, { plugins: [plugin], concurrency: 1, during }))
    const own = log.filter((entry) => !/^[A-Z]/.test(entry))
    expect(own.filter((entry) => !/^(part|send|deliver|close)/.test(entry))).toEqual([
      "open",
      "plan",
      "body",
      "finish 2",
      `verify ${large.length}`
    ])
    expect(log.filter((entry) => entry.startsWith("part"))).toEqual(["part 1", "part 2"])
    expect(log.filter((entry) => entry.startsWith("send"))).toEqual(["send 1", "send 2"])
    for (const n of [1, 2]) expect(log.indexOf(`part ${n}`)).toBeLessThan(log.indexOf(`send ${n}`))
    expect(log.indexOf("send 2")).toBeLessThan(log.indexOf("finish 2"))
    expect(log.filter((entry) => /^[A-Z]/.test(entry))).toEqual([
      "UploadStarted",
      "PartStored",
      "PartStored",
      "Completing",
      "UploadCompleted"
    ])
    expect(own.slice(-2).sort()).toEqual(["close", "deliver UploadCompleted"])
  })

  it("the same, for one PUT", async () => {
    const { plugin, log, delivered } = recorder()
    succeeded(await attempt(target(), { body: small }, { plugins: [plugin], during: () => delivered }))
    expect(log.filter((entry) => !/^([A-Z]|deliver|close)/.test(entry))).toEqual([
      "open",
      "plan",
      "body",
      "part 1",
      "finish 0",
      "send 1",
      `verify ${small.length}`
    ])
  })
})

onEmbedded("finalizers of open", (target) => {
  const closing = () => {
    const closed: Array<string> = []
    const plugin = (name: string) =>
      Plugin.make({
        name,
        open: () =>
          Effect.as(
            Effect.addFinalizer((exit) => Effect.sync(() => closed.push(`${name} ${exit._tag}`))),
            {}
          )
      })
    return { closed, plugins: [plugin("first"), plugin("second")] }
  }

  it("run after success, last opened first", async () => {
    const { closed, plugins } = closing()
    succeeded(await attempt(target(), { body: large }, { plugins }))
    expect(closed).toEqual(["second Success", "first Success"])
  })

  it("run after failure", async () => {
    const { closed, plugins } = closing()
    const refusing = hooks({ finish: () => Effect.fail(reject("no")) })
    failedWith(await attempt(target(), { body: large }, { plugins: [...plugins, refusing] }), "Rejected")
    expect(closed).toEqual(["second Failure", "first Failure"])
  })

  it("run after an abort, before abort() resolves", async () => {
    const { closed, plugins } = closing()
    await attempt(
      target(),
      { body: new ReadableStream<Uint8Array>() },
      {
        plugins,
        during: async (upload, sluice) => {
          // The upload is under way once another one has passed.
          await sluice.upload({ key: freshKey(), body: small }).done()
          closed.length = 0
          await upload.abort()
          expect(closed).toEqual(["second Failure", "first Failure"])
        }
      }
    )
  })

  it("run for the plugins that were opened when a later one refuses", async () => {
    const { closed, plugins } = closing()
    const refusing = Plugin.make({ name: "acme/no", open: () => Effect.fail(reject("not you", { status: 401 })) })
    const setup = { plugins: [...plugins, refusing], neverStarts: true }
    const error = failedWith(await attempt(target(), { body: small }, setup), "Rejected")
    expect(error.reason).toMatchObject({ message: "not you", status: 401 })
    expect(closed).toEqual(["second Failure", "first Failure"])
  })
})

onEmbedded("gates", (target) => {
  it.each([
    ["one PUT", small],
    ["parts", large]
  ])("finish refuses: nothing is stored, for %s", async (_, body) => {
    const refusing = hooks({ finish: () => Effect.fail(reject("over quota", { status: 413 })) })
    const error = failedWith(await attempt(target(), { body }, { plugins: [refusing] }), "Rejected")
    expect(error.message).toMatch(/over quota/)
  })

  it.each<[string, ReasonTag]>([
    ["a mismatch", "ChecksumMismatch"],
    ["a refusal", "Rejected"]
  ])("verify fails with %s: the object stands, and the error says so", async (_, tag) => {
    const cause =
      tag === "Rejected"
        ? reject("a virus was found")
        : uploadError({ _tag: "ChecksumMismatch", message: "a virus was found" })
    const plugins = [hooks({ verify: () => Effect.fail(cause) })]
    for (const body of [small, large]) {
      const outcome = await attempt(target(), { body }, { plugins, mayBeStored: true })
      const error = failedWith(outcome, "ChecksumMismatch")
      expect(error.reason).toMatchObject({ stored: true })
      expect(error.message).toMatch(/a virus was found/)
      expect(await download(target(), outcome.key)).toHaveLength(body.length)
    }
  })
})

onEmbedded("a plan hook", (target) => {
  it("decides key and attributes", async () => {
    const key = `users/42/${freshKey("planned")}`
    const plugin = hooks({
      plan: (plan) =>
        Effect.succeed({
          ...plan,
          key,
          attributes: { ...plan.attributes, metadata: { owner: "42" }, tags: { a: "b" } }
        })
    })
    for (const body of [small, large]) {
      const outcome = await attempt(target(), { key: "report.pdf", body }, { plugins: [plugin] })
      expect(succeeded(outcome)).toMatchObject({ key, uri: `s3://${target().bucket}/${key}` })
      expect(outcome.events.at(-1)).toMatchObject({ key })
      expect(await head(target(), key)).toMatchObject({ Metadata: { owner: "42" }, ContentType: "application/pdf" })
    }
  })

  it("is held to the store's limits", async () => {
    const plugin = hooks({ plan: (plan) => Effect.succeed({ ...plan, key: "" }) })
    expect(
      failedWith(await attempt(target(), { body: small }, { plugins: [plugin] }), "InvalidRequest").message
    ).toMatch(/key is empty/)
  })

  it("sees the plan of those before it", async () => {
    const suffix = (text: string) => hooks({ plan: (plan) => Effect.succeed({ ...plan, key: plan.key + text }) }, text)
    const key = freshKey()
    const outcome = await attempt(target(), { key, body: small }, { plugins: [suffix("-a"), suffix("-b")] })
    expect(outcome.key).toBe(`${key}-a-b`)
  })
})

onEmbedded("send hooks", (target) => {
  it("stand around each other, the first plugin outermost", async () => {
    const log: Array<string> = []
    const layer = (name: string) =>
      hooks(
        {
          send: (sending, next) =>
            Effect.gen(function* () {
              log.push(`${name} in`)
              const stored = yield* next(sending)
              log.push(`${name} out`)
              return stored
            })
        },
        name
      )
    succeeded(await attempt(target(), { body: small }, { plugins: [layer("a"), layer("b")] }))
    expect(log).toEqual(["a in", "b in", "b out", "a out"])
  })

  it("that refuse end the upload with their reason", async () => {
    const refusing = hooks({ send: ({ partNumber }) => Effect.fail(reject(`no part ${partNumber}`)) })
    for (const body of [small, large]) {
      expect(failedWith(await attempt(target(), { body }, { plugins: [refusing] }), "Rejected").message).toMatch(
        /no part/
      )
    }
  })
})

onEmbedded("two plugins of one exclusive stage", (target) => {
  it("are refused, both named", async () => {
    const plugins = [hooks(sealing, "acme/a"), hooks(sealing, "acme/b")]
    const outcome = await attempt(target(), { body: small }, { plugins, neverStarts: true })
    expect(failedWith(outcome, "InvalidRequest").message).toMatch(/"acme\/a" and "acme\/b" both encrypt/)
  })
})

onEmbedded("two plugins of one name", (target) => {
  it("are refused, named, before anything is asked of the store: what both save would be kept as one", async () => {
    const key = freshKey()
    const plugins = [hooks({}, "acme/quota"), hooks({}, "acme/other"), hooks({}, "acme/quota")]
    const outcome = await attempt(target(), { key, body: small }, { plugins, neverStarts: true })
    const error = failedWith(outcome, "InvalidRequest")
    expect(error.message).toContain('plugins[0] and plugins[2] are both named "acme/quota"')
    expect(target().count("PutObject", key)).toBe(0)
  })

  it("are refused by every layer that takes plugins", async () => {
    const plugins = [hooks({}, "acme/quota"), hooks({}, "acme/quota")]
    const layers: ReadonlyArray<Layer.Layer<never, unknown, ObjectStore | Journal>> = [
      Uploader.layer({ plugins }),
      Objects.layer({ plugins }).pipe(Layer.provide(Uploader.layer())),
      Janitor.layer({ plugins })
    ]
    for (const layer of layers) {
      const built = Layer.build(Layer.provide(layer, [S3ObjectStore.layer(target().store), layerMemory]))
      await expect(Effect.runPromise(Effect.scoped(built))).rejects.toThrow('both named "acme/quota"')
    }
  })
})
