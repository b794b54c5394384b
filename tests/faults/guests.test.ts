/** Plugins that hang, logs and tracers that throw: guests of the engine (docs/reliability.md). */
import { Journal, S3ObjectStore, Source, Uploader } from "@sluice/core"
import type { Hooks } from "@sluice/core/Plugin"
import * as Plugin from "@sluice/core/Plugin"
import { createSluice, s3 } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { describe, expect, it } from "vitest"
import { pattern, sha256 } from "../engine/bytes.ts"
import { download, onEmbedded } from "../engine/target.ts"
import { attempt, freshKey, quick } from "../engine/trial.ts"

const bytes = pattern(quick.partSize + 1_000)

onEmbedded("a plugin that hangs", (target) => {
  type Hang = (arrived: () => void) => Hooks
  const never = (arrived: () => void) => Effect.andThen(Effect.sync(arrived), Effect.never)
  const hangs: ReadonlyArray<readonly [keyof Hooks, Hang]> = [
    ["plan", (arrived) => ({ plan: () => never(arrived) })],
    [
      "body",
      (arrived) => ({
        body: {
          ...({ stage: "observe", size: "same", replay: "deterministic" } as const),
          transform: async function* (chunks) {
            arrived()
            await new Promise(() => undefined)
            yield* chunks
          }
        }
      })
    ],
    ["part", (arrived) => ({ part: { stage: "observe", overhead: () => 0, transform: () => never(arrived) } })],
    ["send", (arrived) => ({ send: () => never(arrived) })],
    ["finish", (arrived) => ({ finish: () => never(arrived) })],
    ["verify", (arrived) => ({ verify: () => never(arrived) })]
  ]
  describe.each([
    ["parts", bytes],
    ["one PUT", bytes.subarray(0, 1_000)]
  ])("with %s", (_, body) => {
    it.each(hangs)("in %s is ended by abort(), and nothing is left [row 61]", async (hook, hang) => {
      const arrived = Promise.withResolvers<void>()
      const plugin = Plugin.make({ name: "acme/hangs", open: () => Effect.succeed(hang(() => arrived.resolve())) })
      const { error } = await attempt(
        target(),
        { body },
        {
          plugins: [plugin],
          // After Complete nothing can be taken back.
          mayBeStored: hook === "verify",
          during: async (upload) => {
            await arrived.promise
            await upload.abort()
          }
        }
      )
      expect(error).toMatchObject({ name: "AbortError" })
    })
  })

  it("when it is opened is ended by abort(), and nothing is asked of the store", async () => {
    const key = freshKey()
    const arrived = Promise.withResolvers<void>()
    const plugin = Plugin.make({ name: "acme/hangs", open: () => never(() => arrived.resolve()) })
    const during = async (upload: { readonly abort: () => Promise<void> }): Promise<void> => {
      await arrived.promise
      await upload.abort()
    }
    await attempt(target(), { key, body: bytes }, { plugins: [plugin], neverStarts: true, during })
    expect(target().count("CreateMultipartUpload", key)).toBe(0)
  })

  it("in deliver holds up neither the upload nor dispose() [row 60]", async () => {
    const deliver: Hooks["deliver"] = { name: "webhook", events: ["UploadCompleted"], send: () => Effect.never }
    const plugin = Plugin.make({ name: "acme/hangs", open: () => Effect.succeed({ deliver }) })
    const sluice = createSluice({ ...quick, plugins: [plugin], store: s3(target().store) })
    expect(await sluice.upload({ key: freshKey(), body: bytes }).done()).toMatchObject({ proof: "source" })
    await sluice.dispose()
    await target().assertNothingLeft()
  })
})

onEmbedded("an upload whose telemetry is broken", (target) => {
  const broken = (): never => {
    throw new Error("the collector is gone")
  }
  /** Uploads with one retry, and with a lost Create, which is warned about. */
  const uploading = async (key: string, telemetry: Layer.Layer<never>): Promise<void> => {
    const busy = { type: "status", status: 500, code: "InternalError" } as const
    target().server.faults.add({ match: { op: "UploadPart", key, partNumber: 1 }, action: busy })
    target().server.faults.add({ match: { op: "CreateMultipartUpload", key }, action: { type: "dropAfterCommit" } })
    const layer = Uploader.layer(quick).pipe(Layer.provide([S3ObjectStore.layer(target().store), Journal.layerMemory]))
    const upload = Uploader.use((uploader) => uploader.upload({ key, source: Source.fromBytes(bytes) }))
    await Effect.runPromise(upload.pipe(Effect.provide(layer), Effect.provide(telemetry)))
    expect(sha256((await download(target(), key)) ?? new Uint8Array())).toBe(sha256(bytes))
  }

  // Bug, until it is mended: `Effect.logWarning` in the engine (create-upload.ts, abort-upload.ts, settle.ts, deliver.ts,
  // event-bus.ts) is not guarded: a logger that throws is a defect of the upload, and what it began is left open.
  it("by a logger that throws is stored [row 63]", async () => {
    await uploading(freshKey("logger"), Logger.layer([Logger.make(broken)]))
  })
})
