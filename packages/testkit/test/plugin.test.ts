import * as Plugin from "@sluice/core/Plugin"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { pluginSuite } from "../src/conformance/plugin.ts"

const watching = () => Plugin.make({ name: "test/watching", open: () => Effect.succeed({ on: () => Effect.void }) })

/** Each byte changed, and changed back: in place, as a plugin may. */
const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 0x5a)
const flip = (): Plugin.Plugin =>
  Plugin.make({
    name: "test/flip",
    open: () =>
      Effect.succeed({
        part: { stage: "encrypt", overhead: () => 0, transform: ({ bytes }) => Effect.sync(() => flipped(bytes)) },
        send: (part, next) => next(part),
        finish: () => Effect.void
      }),
    read: {
      stage: "encrypt",
      open: ({ head }, below) => Effect.succeed(head.key === "plain" ? undefined : inverse(below))
    }
  })
const inverse = (below: Plugin.ReadableBytes): Plugin.ReadableBytes => ({
  ...below,
  open: async function* (offset, length) {
    for await (const chunk of below.open(offset, length)) yield flipped(chunk)
  }
})

describe.each([
  ["one that watches", watching],
  ["one that changes bytes", flip]
])("a plugin that keeps its promises: %s", (_, make) => {
  for (const { name, run } of pluginSuite({ make })) it(name, run)
})

/** Runs one case on a plugin that breaks it. */
const caught = (promise: RegExp, make: () => Plugin.Plugin) => {
  const found = pluginSuite({ make }).find(({ name }) => promise.test(name))
  if (found === undefined) throw new Error(`no case is named ${promise}`)
  return expect(found.run())
}

describe("a plugin is caught", () => {
  const base = flip()
  /** `flip` with another hook in the place of its own. */
  const spoiled = (change: (hooks: Plugin.Hooks) => Plugin.Hooks) => (): Plugin.Plugin => ({
    ...base,
    open: (upload) => Effect.map(base.open(upload), change)
  })

  it("that keeps a part's bytes after its hook has returned", async () => {
    const keeps = spoiled(({ part, ...hooks }) => {
      const kept: Array<Uint8Array> = []
      const transform: Plugin.PartHook["transform"] = ({ bytes }) =>
        Effect.sync(() => {
          kept.push(bytes)
          return flipped(bytes)
        })
      const finish = () => (kept[0]?.at(-1) === 0xdb && kept[0].at(0) === 0xdb ? Effect.die("0xDB") : Effect.void)
      return { ...hooks, finish, ...(part && { part: { ...part, transform } }) }
    })
    await caught(/reads back as the source/, keeps).rejects.toThrow(/0xDB/)
  })

  it("that gives the memory of another part", async () => {
    // Of any upload: it lives outside of them.
    let first: Uint8Array | undefined
    const mixes = spoiled(({ part, ...hooks }) => {
      const transform: Plugin.PartHook["transform"] = ({ bytes }) =>
        Effect.sync(() => {
          first ??= bytes
          return first.length === bytes.length ? flipped(first) : flipped(bytes)
        })
      return { ...hooks, ...(part && { part: { ...part, transform } }) }
    })
    await caught(/keeps nothing of the memory/, mixes).rejects.toThrow()
  })

  it("that says one overhead and then another", async () => {
    const wavers = spoiled(({ part, ...hooks }) => {
      let asked = 0
      return { ...hooks, ...(part && { part: { ...part, overhead: () => asked++ % 2 } }) }
    })
    await caught(/reads back as the source/, wavers).rejects.toThrow(/overhead/)
  })

  it("whose read is not the inverse, in a range", async () => {
    const deaf = (): Plugin.Plugin => ({
      ...base,
      read: {
        stage: "encrypt",
        open: (_, below) =>
          Effect.succeed({
            ...below,
            open: (offset, length) => inverse(below).open(offset === 0 ? 0 : offset - 1, length)
          })
      }
    })
    await caught(/in ranges/, deaf).rejects.toThrow()
  })

  it("that changes bytes nobody can read", async () => {
    await caught(/no hook that does not exist/, () => ({ ...base, read: undefined })).rejects.toThrow()
  })

  it("whose observer dies", async () => {
    const dies = () => Plugin.make({ name: "test/dies", open: () => Effect.succeed({ on: () => Effect.die("oh") }) })
    await caught(/^on hears/, dies).rejects.toThrow(/on died of/)
  })

  it("that leaves a timer", async () => {
    const timers: Array<NodeJS.Timeout> = []
    const forgets = () =>
      Plugin.make({
        name: "test/forgets",
        open: () => Effect.sync(() => void timers.push(setInterval(() => undefined, 60_000))).pipe(Effect.as({}))
      })
    await caught(/no hook that does not exist/, forgets).rejects.toThrow(/timers/)
    for (const timer of timers) clearInterval(timer)
  })
})
