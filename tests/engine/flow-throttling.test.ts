/**
 * A store that asks for less gets less: from all uploads together, and no more slowly than it can.
 */
import { setImmediate as tick } from "node:timers/promises"
import { createSluice, s3, type Upload, type UploadEvent } from "@sluice/core/promise"
import { expect, it } from "vitest"
import { MiB, pattern } from "./bytes.ts"
import { startNarrowStore } from "./narrow-store.ts"
import { head, onEmbedded } from "./target.ts"
import { attempt, freshKey, quick, succeeded } from "./trial.ts"
import { startTurnstile } from "./turnstile.ts"

onEmbedded("a store that takes four requests at once", (target) => {
  it("is asked for fewer by forty uploads together, and stores them all [row 7]", async () => {
    const uploads = 40
    await using narrow = await startNarrowStore(target().store.endpoint, { takes: 4, together: uploads })
    const keys = Array.from({ length: uploads }, () => freshKey("narrow"))
    await using sluice = createSluice({ ...quick, store: s3({ ...target().store, endpoint: narrow.endpoint }) })
    const stored = await Promise.all(keys.map((key, i) => sluice.upload({ key, body: pattern(10_000 + i) }).done()))
    for (const [i, { key, size }] of stored.entries()) {
      expect(size).toBe(10_000 + i)
      expect((await head(target(), key)).ContentLength).toBe(size)
    }

    expect(narrow.arrivals[uploads - 1]?.inFlight).toBe(uploads)
    // Each upload that backed off on its own would be refused about three times more.
    const after = narrow.arrivals.slice(uploads)
    expect(after.filter(({ refused }) => refused).length).toBeLessThan(uploads)
  })

  it("makes the parts of one upload wait as well", async () => {
    const parts = 12
    const body = pattern(parts * 5 * MiB)
    let refusals = 8
    await using narrow = await startNarrowStore(target().store.endpoint, {
      takes: () => (refusals-- > 0 ? 0 : 1),
      together: 8
    })
    const outcome = await attempt(
      target(),
      { body },
      { store: { endpoint: narrow.endpoint }, concurrency: 8, memoryBudget: 96 * MiB, maxAttempts: 30 }
    )
    succeeded(outcome)
    const after = narrow.arrivals.slice(8)
    expect(Math.max(...after.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(4)
    expect(after.filter(({ refused }) => refused).length).toBeLessThan(parts)
  })
})

onEmbedded("a store that throttles", (target) => {
  it("gets the bytes of the urgent first", async () => {
    await using turnstile = await startTurnstile(target().store.endpoint)
    const { server, store } = target()
    await using sluice = createSluice({ ...quick, store: s3({ ...store, endpoint: turnstile.endpoint }) })
    const body = pattern(100)
    const refused = freshKey("refused")
    const slowDown = { type: "status", status: 503, code: "SlowDown" } as const
    server.faults.add({ match: { op: "PutObject", key: refused }, action: slowDown })
    // One refusal leaves one place, the success after it makes two of it.
    await sluice.upload({ key: refused, body }).done()
    const inPlace = [freshKey("in-place"), freshKey("in-place")].map((key) => {
      const hold = turnstile.hold({ method: "PUT", url: new RegExp(`${key}\\b`), hold: "request" })
      return { hold, upload: sluice.upload({ key, body }) }
    })
    for (const { hold } of inPlace) await hold.arrived

    const [low, high] = [freshKey("low"), freshKey("high")]
    const waiting = [
      sluice.upload({ key: low, body, priority: "low" }),
      sluice.upload({ key: high, body, priority: "high" })
    ]
    for (const upload of waiting) for await (const { _tag } of upload.events()) if (_tag === "UploadStarted") break
    for (let i = 0; i < 50; i++) await tick()
    for (const { hold } of inPlace) hold.release()
    await Promise.all([...inPlace.map(({ upload }) => upload), ...waiting].map((upload) => upload.done()))
    const order = server.requests.map(({ key }) => key).filter((key) => key === low || key === high)
    expect(order).toEqual([high, low])
  })
})

const begunWith = (events: ReadonlyArray<UploadEvent>): ReadonlyArray<number> =>
  events.flatMap((event) => (event._tag === "UploadStarted" ? [event.partSize] : []))

onEmbedded("a store on which attempts stall", (target) => {
  it("gets smaller parts from the uploads that begin after three stalls, unless they ask for others", async () => {
    const key = freshKey("stalls")
    const stall = { type: "stall", afterBytes: MiB } as const
    for (const partNumber of [1, 2, 3]) target().server.faults.add({ match: { key, partNumber }, action: stall })
    const begun: Array<ReadonlyArray<number>> = []
    const outcome = await attempt(
      target(),
      { key, body: pattern(3 * 12 * MiB) },
      {
        partSize: 12 * MiB,
        multipartThreshold: 12 * MiB,
        memoryBudget: 96 * MiB,
        stallTimeoutMs: 1_000,
        during: async (upload, sluice) => {
          await upload.done()
          for (const request of [{}, { partSize: 12 * MiB }]) {
            const later = sluice.upload({ key: freshKey("later"), body: pattern(13 * MiB), ...request })
            const events: Array<UploadEvent> = []
            for await (const event of later.events()) events.push(event)
            await later.done()
            begun.push(begunWith(events))
          }
        }
      }
    )
    succeeded(outcome)
    expect(begunWith(outcome.events)).toEqual([12 * MiB])
    expect(begun).toEqual([[6 * MiB], [12 * MiB]])
  })
})

onEmbedded("a store that takes two requests at once", (target) => {
  it("has the urgent small uploads before the first of the large ones that began earlier", async () => {
    await using narrow = await startNarrowStore(target().store.endpoint, { takes: 2 })
    await using sluice = createSluice({ ...quick, store: s3({ ...target().store, endpoint: narrow.endpoint }) })
    const ended: Array<string> = []
    const upload = (kind: "large" | "small", bytes: number, priority: "normal" | "high"): Upload => {
      const running = sluice.upload({ key: freshKey(kind), body: pattern(bytes), priority })
      running.done().then(() => ended.push(kind))
      return running
    }
    const large = Array.from({ length: 4 }, () => upload("large", 8 * 5 * MiB, "normal"))
    for (const { events } of large) for await (const { _tag } of events()) if (_tag === "BytesSent") break
    const small = Array.from({ length: 50 }, () => upload("small", 10_000, "high"))
    await Promise.all([...large, ...small].map((running) => running.done()))
    expect(ended.slice(0, small.length)).toEqual(small.map(() => "small"))
  })
})
