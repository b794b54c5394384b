import { setImmediate as tick } from "node:timers/promises"
import { createSluice, s3, type Upload, type UploadEvent } from "@sluice/core/promise"
import { expect, it } from "vitest"
import { chunksOf, MiB, pattern, webStream } from "./bytes.ts"
import { download, onEmbedded, onEveryStore } from "./target.ts"
import { attempt, freshKey, quick, succeeded } from "./trial.ts"
import { completeRequest, partRequest, startTurnstile } from "./turnstile.ts"

const part = 5 * MiB
/** Two parts. */
const bytes = pattern(part + 1)

const collect = async (upload: Upload): Promise<ReadonlyArray<UploadEvent>> => {
  const events: Array<UploadEvent> = []
  for await (const event of upload.events()) events.push(event)
  return events
}

const until = async (upload: Upload, wanted: (event: UploadEvent) => boolean): Promise<void> => {
  for await (const event of upload.events()) if (wanted(event)) return
}

onEveryStore("an upload", (target) => {
  it("starts when it is made, and done() is memoised", async () => {
    const outcome = await attempt(
      target(),
      { body: bytes },
      {
        during: async (upload) => {
          await until(upload, ({ _tag }) => _tag === "UploadCompleted")
          expect(upload.done()).toBe(upload.done())
          expect(await upload.done()).toBe(await upload.done())
        }
      }
    )
    succeeded(outcome)
  })

  it("tells its story in order, from the start to one end", async () => {
    const { events } = await attempt(target(), { body: bytes }, { concurrency: 1 })
    const tags = events.map(({ _tag }) => _tag).filter((tag) => tag !== "BytesSent")
    expect(tags).toEqual(["UploadStarted", "PartStored", "PartStored", "Completing", "UploadCompleted"])
    for (const [i, event] of events.entries()) {
      expect(event.at).toBeGreaterThanOrEqual(events[i - 1]?.at ?? 0)
      expect(event.sessionId).toBe(events[0]?.sessionId)
    }
  })

  it("shows progress that rises to the total and says 100 only at the end", async () => {
    const { progress } = await attempt(target(), { body: bytes })
    expect(progress[0]).toMatchObject({ state: "uploading", total: bytes.length })
    expect(progress.at(-1)).toMatchObject({
      state: "completed",
      percent: 100,
      total: bytes.length,
      sent: bytes.length,
      stored: bytes.length,
      partsStored: 2,
      secondsLeft: 0
    })
    // The rest of it is checked after every upload of this folder.
  })

  it("of unknown length knows its total when the source has ended", async () => {
    const { progress } = await attempt(target(), { body: webStream(chunksOf(bytes)) }, { expected: bytes })
    expect(progress[0]).toMatchObject({ total: undefined, percent: undefined })
    expect(progress.at(-1)).toMatchObject({ total: bytes.length, percent: 100 })
  })
})

onEmbedded("events()", (target) => {
  it("gives late listeners the whole story, and ends", async () => {
    await attempt(
      target(),
      { body: bytes },
      {
        during: async (upload) => {
          await upload.done()
          const late = await collect(upload)
          expect(late.map(({ _tag }) => _tag)).toEqual(expect.arrayContaining(["UploadStarted", "UploadCompleted"]))
          expect(await collect(upload)).toEqual(late)
        }
      }
    )
  })

  it("keeps the first and the newest of a long story, and tells none twice to a slow listener", async () => {
    await using sluice = createSluice({ ...quick, eventBuffer: 3, store: s3(target().store) })
    const upload = sluice.upload({ key: freshKey("story"), body: bytes })
    const slow = upload.events()[Symbol.asyncIterator]()
    const seen = [await slow.next(), await slow.next()].map(({ value }) => value)
    await upload.done()
    for (let next = await slow.next(); next.done !== true; next = await slow.next()) seen.push(next.value)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.at(-1)).toMatchObject({ _tag: "UploadCompleted" })
    const late = await collect(upload)
    expect(late.map(({ _tag }) => _tag)).toEqual(["UploadStarted", "Completing", "UploadCompleted"])
    expect(late[0]).toBe(seen[0])
  })

  it("may be left early, and by one of several listeners", async () => {
    await attempt(
      target(),
      { body: bytes },
      {
        during: async (upload) => {
          const all = collect(upload)
          for await (const _ of upload.events()) break
          expect((await all).at(-1)).toMatchObject({ _tag: "UploadCompleted" })
        }
      }
    )
  })
})

