/**
 * More uploads than may run at once wait for their turn, by priority; more than may wait are turned away.
 */
import { setImmediate as tick } from "node:timers/promises"
import * as Plugin from "@sluice/core/Plugin"
import { createSluice, type Sluice, type SluiceOptions, s3, type Upload } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { MiB, pattern } from "./bytes.ts"
import { head, onEmbedded, type Target } from "./target.ts"
import { freshKey, quick } from "./trial.ts"

/** An uploader whose uploads tell when they begin, and end when the test lets them. */
const held = (target: Target, options: Partial<SluiceOptions>) => {
  const begun: Array<string> = []
  const gates = new Map<string, PromiseWithResolvers<void>>()
  const gate = (key: string): PromiseWithResolvers<void> => {
    const known = gates.get(key) ?? Promise.withResolvers<void>()
    gates.set(key, known)
    return known
  }
  const plugin = Plugin.make({
    name: "test/held",
    open: ({ key }) =>
      Effect.sync(() => {
        begun.push(key)
        return { finish: () => Effect.promise(() => gate(key).promise) }
      })
  })
  const sluice = createSluice({ ...quick, ...options, plugins: [plugin], store: s3(target.store) })
  return {
    sluice,
    begun,
    /** Lets the upload end, and waits until it has. */
    end: async (upload: Upload, key: string): Promise<void> => {
      gate(key).resolve()
      await upload.done()
    }
  }
}

const started = (begun: ReadonlyArray<string>, count: number) => expect.poll(() => begun.length).toBe(count)

/** Whoever could begin has begun. */
const quiet = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await tick()
}

const body = pattern(1_000)

onEmbedded("uploads beyond maxUploads", (target) => {
  it("wait for their turn, the more urgent first, and tell nothing before it", async () => {
    const { begun, end, sluice } = held(target(), { maxUploads: 1 })
    await using _ = sluice
    const first = freshKey("first")
    const running = sluice.upload({ key: first, body })
    await started(begun, 1)
    const names = ["low", "normal", "high", "high"] as const
    const waiting = names.map((priority) => {
      const key = freshKey(priority)
      return { key, upload: sluice.upload({ key, body, priority }) }
    })
    await quiet()
    expect(begun).toEqual([first])
    expect(waiting.map(({ upload }) => upload.progress().state)).toEqual(names.map(() => "waiting"))

    await end(running, first)
    const [low, normal, high, higher] = waiting
    const order = [high, higher, normal, low]
    for (const [i, next] of order.entries()) {
      await started(begun, i + 2)
      if (next !== undefined) await end(next.upload, next.key)
    }
    expect(begun).toEqual([first, ...order.map((next) => next?.key)])
  })

  it("and maxQueuedUploads are turned away at once, saying what to do; the others are stored", async () => {
    const { begun, end, sluice } = held(target(), { maxUploads: 1, maxQueuedUploads: 1 })
    await using _ = sluice
    const [first, second, third] = [freshKey("runs"), freshKey("waits"), freshKey("refused")]
    const running = sluice.upload({ key: first, body })
    await started(begun, 1)
    const waiting = sluice.upload({ key: second, body })
    const refused = sluice.upload({ key: third, body })
    await expect(refused.done()).rejects.toMatchObject({
      reason: { _tag: "Rejected", status: 429 },
      retry: "temporary",
      message: expect.stringMatching(/1 uploads run and 1 wait.*maxUploads and maxQueuedUploads/)
    })
    for await (const event of refused.events()) expect.unreachable(`${event._tag} of an upload that never began`)
    await end(running, first)
    await end(waiting, second)
    expect((await head(target(), second)).ContentLength).toBe(body.length)
    await expect(head(target(), third)).rejects.toMatchObject({ name: "NotFound" })
  })

  it("leave the queue when they are aborted, and nothing of them was begun", async () => {
    const { begun, end, sluice } = held(target(), { maxUploads: 1, maxQueuedUploads: 1 })
    await using _ = sluice
    const [first, second, third] = [freshKey("runs"), freshKey("leaves"), freshKey("stays")]
    const running = sluice.upload({ key: first, body })
    await started(begun, 1)
    const leaving = sluice.upload({ key: second, body })
    await leaving.abort()
    await expect(leaving.done()).rejects.toMatchObject({ name: "AbortError" })
    const staying = sluice.upload({ key: third, body })
    await end(running, first)
    await started(begun, 2)
    await end(staying, third)
    expect(begun).toEqual([first, third])
    await expect(head(target(), second)).rejects.toMatchObject({ name: "NotFound" })
  })

  it("keep their turn while they are paused, and their place when they run", async () => {
    const { begun, end, sluice } = held(target(), { maxUploads: 1 })
    await using _ = sluice
    const [first, second, third] = [freshKey("runs"), freshKey("paused"), freshKey("behind")]
    const running = sluice.upload({ key: first, body })
    await started(begun, 1)
    const paused = sluice.upload({ key: second, body })
    paused.pause()
    const behind = sluice.upload({ key: third, body })
    await end(running, first)
    await started(begun, 2)
    await quiet()
    expect(begun).toEqual([first, second])
    paused.resume()
    await end(paused, second)
    await end(behind, third)
    expect(begun).toEqual([first, second, third])
  })

  it("are let in when those before them fail", async () => {
    await using sluice = createSluice({ ...quick, maxUploads: 1, store: s3(target().store) })
    const fails = sluice.upload({ key: "", body })
    const key = freshKey("after")
    const follows = sluice.upload({ key, body })
    await expect(fails.done()).rejects.toMatchObject({ reason: { _tag: "InvalidRequest" } })
    expect((await follows.done()).key).toBe(key)
  })

  it("end with their uploader, those that run and those that wait", async () => {
    const { begun, sluice } = held(target(), { maxUploads: 1 })
    const keys = [freshKey("runs"), freshKey("waits")]
    const uploads = keys.map((key) => sluice.upload({ key, body }))
    await started(begun, 1)
    await sluice.dispose()
    for (const upload of uploads) await expect(upload.done()).rejects.toMatchObject({ name: "AbortError" })
    for (const key of keys) await expect(head(target(), key)).rejects.toMatchObject({ name: "NotFound" })
  })

  it("are refused as options that make no sense", async () => {
    await using sluice: Sluice = createSluice({
      ...quick,
      maxUploads: 0,
      maxQueuedUploads: -1,
      store: s3(target().store)
    })
    await expect(sluice.upload({ key: "k", body }).done()).rejects.toMatchObject({
      reason: {
        _tag: "InvalidRequest",
        message: expect.stringMatching(/maxUploads must be.*from 1 to 100000, not 0.*maxQueuedUploads must be/)
      }
    })
  })
})

