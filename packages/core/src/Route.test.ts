import { describe, expect, it } from "vitest"
import type { PluginDescription } from "./Description.ts"
import { hookNames } from "./Plugin.ts"
import { canRun, type Route, routeHooks } from "./Route.ts"

const seen = (name: string, hooks: Partial<PluginDescription["hooks"]>, read?: PluginDescription["read"]) => ({
  name,
  read,
  hooks: { names: [], body: undefined, part: undefined, ...hooks }
})
const unopened = (name: string, read?: PluginDescription["read"]): PluginDescription => ({
  name,
  read,
  hooks: undefined
})

const quota = seen("acme/quota", { names: ["plan", "send", "finish", "verify", "on", "deliver"] })
const watches = seen("acme/watches", {
  names: ["body"],
  body: { stage: "observe", size: "same", replay: "deterministic" }
})
const shuffles = seen("acme/shuffles", { names: ["body"], body: { stage: "compress", size: "same", replay: "none" } })
const zips = seen(
  "acme/zips",
  { names: ["plan", "body"], body: { stage: "compress", size: "unknown", replay: "deterministic" } },
  "compress"
)
const seals = seen("acme/seals", { names: ["plan", "part"], part: { stage: "encrypt" } }, "encrypt")
const zipsLater = unopened("acme/zips-later", "compress")

const upload = { _tag: "Upload", onFailure: "auto", resumed: false, partsInMemory: true } as const
const append: Route = { _tag: "Append" }
const presigned: Route = { _tag: "Presigned" }

describe("a route runs a plugin or refuses it by name; it never skips its bytes", () => {
  const table: ReadonlyArray<readonly [string, Route, ReadonlyArray<PluginDescription>, RegExp | undefined]> = [
    ["an upload runs all", upload, [quota, watches, shuffles, zips, seals, zipsLater], undefined],
    [
      "one that is kept needs the same bytes again",
      { ...upload, onFailure: "keep" },
      [zips, shuffles],
      /shuffles" \(b/
    ],
    ["one that is resumed too", { ...upload, resumed: true }, [shuffles, seals], /shuffles" \(body\)/],
    ["one that may be aborted does not", { ...upload, onFailure: "abort" }, [shuffles], undefined],
    ["parts beyond memory have no part hook", { ...upload, partsInMemory: false }, [quota, seals], /seals" \(part\)/],
    ["nor a body hook", { ...upload, partsInMemory: false }, [watches], /watches" \(body\)/],
    ["nor a send hook", { ...upload, partsInMemory: false }, [quota], /quota" \(send\)/],
    ["an append session seals parts", append, [quota, seals], undefined],
    ["an append session has no stream to compress", append, [seals, zips], /zips" \(body\)/],
    ["nor one to watch", append, [watches], /watches" \(body\)/],
    ["what is not opened may still say no", append, [zipsLater], undefined],
    ["a presigned upload runs what sees no bytes", presigned, [quota, unopened("acme/new")], undefined],
    ["a presigned upload seals nothing", presigned, [quota, seals], /seals" \(part\)/],
    ["a presigned upload compresses nothing", presigned, [zips], /zips" \(body\)/],
    ["nor watches", presigned, [watches], /watches" \(body\)/],
    ["and knows by `read` before anything is opened", presigned, [zipsLater], /zips-later" \(read\)/]
  ]
  it.each(table)("%s", (_, route, plugins, message) => {
    const error = canRun(plugins, route)
    if (message === undefined) return expect(error).toBeUndefined()
    expect(error?.reason._tag).toBe("InvalidRequest")
    expect(error?.message).toMatch(message)
    expect(error?.message).not.toContain('acme/quota" (plan')
  })

  it("and tells every plugin that it cannot run, in one go", () => {
    expect(canRun([zips, seals, quota], presigned)?.message).toMatch(/zips.*seals/)
  })

  it("open sessions run all but body; where the client sends, no hook of parts and attempts runs", () => {
    expect(routeHooks.Upload).toEqual(hookNames)
    expect(hookNames.filter((name) => !routeHooks.Append.includes(name))).toEqual(["body"])
    expect(hookNames.filter((name) => !routeHooks.Presigned.includes(name))).toEqual(["body", "part", "send"])
  })
})
