/** What plugins are and what an upload can run of them, told and refused by name (docs/hooks.md). */
import { Journal, S3ObjectStore, Uploader } from "@sluice/core"
import * as Plugin from "@sluice/core/Plugin"
import { createSluice, Description, Source, s3 } from "@sluice/core/promise"
import { canRun } from "@sluice/core/Route"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { expect, it } from "vitest"
import { pattern } from "./bytes.ts"
import { gzipping, hooks, sealing, small } from "./hooks.ts"
import { onEmbedded } from "./target.ts"
import { attempt, failedWith, freshKey, quick, succeeded } from "./trial.ts"

const sealed: Plugin.Plugin = {
  ...hooks(sealing, "acme/seal"),
  read: { stage: "encrypt", open: () => Effect.succeed(undefined) }
}
const zipped: Plugin.Plugin = {
  ...hooks(gzipping, "acme/zip"),
  read: { stage: "compress", open: () => Effect.succeed(undefined) }
}
const quota = hooks({ finish: () => Effect.void, on: () => Effect.void }, "acme/quota")

/** A stream cipher with a nonce of its own each time. */
const shuffled = hooks(
  {
    body: { stage: "compress", size: "same", replay: "none", transform: (bytes) => bytes }
  },
  "acme/shuffle"
)

onEmbedded("describe()", (target) => {
  it("tells names and `read` before the first upload, and every hook in its order after it", async () => {
    const plugins = [quota, sealed, zipped]
    await using sluice = createSluice({ ...quick, plugins, store: s3(target().store) })
    const before = await sluice.describe()
    expect(before.plugins.map(({ hooks }) => hooks)).toEqual([undefined, undefined, undefined])
    expect(before.bytes).toEqual({ body: [], part: [], read: ["acme/seal", "acme/zip"] })
    expect(Description.render(before)).toBe(
      [
        "1. acme/quota: not opened yet",
        "2. acme/seal: not opened yet, read (encrypt)",
        "3. acme/zip: not opened yet, read (compress)",
        "read: acme/seal → acme/zip"
      ].join("\n")
    )
    await sluice.upload({ key: freshKey(), body: small }).done()
    expect(await sluice.describe()).toMatchObject({
      bytes: { body: ["acme/zip"], part: ["acme/seal"], read: ["acme/seal", "acme/zip"] },
      unknownSize: ["acme/zip"],
      notResumable: []
    })
    expect(Description.render(await sluice.describe())).toBe(
      [
        "1. acme/quota: finish, on",
        "2. acme/seal: part (encrypt), read (encrypt)",
        "3. acme/zip: body (compress, unknown size, replays), read (compress)",
        "body: acme/zip",
        "part: acme/seal",
        "read: acme/seal → acme/zip",
        "planned as a stream, for acme/zip changes the length"
      ].join("\n")
    )
  })

  it("names who makes an upload one that cannot be resumed", async () => {
    await using sluice = createSluice({ ...quick, plugins: [shuffled], store: s3(target().store) })
    await sluice.upload({ key: freshKey(), body: small }).done()
    const described = await sluice.describe()
    expect(described.notResumable).toEqual(["acme/shuffle"])
    expect(Description.render(described)).toContain("not resumable, for acme/shuffle")
  })

  it("of no plugins says so", async () => {
    await using sluice = createSluice({ ...quick, store: s3(target().store) })
    expect(Description.render(await sluice.describe())).toBe("no plugins")
  })
})

onEmbedded("a plan that cannot run a plugin refuses it by name, before a request is made", (target) => {
  it("to keep for resume what gives other bytes each time", async () => {
    const key = freshKey()
    const outcome = await attempt(
      target(),
      { key, body: small, onFailure: "keep" },
      { plugins: [quota, shuffled], neverStarts: true }
    )
    expect(failedWith(outcome, "InvalidRequest").message).toMatch(/plugin "acme\/shuffle" \(body\)/)
    expect(target().count("PutObject", key)).toBe(0)
    succeeded(await attempt(target(), { body: small }, { plugins: [quota, shuffled] }))
  })

  it.each([
    ["part", sealed],
    ["send", hooks({ send: (part, next) => next(part) }, "acme/limit")]
  ] as const)("to show parts that no memory holds to a %s hook", async (hook, plugin) => {
    const MiB = 1024 * 1024
    const setup = { memoryBudget: 16 * MiB, partSize: 24 * MiB, multipartThreshold: 24 * MiB, plugins: [plugin] }
    const outcome = await attempt(target(), { body: Source.fromBytes(pattern(25 * MiB)) }, setup)
    expect(failedWith(outcome, "TooLarge").message).toContain(`plugin "${plugin.name}" (${hook})`)
  })
})

onEmbedded("a route of one's own", (target) => {
  it("learns by name what it cannot run, before anything was uploaded where that is known", async () => {
    await using sluice = createSluice({ ...quick, plugins: [quota, sealed, zipped], store: s3(target().store) })
    const refused = async (_tag: "Presigned" | "Append") => canRun((await sluice.describe()).plugins, { _tag })?.message
    expect(await refused("Presigned")).toMatch(/"acme\/seal" \(read\).*"acme\/zip" \(read\)/)
    expect(await refused("Append")).toBeUndefined()
    await sluice.upload({ key: freshKey(), body: small }).done()
    expect(await refused("Presigned")).toMatch(/"acme\/seal" \(part\).*"acme\/zip" \(body\)/)
    expect(await refused("Append")).toMatch(/cannot run plugin "acme\/zip" \(body\)[^"]*$/)
  })
})

class Accounts extends Context.Service<Accounts, { readonly id: string }>()("acme/Accounts") {}
const members = Plugin.make({ name: "acme/members", open: () => Effect.as(Accounts, {}) })

onEmbedded("a plugin that asks for a service", (target) => {
  it("is refused by the compiler where there are none, and names itself where nobody compiled", async () => {
    const plugins: ReadonlyArray<Plugin.Plugin> = [
      // @ts-expect-error Accounts is missing: the promise API provides no services
      members
    ]
    const outcome = await attempt(target(), { body: small }, { plugins, neverStarts: true })
    const error = failedWith(outcome, "PluginFailed")
    expect(error.reason).toMatchObject({ plugin: "acme/members", hook: "open" })
    expect(error.message).toContain("acme/Accounts")
  })

  it("asks the uploader's layer for it, which does not run without", async () => {
    const needing = Uploader.layer({ ...quick, plugins: [members] }).pipe(
      Layer.provide([S3ObjectStore.layer(target().store), Journal.layerMemory])
    )
    // @ts-expect-error Accounts is missing: the layer says so
    const missing: Layer.Layer<Uploader, unknown> = needing
    expect(missing).toBe(needing)
    const whole = Layer.provide(needing, Layer.succeed(Accounts, Accounts.of({ id: "42" })))
    const described = await Effect.runPromise(
      Effect.provide(
        Uploader.use(({ describe }) => describe),
        whole
      )
    )
    expect(described.plugins).toMatchObject([{ name: "acme/members", hooks: undefined }])
  })
})