onEmbedded("a thousand uploads at once", (target) => {
  const slab = 256 * 1024
  /** How many slabs hold bytes at once, seen from the innermost hook before the store. */
  const counting = () => {
    let now = 0
    let most = 0
    const plugin = Plugin.make({
      name: "test/counting",
      open: () =>
        Effect.succeed({
          send: (sending, next) => {
            const slabs = Math.ceil(sending.body.size / slab)
            return Effect.suspend(() => {
              now += slabs
              most = Math.max(most, now)
              return next(sending)
            }).pipe(
              Effect.ensuring(
                Effect.sync(() => {
                  now -= slabs
                })
              )
            )
          }
        })
    })
    return { plugin, most: () => most }
  }

  it("are all stored, with no more of them in memory than the budget holds [row 64]", async () => {
    const { most, plugin } = counting()
    await using sluice = createSluice({
      ...quick,
      memoryBudget: 16 * MiB,
      plugins: [plugin],
      store: s3(target().store)
    })
    const bytes = pattern(64 * 1024)
    const keys = Array.from({ length: 1_000 }, () => freshKey("thousand"))
    const stored = await Promise.all(keys.map((key) => sluice.upload({ key, body: bytes }).done()))
    expect(stored.map(({ key }) => key)).toEqual(keys)
    expect(new Set(stored.map(({ crc32 }) => crc32)).size).toBe(1)
    expect(stored.every(({ proof, size }) => proof === "source" && size === bytes.length)).toBe(true)
    expect(most()).toBeGreaterThan(1)
    expect(most()).toBeLessThanOrEqual((16 * MiB) / slab)
  })

  it("in parts as well, a few fewer of them", async () => {
    const { most, plugin } = counting()
    await using sluice = createSluice({
      ...quick,
      memoryBudget: 32 * MiB,
      plugins: [plugin],
      store: s3(target().store)
    })
    const bytes = pattern(5 * MiB + 1)
    const keys = Array.from({ length: 24 }, () => freshKey("parts"))
    const stored = await Promise.all(keys.map((key) => sluice.upload({ key, body: bytes }).done()))
    expect(stored.every(({ parts, proof }) => parts === 2 && proof === "source")).toBe(true)
    expect(most()).toBeGreaterThan(20)
    expect(most()).toBeLessThanOrEqual((32 * MiB) / slab)
    expect(target().server.openUploads()).toEqual([])
  })
})
