import { gunzipSync } from "node:zlib"
import type { Hooks } from "@sluice/core/Plugin"
import * as Source from "@sluice/core/Source"
import { uploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { chunksOf, generator, MiB, pattern, webStream } from "./bytes.ts"
import { gzipping, hooks, large, sealing, small, trailer, xor } from "./hooks.ts"
import { download, onEmbedded, onEveryStore } from "./target.ts"
import { attempt, failedWith, succeeded } from "./trial.ts"

const part = 5 * MiB

onEveryStore("a part hook that changes bytes", (target) => {
  it.each([
    ["one PUT", small],
    ["parts", large]
  ])("has exactly its output stored, in %s", async (_, body) => {
    const parts = [...chunksOf(body, [part])]
    const expected = Buffer.concat(parts.flatMap((bytes) => [xor(bytes), trailer]))
    const outcome = await attempt(target(), { body }, { plugins: [hooks(sealing)], expected })
    expect(succeeded(outcome).size).toBe(body.length + 16 * parts.length)
    // Progress counts the caller's bytes, not the plugin's.
    expect(outcome.progress.at(-1)).toMatchObject({ total: body.length, stored: body.length, sent: body.length })
  })

  it("sends the same output again when a part is retried", async () => {
    let transforms = 0
    let lost = 0
    const counting: Hooks = {
      part: {
        stage: "encrypt",
        overhead: () => 0,
        transform: ({ bytes }) => {
          transforms++
          return Effect.succeed(xor(bytes))
        }
      },
      send: (sending, next) =>
        Effect.flatMap(next(sending), (stored) =>
          sending.attempt === 1
            ? Effect.suspend(() => {
                lost++
                return Effect.fail(uploadError({ _tag: "Unavailable", message: "the answer got lost" }))
              })
            : Effect.succeed(stored)
        )
    }
    const outcome = await attempt(target(), { body: large }, { plugins: [hooks(counting)], expected: xor(large) })
    expect(succeeded(outcome).parts).toBe(2)
    expect([transforms, lost]).toEqual([2, 2])
    expect(outcome.progress.at(-1)).toMatchObject({ stored: large.length, partsStored: 2, retries: 2 })
  })
})

onEmbedded("a part hook hears which part is the last", (target) => {
  const two = pattern(2 * part)
  const three = pattern(2 * part + 1)
  /** In one call, and only its end says how long it is: as a redirected standard input. */
  const positional = (bytes: Uint8Array): Source.Source => ({
    ...Source.fromBytes(bytes),
    size: undefined,
    replayable: false
  })
  const kinds = [
    ["no byte", () => new Uint8Array(0), 1],
    ["one PUT", () => small, 1],
    ["bytes of two whole parts", () => two, 2],
    ["bytes of two parts and one byte", () => three, 3],
    ["a stream of one small part", () => webStream(chunksOf(small)), 1],
    ["a stream of two whole parts", () => webStream(chunksOf(two)), 2],
    ["a stream of two parts and one byte", () => webStream(chunksOf(three)), 3],
    ["what is read at positions, of unknown length, two whole parts", () => positional(two), 2],
    ["what is read at positions, of unknown length, two parts and one byte", () => positional(three), 3]
  ] as const

  it.each(kinds)("of %s", async (_, body, parts) => {
    const told = new Map<number, boolean>()
    const listening: Hooks = {
      part: {
        stage: "encrypt",
        overhead: () => 0,
        transform: ({ partNumber, last, bytes }) =>
          Effect.sync(() => {
            told.set(partNumber, last)
            return bytes
          })
      }
    }
    succeeded(await attempt(target(), { body: body() }, { plugins: [hooks(listening)], partSize: part }))
    expect([...told].sort(([a], [b]) => a - b)).toEqual(
      Array.from({ length: parts }, (_, i) => [i + 1, i + 1 === parts])
    )
  })
})

onEveryStore("a body hook of unknown size", (target) => {
  const kinds = [
    ["bytes below the threshold", () => small, small],
    ["bytes in parts", () => large, large],
    ["a stream", () => webStream(chunksOf(large)), large],
    ["no byte", () => new Uint8Array(0), new Uint8Array(0)]
  ] as const
  it.each(kinds)("compresses %s, stored as it came out", async (_, body, source) => {
    const outcome = await attempt(target(), { body: body() }, { plugins: [hooks(gzipping)], expected: "any" })
    succeeded(outcome)
    const found = await download(target(), outcome.key)
    expect(Buffer.compare(gunzipSync(found ?? new Uint8Array(0)), source)).toBe(0)
  })

  it("before a part hook, by stage and not by list order", async () => {
    const plugins = [hooks(sealing, "test/seal"), hooks(gzipping, "test/gzip")]
    const { key } = await attempt(target(), { body: small }, { plugins, expected: "any" })
    const found = (await download(target(), key)) ?? new Uint8Array(0)
    expect(Buffer.compare(gunzipSync(xor(found.subarray(0, -trailer.length))), small)).toBe(0)
  })
})

onEmbedded("a body hook", (target) => {
  it("that fails is PluginFailed, naming plugin and hook", async () => {
    const breaking: Hooks = {
      body: {
        ...gzipping.body,
        stage: "observe",
        size: "same",
        replay: "none",
        transform: async function* (bytes) {
          for await (const chunk of bytes) {
            yield chunk
            throw new Error("out of codes")
          }
        }
      }
    }
    const outcome = await attempt(target(), { body: large }, { plugins: [hooks(breaking, "acme/broken")] })
    const error = failedWith(outcome, "PluginFailed")
    expect(error.reason).toMatchObject({ plugin: "acme/broken", hook: "body" })
    expect(error.message).toMatch(/out of codes/)
  })

  it("lets the source's own failure through", async () => {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield small
      throw new Error("the disk is on fire")
    }
    const error = failedWith(await attempt(target(), { body: body() }, { plugins: [hooks(gzipping)] }), "SourceFailed")
    expect(error.message).toContain("the disk is on fire")
  })

  it("does not hide that the source is not as long as declared", async () => {
    const body = generator([small])
    const outcome = await attempt(target(), { body, size: 1_001 }, { plugins: [hooks(gzipping)] })
    expect(failedWith(outcome, "SizeMismatch").reason).toMatchObject({ declared: 1_001, actual: 1_000 })
  })

  it("that says the size stays, and changes it, is found out", async () => {
    const lying: Hooks = { body: { stage: "compress", size: "same", replay: "none", transform: (_) => generator([]) } }
    failedWith(await attempt(target(), { body: large }, { plugins: [hooks(lying)] }), "SizeMismatch")
  })

  it("does not keep abort() from ending an upload whose source gives nothing", async () => {
    const body = new ReadableStream<Uint8Array>()
    const outcome = await attempt(
      target(),
      { body },
      { plugins: [hooks(gzipping)], during: (upload) => upload.abort() }
    )
    expect(outcome.error).toMatchObject({ name: "AbortError" })
  })
})
