import type { Sluice, Upload } from "@sluice/core/promise"
import { describe, expect, it } from "vitest"
import { chunksOf, generator, MiB, pattern, webStream } from "./bytes.ts"
import { onEmbedded, onEveryStore, type Target } from "./target.ts"
import { attempt, freshKey, type Outcome, type Setup, succeeded } from "./trial.ts"
import {
  completeAnswer,
  completeRequest,
  createAnswer,
  createRequest,
  type HoldMatch,
  partRequest,
  putRequest,
  startTurnstile
} from "./turnstile.ts"

const part = 5 * MiB
/** Three parts. */
const bytes = pattern(2 * part + 1)

type Stop = (upload: Upload, controller: AbortController, sluice: Sluice) => Promise<void>

const settled = (upload: Upload): Promise<unknown> => upload.done().catch(() => undefined)

const stops: ReadonlyArray<readonly [string, Stop]> = [
  ["abort()", (upload) => upload.abort()],
  [
    "the caller's signal",
    async (upload, controller) => {
      controller.abort()
      await settled(upload)
    }
  ],
  ["dispose()", (_upload, _controller, sluice) => sluice.dispose()]
]

/** Stops the upload while what matches is held; then lets it through, as late as it likes. */
const stoppedAt = async (
  target: Target,
  match: HoldMatch,
  stop: Stop,
  setup: Setup & { readonly body?: Uint8Array } = {}
): Promise<Outcome> => {
  const { body = bytes, ...rest } = setup
  await using turnstile = await startTurnstile(target.store.endpoint)
  const held = turnstile.hold(match)
  const controller = new AbortController()
  return await attempt(
    target,
    { body, signal: controller.signal },
    {
      store: { endpoint: turnstile.endpoint },
      expected: body,
      ...rest,
      during: async (upload, sluice) => {
        await held.arrived
        const stopped = stop(upload, controller, sluice)
        held.release()
        await stopped
      }
    }
  )
}

const expectAborted = ({ error }: Outcome): void => {
  expect(error).toBeInstanceOf(DOMException)
  expect(error).toMatchObject({ name: "AbortError" })
}

onEveryStore("an upload ended by its caller leaves nothing", (target) => {
  describe.each(stops)("by %s", (_, stop) => {
    it.each<[string, HoldMatch]>([
      ["before Create reaches the store", createRequest],
      ["before the answer to Create arrives", createAnswer],
      ["during part 1", partRequest(1)],
      ["during part 3", partRequest(3)],
      ["before Complete reaches the store", completeRequest]
    ])("%s", async (_, match) => {
      expectAborted(await stoppedAt(target(), match, stop, { mayBeStored: match === completeRequest }))
    })

    it("before the answer to Complete arrives: the object is whole [row 48]", async () => {
      expectAborted(await stoppedAt(target(), completeAnswer, stop, { mayBeStored: true }))
    })

    it("during one PUT", async () => {
      expectAborted(await stoppedAt(target(), putRequest, stop, { body: pattern(100), mayBeStored: true }))
    })
  })

  it("while the source gives nothing, which is then cancelled", async () => {
    const cancelled = Promise.withResolvers<unknown>()
    const body = new ReadableStream<Uint8Array>({ cancel: cancelled.resolve })
    const outcome = await attempt(target(), { body }, { during: (upload) => upload.abort() })
    expectAborted(outcome)
    await cancelled.promise
  })

  it("while the source gives nothing more after two parts, and its cleanup runs", async () => {
    const waiting = Promise.withResolvers<void>()
    const cancelled = Promise.withResolvers<void>()
    const chunks = [...chunksOf(pattern(2 * part + 5))]
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const chunk = chunks.shift()
        if (chunk !== undefined) return controller.enqueue(chunk)
        waiting.resolve()
        return cancelled.promise
      },
      cancel: () => cancelled.resolve()
    })
    const during = async (upload: Upload): Promise<void> => {
      await waiting.promise
      await upload.abort()
    }
    expectAborted(await attempt(target(), { body }, { during }))
    await cancelled.promise
  })

  it("at once, before anything happened", async () => {
    const setup = { during: (upload: Upload) => upload.abort() }
    expectAborted(await attempt(target(), { body: bytes }, setup))
  })

  it("with a signal that was aborted before", async () => {
    const outcome = await attempt(target(), { body: bytes, signal: AbortSignal.abort() })
    expectAborted(outcome)
  })
})

onEveryStore("abort()", (target) => {
  it("after the end changes nothing: the object stands", async () => {
    const controller = new AbortController()
    const outcome = await attempt(
      target(),
      { body: bytes, signal: controller.signal },
      {
        during: async (upload) => {
          await upload.done()
          await upload.abort()
          controller.abort()
          await upload.abort()
        }
      }
    )
    succeeded(outcome)
  })

  it("may be called many times; each resolves when nothing is left", async () => {
    const outcome = await attempt(
      target(),
      { body: bytes },
      {
        mayBeStored: true,
        during: async (upload) => {
          for await (const { _tag } of upload.events()) if (_tag === "UploadStarted") break
          await Promise.all([upload.abort(), upload.abort(), upload.abort()])
          expect(upload.progress().state).toBe("cancelled")
        }
      }
    )
    expectAborted(outcome)
  })

  it("of one upload leaves the others alone", async () => {
    const other = pattern(part + 9, 7)
    const key = freshKey("other")
    let stored: unknown
    await attempt(
      target(),
      { body: bytes },
      {
        mayBeStored: true,
        during: async (upload, sluice) => {
          const second = sluice.upload({ key, body: other })
          await upload.abort()
          stored = await second.done()
        }
      }
    )
    expect(stored).toMatchObject({ size: other.length, proof: "source" })
  })
})

onEmbedded("an abort during a retry's wait", (target) => {
  it("does not wait for it to pass", async () => {
    const key = freshKey()
    const action = { type: "status", status: 503, code: "SlowDown", retryAfter: 60 } as const
    target().server.faults.add({ match: { op: "UploadPart", key, partNumber: 1 }, action })
    const during = async (upload: Upload): Promise<void> => {
      for await (const { _tag } of upload.events()) if (_tag === "Retrying") break
      await upload.abort()
    }
    expectAborted(await attempt(target(), { key, body: bytes }, { during }))
  })

  it("during a stall ends the silent connection", async () => {
    const key = freshKey()
    const { faults } = target().server
    faults.add({ match: { op: "UploadPart", key, partNumber: 1 }, action: { type: "stall", afterBytes: MiB } })
    const during = async (upload: Upload): Promise<void> => {
      await expect.poll(() => faults.hits.filter((hit) => hit.key === key)).toHaveLength(1)
      await upload.abort()
    }
    expectAborted(await attempt(target(), { key, body: webStream(chunksOf(bytes)) }, { during }))
  })

  it("does not hang on a source whose return() never settles", async () => {
    const stuck: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: () => new Promise(() => undefined)
      })
    }
    expectAborted(await attempt(target(), { body: stuck }, { during: (upload) => upload.abort() }))
  })

  it("runs the source's own finally", async () => {
    const closed = Promise.withResolvers<void>()
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* generator(chunksOf(bytes))
      } finally {
        closed.resolve()
      }
    }
    const during = async (upload: Upload): Promise<void> => {
      for await (const { _tag } of upload.events()) if (_tag === "PartStored") break
      await upload.abort()
    }
    expectAborted(
      await attempt(target(), { body: source() }, { concurrency: 1, during, mayBeStored: true, expected: bytes })
    )
    await closed.promise
  })
})
