import { createHash } from "node:crypto"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Hooks, ReadableBytes, ReadHook } from "@sluice/core/Plugin"
import * as Plugin from "@sluice/core/Plugin"
import { createSluice, type SluiceOptions, s3 } from "@sluice/core/promise"
import { compression } from "@sluice/plugins/compression"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { MiB, pattern, sha256, streamOf } from "./bytes.ts"
import { openRequests } from "./connections.ts"
import { gzipping, sealing, trailer, xor } from "./hooks.ts"
import { onEmbedded, type Target } from "./target.ts"
import { freshKey, quick } from "./trial.ts"

const part = 5 * MiB
const sealed = part + trailer.length

/** Opens what `sealing` sealed: each stored part has a trailer, and every byte another place. */
const unsealing: ReadHook = {
  stage: "encrypt",
  open: (_, below) => {
    const parts = Math.ceil((below.size ?? 0) / sealed)
    const size = (below.size ?? 0) - parts * trailer.length
    async function* open(offset: number, length = size): AsyncGenerator<Uint8Array> {
      const end = Math.min(size, offset + length)
      for (let at = offset; at < end; ) {
        const index = Math.floor(at / part)
        const most = Math.min(end, (index + 1) * part) - at
        for await (const chunk of below.open(index * sealed + (at % part), most)) yield xor(chunk)
        at += most
      }
    }
    return Effect.succeed({ size, open })
  }
}

/** Opens what `gzipping` made, from its start only. */
const gunzipping: ReadHook = {
  stage: "compress",
  open: (_, below) => {
    async function* open(offset: number, length = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
      let at = 0
      for await (const chunk of streamOf(below.open(0)).pipeThrough(new DecompressionStream("gzip"))) {
        const piece = chunk.subarray(Math.max(0, offset - at), Math.max(0, offset + length - at))
        at += chunk.length
        if (piece.length > 0) yield piece
        if (at >= offset + length) return
      }
    }
    return Effect.succeed({ size: undefined, open } satisfies ReadableBytes)
  }
}

const plugin = (name: string, hooks: Hooks, read: ReadHook) =>
  Plugin.make({ name, open: () => Effect.succeed(hooks), read })

const gzip = plugin("test/gzip", gzipping, gunzipping)
const seal = plugin("test/seal, with a comma", sealing, unsealing)

const sluiceOf = (target: Target, options: Partial<SluiceOptions> = {}) =>
  createSluice({ ...quick, ...options, store: s3(target.store) })

const collect = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> =>
  new Uint8Array(await new Response(stream).arrayBuffer())

/** Bytes that gzip makes smaller, and nothing else does. */
const prose = new Uint8Array(Buffer.from(Buffer.from(pattern(300_000)).toString("hex")))

const into = async <A>(use: (path: string) => Promise<A>): Promise<A> => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-plugins-"))
  try {
    return await use(join(directory, "file"))
  } finally {
    await rm(directory, { recursive: true })
  }
}

