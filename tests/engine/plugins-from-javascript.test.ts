import * as Plugin from "@sluice/core/Plugin"
import { createSluice, s3 } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { large } from "./hooks.ts"
import { onEmbedded } from "./target.ts"
import { attempt, failedWith, freshKey } from "./trial.ts"

const bytes = { stage: "observe", size: "same", replay: "deterministic" }
const part = { stage: "encrypt", overhead: () => 0, transform: () => Effect.succeed(new Uint8Array(1)) }
const same = ({ bytes }: { bytes: Uint8Array }) => Effect.succeed(bytes)
const crash = () => {
  throw new Error("a plugin's bug")
}

onEmbedded("a plugin that nobody compiled", (target) => {
  describe("answers with something else than was asked for: its plugin and hook are named, and nothing is left", () => {
    it.each<[hook: string, what: string, hooks: object, words: string]>([
      ["plan", "a value", { plan: () => 5 }, "a number instead of an Effect"],
      ["plan", "nothing", { plan: () => Effect.void }, "undefined that is no plan"],
      ["plan", "half a plan", { plan: () => Effect.succeed({ key: "other" }) }, "an object that is no plan"],
      [
        "body",
        "text",
        {
          body: {
            ...bytes,
            transform: async function* () {
              yield "text"
            }
          }
        },
        "a string instead of bytes"
      ],
      ["body", "no stream", { body: { ...bytes, transform: () => 5 } }, "a number instead of an async iterable"],
      ["part", "text", { part: { ...part, transform: () => Effect.succeed("text") } }, "a string instead of bytes"],
      [
        "part",
        "no number",
        { part: { ...part, transform: same, overhead: () => "16" } },
        "gave 16; answer with a whole"
      ],
      ["part", "a crash in overhead", { part: { ...part, overhead: crash } }, "a plugin's bug"],
      ["send", "a value", { send: () => 5 }, "a number instead of an Effect"],
      ["send", "nothing", { send: () => Effect.void }, "undefined instead of the stored part"],
      ["finish", "a promise", { finish: async () => undefined }, "answer with Effect.promise"],
      ["finish", "nothing", { finish: () => undefined }, "or Effect.void for nothing"]
    ])("%s: %s", async (hook, _, hooks, words) => {
      const plugin = Plugin.make({ name: "acme/js", open: () => Effect.succeed(hooks) })
      const error = failedWith(await attempt(target(), { body: large }, { plugins: [plugin] }), "PluginFailed")
      expect(error.reason).toMatchObject({ plugin: "acme/js", hook })
      expect(error.message).toContain(words)
    })
  })

  describe("is no plugin, or has no such hooks: it is refused before a request is made", () => {
    it.each<[what: string, open: unknown, words: string]>([
      ["no hooks", () => Effect.void, "gave undefined instead of hooks"],
      ["a hook that is no function", () => Effect.succeed({ finish: {} }), '"finish" is an object, not a function'],
      [
        "a function for an object",
        () => Effect.succeed({ part: () => 5 }),
        '"part" is a function, not an object of stage'
      ],
      [
        "fields that mean nothing",
        () => Effect.succeed({ body: { ...bytes, stage: "first" } }),
        "no usable stage, transform"
      ],
      ["no open", undefined, "plugins[0] is an object without an open"]
    ])("%s", async (_, open, words) => {
      // @ts-expect-error what nobody compiled may be anything
      const plugin: Plugin.Plugin = { name: "acme/js", open }
      const key = freshKey()
      const outcome = await attempt(target(), { key, body: large }, { plugins: [plugin], neverStarts: true })
      expect(failedWith(outcome, "InvalidRequest").message).toContain(words)
      expect(target().count("CreateMultipartUpload", key)).toBe(0)
    })

    it.each<[what: string, open: () => unknown, words: string]>([
      ["a promise of hooks", async () => ({}), "it gave a Promise instead of an Effect; answer with Effect.promise"],
      ["hooks, but not in an Effect", () => ({}), "it gave an object instead of an Effect; answer with Effect.succeed"]
    ])("%s", async (_, open, words) => {
      // @ts-expect-error what nobody compiled may answer anything
      const plugins = [Plugin.make({ name: "acme/js", open })]
      const outcome = await attempt(target(), { body: large }, { plugins, neverStarts: true })
      const error = failedWith(outcome, "PluginFailed")
      expect(error.reason).toMatchObject({ plugin: "acme/js", hook: "open" })
      expect(error.message).toContain(words)
    })

    it.each<[what: string, plugins: unknown, words: string]>([
      [
        "no list",
        Plugin.make({ name: "acme/js", open: () => Effect.succeed({}) }),
        "plugins is an object, not an array"
      ],
      ["null for none", null, "plugins is null, not an array"],
      ["a hole in the list", [undefined], "plugins[0] is undefined without an open"]
    ])("%s", async (_, given, words) => {
      // @ts-expect-error what nobody compiled may be anything
      const plugins: ReadonlyArray<Plugin.Plugin> = given
      const outcome = await attempt(target(), { body: large }, { plugins, neverStarts: true })
      expect(failedWith(outcome, "InvalidRequest").message).toContain(words)
      await using sluice = createSluice({ plugins, store: s3(target().store) })
      await expect(sluice.describe()).rejects.toThrow(words)
      await expect(sluice.head("any")).rejects.toThrow(words)
    })

    it("the function that makes it", async () => {
      const makes = () => Plugin.make({ name: "acme/js", open: () => Effect.succeed({}) })
      // @ts-expect-error it is not called
      const plugins: ReadonlyArray<Plugin.Plugin> = [makes]
      const outcome = await attempt(target(), { body: large }, { plugins, neverStarts: true })
      expect(failedWith(outcome, "InvalidRequest").message).toContain("plugins[0] is a function; call it")
    })
  })
})