onEmbedded("what a listener throws", (target) => {
  it("is its own affair: the upload goes on", async () => {
    const onProgress = (): void => {
      throw new Error("a listener's bug")
    }
    succeeded(await attempt(target(), { body: bytes, onProgress }))
  })
})

onEmbedded("a failed upload that nobody awaits", (target) => {
  it("is no unhandled rejection", async () => {
    const unhandled: Array<unknown> = []
    const listen = (reason: unknown): void => void unhandled.push(reason)
    process.on("unhandledRejection", listen)
    await using sluice = createSluice({ ...quick, store: s3({ ...target().store, bucket: "no-such-bucket" }) })
    const events = await collect(sluice.upload({ key: "nobody", body: pattern(10) }))
    expect(events.at(-1)).toMatchObject({ _tag: "UploadFailed" })
    await tick()
    process.off("unhandledRejection", listen)
    expect(unhandled).toEqual([])
  })
})

onEveryStore("pause()", (target) => {
  it("lets parts in flight finish and starts no new one until resume()", async () => {
    await using turnstile = await startTurnstile(target().store.endpoint)
    const first = turnstile.hold(partRequest(1))
    const second = turnstile.hold(partRequest(2))
    let started = false
    second.arrived.then(() => {
      started = true
    })
    const key = freshKey("paused")
    const outcome = await attempt(
      target(),
      { key, body: bytes },
      {
        store: { endpoint: turnstile.endpoint },
        concurrency: 1,
        during: async (upload, sluice) => {
          await first.arrived
          upload.pause()
          first.release()
          await until(upload, ({ _tag }) => _tag === "PartStored")
          // A whole other upload has time to pass, its parts and all; this one stands still.
          const key = freshKey("meanwhile")
          await sluice.upload({ key, body: pattern(1_000) }).done()
          expect(await download(target(), key)).toBeDefined()
          expect(started).toBe(false)
          second.release()
          upload.resume()
        }
      }
    )
    succeeded(outcome)
    expect(started).toBe(true)
  })

  it("holds back one PUT too", async () => {
    const key = freshKey("paused")
    const outcome = await attempt(
      target(),
      { key, body: webStream(chunksOf(pattern(100))) },
      {
        expected: pattern(100),
        during: async (upload, sluice) => {
          upload.pause()
          await sluice.upload({ key: freshKey("meanwhile"), body: pattern(1_000) }).done()
          expect(await download(target(), key)).toBeUndefined()
          upload.resume()
        }
      }
    )
    succeeded(outcome)
  })

  it("does not keep abort() from ending the upload", async () => {
    const outcome = await attempt(
      target(),
      { body: bytes },
      {
        during: async (upload) => {
          upload.pause()
          await until(upload, ({ _tag }) => _tag === "UploadStarted")
          await upload.abort()
        }
      }
    )
    expect(outcome.error).toMatchObject({ name: "AbortError" })
  })

  it("after all parts changes nothing", async () => {
    await using turnstile = await startTurnstile(target().store.endpoint)
    const complete = turnstile.hold(completeRequest)
    const outcome = await attempt(
      target(),
      { body: bytes },
      {
        store: { endpoint: turnstile.endpoint },
        during: async (upload) => {
          await complete.arrived
          upload.pause()
          complete.release()
          await upload.done()
        }
      }
    )
    succeeded(outcome)
  })
})

onEmbedded("many uploads at once", (target) => {
  it("share one memory budget smaller than all of them, and all arrive identical", async () => {
    await using sluice = createSluice({ ...quick, memoryBudget: 16 * MiB, store: s3(target().store) })
    const all = Array.from({ length: 6 }, (_, seed) => ({
      key: freshKey("many"),
      body: pattern(part + seed, seed)
    }))
    await Promise.all(
      all.map(({ key, body }, i) => sluice.upload({ key, body: i % 2 === 0 ? body : webStream(chunksOf(body)) }).done())
    )
    for (const { key, body } of all) expect(Buffer.compare(body, (await download(target(), key)) ?? body)).toBe(0)
    await target().assertNothingLeft()
  })

  it("to one key leave one of them, whole", async () => {
    await using sluice = createSluice({ ...quick, store: s3(target().store) })
    const key = freshKey("contested")
    const bodies = [1, 2, 3].map((seed) => pattern(part + seed, seed))
    const outcomes = await Promise.allSettled(bodies.map((body) => sluice.upload({ key, body }).done()))
    for (const outcome of outcomes) expect(outcome.status).toBe("fulfilled")
    const found = await download(target(), key)
    expect(bodies.filter((body) => found !== undefined && Buffer.compare(body, found) === 0)).toHaveLength(1)
    await target().assertNothingLeft()
  })
})
