import type { Hooks } from "@sluice/core/Plugin"
import * as Plugin from "@sluice/core/Plugin"
import { reject } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { hooks, large, small, xor } from "./hooks.ts"
import { onEmbedded } from "./target.ts"
import { attempt, failedWith, freshKey, succeeded } from "./trial.ts"

// A hook that may not fail the upload is warned about instead.
beforeEach(() => {
  vi.spyOn(console, "log").mockReturnValue(undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
})

onEmbedded("a hook that breaks its word is PluginFailed, naming plugin and hook [row 61]", (target) => {
  const crash = (): never => {
    throw new Error("a plugin's bug")
  }
  const bugs: ReadonlyArray<readonly [keyof Hooks, string, Hooks]> = [
    ["plan", "dies", { plan: () => Effect.die(new Error("a plugin's bug")) }],
    ["plan", "throws", { plan: crash }],
    ["part", "throws", { part: { stage: "observe", overhead: () => 0, transform: crash } }],
    [
      "part",
      "makes other bytes than its overhead says [row 61]",
      { part: { stage: "encrypt", overhead: () => 15, transform: ({ bytes }) => Effect.succeed(xor(bytes)) } }
    ],
    ["send", "throws", { send: crash }],
    ["send", "dies", { send: () => Effect.die("a plugin's bug") }],
    ["send", "calls next twice", { send: (sending, next) => Effect.andThen(next(sending), next(sending)) }],
    [
      "send",
      "calls next twice at once",
      {
        send: (sending, next) =>
          Effect.map(Effect.all([next(sending), next(sending)], { concurrency: 2 }), ([stored]) => stored)
      }
    ],
    ["finish", "throws", { finish: crash }]
  ]
  describe.each([
    ["one PUT", small],
    ["parts", large]
  ])("for %s", (_, body) => {
    it.each(bugs)("%s %s", async (hook, _, bug) => {
      // What next() has stored stays stored where there is no multipart upload to abort.
      const setup = { plugins: [hooks(bug, "acme/bug")], mayBeStored: hook === "send" && body === small }
      const error = failedWith(await attempt(target(), { body }, setup), "PluginFailed")
      expect(error.reason).toMatchObject({ plugin: "acme/bug", hook })
      expect(error.message).toMatch(/acme\/bug/)
    })
  })

  it("open throws: nothing is asked of the store", async () => {
    const key = freshKey()
    const plugins = [Plugin.make({ name: "acme/bug", open: crash })]
    const outcome = await attempt(target(), { key, body: small }, { plugins, neverStarts: true })
    expect(failedWith(outcome, "PluginFailed").reason).toMatchObject({ plugin: "acme/bug", hook: "open" })
    expect(target().count("PutObject", key)).toBe(0)
  })

  it("send answers without sending: Complete finds no such part", async () => {
    const lying = hooks({ send: () => Effect.succeed({ etag: "0".repeat(32) }) })
    failedWith(await attempt(target(), { body: large }, { plugins: [lying] }), "PartConflict")
  })
})

onEmbedded("what may not fail an upload does not", (target) => {
  it.each<[string, Hooks]>([
    ["dies", { on: () => Effect.die(new Error("an observer's bug")) }],
    [
      "throws",
      {
        on: () => {
          throw new Error("an observer's bug")
        }
      }
    ]
  ])("an observer that %s at every event still sees all others", async (_, broken) => {
    const seen: Array<string> = []
    const on: Hooks["on"] = (event) => {
      seen.push(event._tag)
      return broken.on === undefined ? Effect.void : broken.on(event)
    }
    succeeded(await attempt(target(), { body: small }, { plugins: [hooks({ on })] }))
    expect(seen.filter((tag) => tag !== "BytesSent")).toEqual([
      "UploadStarted",
      "PartStored",
      "Completing",
      "UploadCompleted"
    ])
  })

  it.each<[string, () => Effect.Effect<never, ReturnType<typeof reject>>]>([
    ["fails", () => Effect.fail(reject("not now"))],
    ["dies", () => Effect.die("not now")],
    [
      "throws",
      () => {
        throw new Error("not now")
      }
    ]
  ])("a delivery that %s is tried until it succeeds, under one id [row 60]", async (_, fail) => {
    const ids: Array<string> = []
    const delivered = Promise.withResolvers<void>()
    const plugin = hooks({
      deliver: {
        name: "webhook",
        events: ["UploadCompleted", "UploadFailed"],
        send: ({ id }) => {
          ids.push(id)
          if (ids.length < 3) return fail()
          delivered.resolve()
          return Effect.void
        }
      }
    })
    succeeded(await attempt(target(), { body: small }, { plugins: [plugin], during: () => delivered.promise }))
    expect(ids).toHaveLength(3)
    expect(new Set(ids).size).toBe(1)
    expect(ids[0]).toMatch(/^[0-9a-f]{64}$/)
  })

  it("a delivery is told of a failure, when it asked for it", async () => {
    const delivered = Promise.withResolvers<string>()
    const plugin = hooks({
      finish: () => Effect.fail(reject("over quota")),
      deliver: {
        name: "webhook",
        events: ["UploadFailed"],
        send: ({ event }) => Effect.sync(() => delivered.resolve(event._tag))
      }
    })
    const during = async (): Promise<void> => void (await delivered.promise)
    failedWith(await attempt(target(), { body: small }, { plugins: [plugin], during }), "Rejected")
    expect(await delivered.promise).toBe("UploadFailed")
  })
})
