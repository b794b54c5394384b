import { gunzipSync } from "node:zlib"
import type { Hooks } from "@sluice/core/Plugin"
import * as Plugin from "@sluice/core/Plugin"
import { type ReasonTag, reject } from "@sluice/core/promise"
import { uploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { chunksOf, generator, MiB, pattern, streamOf, webStream } from "./bytes.ts"
import { download, head, onEmbedded, onEveryStore } from "./target.ts"
import { attempt, failedWith, freshKey, succeeded } from "./trial.ts"

const part = 5 * MiB
const small = pattern(1_000)
/** Two parts. */
const large = pattern(part + 1_000)

const hooks = (of: Hooks, name = "test/plugin") => Plugin.make({ name, open: () => Effect.succeed(of) })

const xor = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 0x5a)
const trailer = pattern(16, 1)
/** Stands for an encryption: other bytes, and 16 more a part. */
const sealing: Hooks = {
  part: {
    stage: "encrypt",
    overhead: () => trailer.length,
    transform: ({ bytes }) => Effect.sync(() => Buffer.concat([xor(bytes), trailer]))
  }
}
const gzipping: Hooks = {
  body: {
    stage: "compress",
    size: "unknown",
    replay: "deterministic",
    transform: async function* (bytes) {
      yield* streamOf(bytes).pipeThrough(new CompressionStream("gzip"))
    }
  }
}

// A hook that may not fail the upload is warned about instead.
beforeEach(() => {
  vi.spyOn(console, "log").mockReturnValue(undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
})

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
          },
          read: { stage: "observe", transform: ({ bytes }) => bytes }
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

onEmbedded("a hook that breaks its word is PluginFailed, naming plugin and hook", (target) => {
  const crash = (): never => {
    throw new Error("a plugin's bug")
  }
  const bugs: ReadonlyArray<readonly [keyof Hooks, string, Hooks]> = [
    ["plan", "dies", { plan: () => Effect.die(new Error("a plugin's bug")) }],
    ["plan", "throws", { plan: crash }],
    ["part", "throws", { part: { stage: "observe", overhead: () => 0, transform: crash } }],
    [
      "part",
      "makes other bytes than its overhead says",
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
  ])("a delivery that %s is tried until it succeeds, under one id", async (_, fail) => {
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