onEmbedded("an object that plugins made", (target) => {
  it.each([
    ["sealed, in parts", [seal], pattern(part + 5)],
    ["compressed", [gzip], prose],
    ["compressed and sealed, whatever their order in the list", [seal, gzip], prose],
    ["sealed, of no bytes", [seal], new Uint8Array(0)]
  ])("is read back as it was meant: %s", async (_, plugins, body) => {
    const key = freshKey("made")
    await using sluice = sluiceOf(target(), { plugins })
    await sluice.upload({ key, body }).done()
    const { head, proof, stream } = await sluice.read({ key })
    expect(sha256(await collect(stream))).toBe(sha256(body))
    await into(async (to) => {
      const file = await sluice.download({ key, to })
      expect([file.size, sha256(await readFile(to))]).toEqual([body.length, sha256(body)])
      expect(await readdir(join(to, ".."))).toEqual(["file"])
    })
    const names = plugins.toReversed().map(({ name }) => encodeURIComponent(name))
    expect(head.metadata?.["sluice-plugins"]).toBe(names.join(","))
    // A compression reads all that is stored; who reads only what counts has not seen all.
    if (plugins.every((one) => one === gzip)) expect(proof()).toBe("source")

    const raw = await sluice.read({ key, raw: true })
    const stored = await collect(raw.stream)
    expect(raw.proof()).toBe("source")
    expect(stored.length).toBe(head.size)
    if (body.length > 0) expect(sha256(stored)).not.toBe(sha256(body))
  })

  it("gives a range of what was meant, across its parts", async () => {
    const key = freshKey("across")
    const body = pattern(part + 5)
    await using sluice = sluiceOf(target(), { plugins: [seal] })
    await sluice.upload({ key, body }).done()
    const { stream } = await sluice.read({ key, range: { start: part - 1, end: part } })
    expect(await collect(stream)).toEqual(body.slice(part - 1, part + 1))
  })

  it.each([
    ["sealed", [seal]],
    ["compressed and sealed", [gzip, seal]]
  ])("gives a range of what was meant: %s", async (_, plugins) => {
    const key = freshKey("ranged")
    await using sluice = sluiceOf(target(), { plugins })
    await sluice.upload({ key, body: prose }).done()
    for (const [start, end] of [
      [0, 0],
      [99_999, 100_000],
      [300_000, 599_999]
    ] as const) {
      const { stream } = await sluice.read({ key, range: { start, end } })
      expect(sha256(await collect(stream))).toBe(sha256(prose.subarray(start, end + 1)))
    }
  })

  it("is refused by whoever has not loaded them, naming the plugin; the stored bytes are not", async () => {
    const key = freshKey("missing")
    await using writer = sluiceOf(target(), { plugins: [gzip, seal] })
    await writer.upload({ key, body: prose }).done()
    await using reader = sluiceOf(target(), { plugins: [gzip] })
    const refusal = /^InvalidRequest: .*made by the plugin "test\/seal, with a comma", which is not loaded.*raw/
    await expect(reader.read({ key })).rejects.toThrow(refusal)
    await expect(reader.source({ key })).rejects.toThrow(refusal)
    await into(async (to) => {
      await expect(reader.download({ key, to })).rejects.toThrow(refusal)
      expect(await readdir(join(to, ".."))).toEqual([])
      expect(await reader.download({ key, to, raw: true })).toMatchObject({ proof: "source" })
    })
  })

  it("is copied to another store as that one makes it, and with the same plugins as it is", async () => {
    const key = freshKey("copied")
    await using writer = sluiceOf(target(), { plugins: [seal] })
    await writer.upload({ key, body: prose }).done()
    expect(await writer.copy({ from: { key }, to: { key: `${key}-same` } })).toMatchObject({ by: "store" })
    expect(sha256(await collect((await writer.read({ key: `${key}-same` })).stream))).toBe(sha256(prose))

    await using other = sluiceOf(target(), { plugins: [gzip] })
    const copied = await other.copy({ from: { sluice: writer, key }, to: { key: `${key}-other` } })
    expect(copied).toMatchObject({ by: "transfer", proof: "source" })
    expect((await other.head(`${key}-other`)).metadata?.["sluice-plugins"]).toBe("test%2Fgzip")
    expect(sha256(await collect((await other.read({ key: `${key}-other` })).stream))).toBe(sha256(prose))
  })

  it("is copied elsewhere without what its plugins noted of the bytes that they made", async () => {
    const key = freshKey("noted.txt")
    await using writer = sluiceOf(target(), { plugins: [compression()] })
    await writer.upload({ key, body: prose, metadata: { owner: "ann" } }).done()
    expect(Object.keys((await writer.head(key)).metadata ?? {}).sort()).toEqual([
      "owner",
      "sluice-compressed",
      "sluice-plugins"
    ])
    await using plain = sluiceOf(target())
    const to = { key: `${key}-plain` }
    await plain.copy({ from: { sluice: writer, key }, to })
    expect((await plain.head(to.key)).metadata).toEqual({ owner: "ann" })
    // Whoever has the plugin does not take the copy for its work.
    expect(sha256(await collect((await writer.read(to)).stream))).toBe(sha256(prose))
    const raw = { key: `${key}-raw` }
    await plain.copy({ from: { sluice: writer, key, raw: true }, to: raw })
    expect(sha256(await collect((await writer.read(raw)).stream))).toBe(sha256(prose))
  })

  it("ends with the plugin's name when its read hook fails, and leaves nothing", async () => {
    const key = freshKey("failing")
    const failing = plugin("test/failing", sealing, {
      stage: "encrypt",
      open: (_, below) =>
        Effect.succeed({
          size: below.size,
          open: async function* (offset, length) {
            // All of it comes, and at the end it turns out to be wrong.
            yield* below.open(offset, length)
            throw new Error("the key is another")
          }
        })
    })
    await using sluice = sluiceOf(target(), { plugins: [failing] })
    await sluice.upload({ key, body: prose }).done()
    const failure = /^PluginFailed: plugin "test\/failing" failed in its read hook: the key is another/
    const { stream } = await sluice.read({ key })
    await expect(collect(stream)).rejects.toThrow(failure)
    await into(async (to) => {
      await expect(sluice.download({ key, to })).rejects.toThrow(failure)
      expect(await readdir(join(to, ".."))).toEqual([])
    })
  })

  it("is let go at once by who aborts while the store is silent", async () => {
    const key = freshKey("silent")
    let waits = Promise.withResolvers<void>()
    /** Waits for more than comes, and takes notice of nothing else. */
    const waiting = plugin("test/waiting", sealing, {
      stage: "encrypt",
      open: (_, below) =>
        Effect.succeed({
          size: undefined,
          open: async function* (offset) {
            for await (const chunk of below.open(offset)) {
              yield chunk
              waits.resolve()
            }
          }
        })
    })
    await using sluice = sluiceOf(target(), { plugins: [waiting], stallTimeoutMs: 600_000 })
    await sluice.upload({ key, body: prose }).done()
    const stall = () =>
      target().server.faults.add({ match: { op: "GetObject", key }, action: { type: "stall", afterBytes: 1_000 } })
    stall()
    const controller = new AbortController()
    const { signal } = controller
    await into(async (to) => {
      const aborted = expect(sluice.download({ key, to, signal })).rejects.toThrow("aborted")
      await waits.promise
      controller.abort()
      await aborted
      expect(await readdir(join(to, ".."))).toEqual([])
    })
    stall()
    waits = Promise.withResolvers<void>()
    const { stream } = await sluice.read({ key })
    const reader = stream.getReader()
    expect((await reader.read()).value).toHaveLength(1_000)
    const reading = reader.read()
    await waits.promise
    await reader.cancel()
    expect((await reading).done).toBe(true)
    expect(openRequests(target().store.endpoint)).toEqual([])
  })

  it("says nothing of plugins that only look", async () => {
    const key = freshKey("looking")
    const hash = createHash("sha256")
    const looking = Plugin.make({
      name: "test/looking",
      open: () =>
        Effect.succeed({
          body: {
            stage: "observe",
            size: "same",
            replay: "deterministic",
            transform: async function* (bytes) {
              for await (const chunk of bytes) {
                hash.update(chunk)
                yield chunk
              }
            }
          }
        } satisfies Hooks)
    })
    await using sluice = sluiceOf(target(), { plugins: [looking] })
    await sluice.upload({ key, body: prose }).done()
    expect((await sluice.head(key)).metadata).toEqual({})
    expect(hash.digest("hex")).toBe(sha256(prose))
  })
})
