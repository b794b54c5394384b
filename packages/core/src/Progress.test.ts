import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { initial, next, type Progress } from "./Progress.ts"
import type { StoredObject } from "./StoredObject.ts"
import { uploadError } from "./UploadError.ts"
import type { UploadEvent } from "./UploadEvent.ts"

type Happening = UploadEvent extends infer Event
  ? Event extends UploadEvent
    ? Omit<Event, "sessionId" | "bucket" | "key" | "at">
    : never
  : never

const at = (ms: number, happening: Happening): UploadEvent => ({
  ...happening,
  sessionId: "s",
  bucket: "b",
  key: "k",
  at: ms
})

const error = uploadError({ _tag: "Unavailable", message: "down" })
const object: StoredObject = {
  bucket: "b",
  key: "k",
  uri: "s3://b/k",
  location: "http://b/k",
  size: 0,
  etag: "e",
  versionId: undefined,
  crc32: 0,
  proof: "source",
  parts: 1
}

const started = (size: number | undefined): Happening => ({
  _tag: "UploadStarted",
  mode: "multipart",
  size,
  partSize: 10,
  uploadId: "u"
})
const fold = (events: ReadonlyArray<UploadEvent>): ReadonlyArray<Progress> => {
  const snapshots = [initial]
  for (const event of events) snapshots.push(next(snapshots.at(-1) ?? initial, event))
  return snapshots
}
const last = (events: ReadonlyArray<UploadEvent>): Progress => fold(events).at(-1) ?? initial

/**
 * What an upload of some parts can tell: parts in flight are accepted bit by bit, fall back to nothing when
 * an attempt fails, and end stored; time passes or stands still; the end is one of three, or not there yet.
 */
const story = fc
  .record({
    parts: fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 6 }),
    known: fc.boolean(),
    steps: fc.array(fc.record({ part: fc.nat(5), amount: fc.nat(400), fails: fc.boolean(), ms: fc.nat(3_000) })),
    end: fc.constantFrom("completed", "failed", "cancelled", "none")
  })
  .map(({ parts, known, steps, end }) => {
    const total = parts.reduce((sum, size) => sum + size, 0)
    const inFlight = parts.map(() => 0)
    const isStored = parts.map(() => false)
    let now = 1_000
    let stored = 0
    const events: Array<UploadEvent> = [at(now, started(known ? total : undefined))]
    const store = (part: number): void => {
      const size = parts[part] ?? 0
      isStored[part] = true
      inFlight[part] = 0
      stored += size
      events.push(at(now, { _tag: "PartStored", partNumber: part + 1, offset: 0, size, attempts: 1 }))
    }
    for (const { part: wanted, amount, fails, ms } of steps) {
      const part = wanted % parts.length
      now += ms
      if (isStored[part] === true) continue
      if (fails) {
        inFlight[part] = 0
        events.push(
          at(now, { _tag: "Retrying", operation: "UploadPart", partNumber: part + 1, attempt: 1, delayMs: 1, error })
        )
        continue
      }
      inFlight[part] = Math.min(parts[part] ?? 0, (inFlight[part] ?? 0) + amount)
      const sent = stored + inFlight.reduce((sum, bytes) => sum + bytes, 0)
      events.push(at(now, { _tag: "BytesSent", sent, stored }))
      if (inFlight[part] === parts[part]) store(part)
    }
    if (end === "completed") {
      for (const part of parts.keys()) if (isStored[part] === false) store(part)
      events.push(at(now, { _tag: "Completing" }), at(now + 1, { _tag: "UploadCompleted", object }))
    }
    if (end === "failed") events.push(at(now, { _tag: "UploadFailed", error, kept: false }))
    if (end === "cancelled") events.push(at(now, { _tag: "UploadCancelled", kept: false }))
    return { events, total, end }
  })

describe("whatever is retried, and in whatever order parts finish", () => {
  it("bytes and percent never fall, and no number is out of its range", () => {
    fc.assert(
      fc.property(story, ({ events, total }) => {
        const snapshots = fold(events)
        for (const [index, now] of snapshots.entries()) {
          const before = snapshots[index - 1] ?? initial
          expect(now.sent).toBeGreaterThanOrEqual(before.sent)
          expect(now.stored).toBeGreaterThanOrEqual(before.stored)
          expect(now.percent ?? 0).toBeGreaterThanOrEqual(before.percent ?? 0)
          expect(now.sent).toBeGreaterThanOrEqual(now.stored)
          expect(now.sent).toBeLessThanOrEqual(total)
          expect(now.bytesPerSecond).toBeGreaterThanOrEqual(0)
          expect(Number.isFinite(now.bytesPerSecond)).toBe(true)
          if (now.secondsLeft !== undefined) expect(now.secondsLeft).toBeGreaterThanOrEqual(0)
        }
      })
    )
  })

  it("a hundred percent is reached when the upload is completed, and only then", () => {
    fc.assert(
      fc.property(story, ({ events, end, total }) => {
        for (const snapshot of fold(events)) {
          expect(snapshot.percent === 100).toBe(snapshot.state === "completed")
        }
        const final = last(events)
        if (end === "completed")
          expect(final).toMatchObject({ percent: 100, stored: total, sent: total, secondsLeft: 0 })
        if (end !== "none") expect(final.state).toBe(end)
      })
    )
  })

  it("nothing follows the end: a late event changes no snapshot", () => {
    fc.assert(
      fc.property(story, ({ events, end }) => {
        fc.pre(end !== "none")
        const final = last(events)
        for (const event of events) expect(next(final, event)).toBe(final)
      })
    )
  })
})

describe("bytes", () => {
  it("that plugins add on the wire do not carry the count beyond the total", () => {
    const progress = last([at(0, started(100)), at(10, { _tag: "BytesSent", sent: 128, stored: 0 })])
    expect(progress).toMatchObject({ sent: 100, percent: 99.99 })
  })

  it("of an unknown total have no percent until all are stored", () => {
    const events = [at(0, started(undefined)), at(10, { _tag: "BytesSent", sent: 5, stored: 0 })]
    expect(last(events)).toMatchObject({ total: undefined, percent: undefined, secondsLeft: undefined })
    const stored = at(20, { _tag: "PartStored", partNumber: 1, offset: 0, size: 8, attempts: 1 })
    expect(last([...events, stored, at(21, { _tag: "Completing" })])).toMatchObject({ total: 8, percent: 99.99 })
  })

  it("of an empty object are complete at its end", () => {
    expect(last([at(0, started(0))])).toMatchObject({ percent: 0 })
    expect(last([at(0, started(0)), at(1, { _tag: "UploadCompleted", object })]).percent).toBe(100)
  })
})

describe("the speed", () => {
  const steady = (perSecond: number, seconds: number): ReadonlyArray<UploadEvent> =>
    Array.from({ length: seconds * 10 }, (_, i) =>
      at((i + 1) * 100, { _tag: "BytesSent", sent: ((i + 1) * perSecond) / 10, stored: 0 })
    )

  it("of a steady upload is its speed, and the time left follows from it", () => {
    const progress = last([at(0, started(1_000_000)), ...steady(1_000, 30)])
    expect(progress.bytesPerSecond).toBeCloseTo(1_000, 3)
    expect(progress.secondsLeft).toBeCloseTo(970, 3)
  })

  it("falls towards nothing while nothing moves", () => {
    const moving = [at(0, started(1_000_000)), ...steady(1_000, 10)]
    const still = Array.from({ length: 60 }, (_, i) =>
      at(10_000 + (i + 1) * 1_000, { _tag: "BytesSent", sent: 10_000, stored: 0 })
    )
    expect(last([...moving, ...still]).bytesPerSecond).toBeLessThan(1)
  })

  it("needs time to pass: two events of one moment are no measurement", () => {
    const events = [at(0, started(10)), at(0, { _tag: "BytesSent", sent: 10, stored: 0 })]
    expect(last(events)).toMatchObject({ bytesPerSecond: 0, secondsLeft: undefined })
  })
})

it("counts parts and retries", () => {
  const progress = last([
    at(0, started(20)),
    at(1, { _tag: "Retrying", operation: "UploadPart", partNumber: 1, attempt: 1, delayMs: 1, error }),
    at(2, { _tag: "PartStored", partNumber: 1, offset: 0, size: 10, attempts: 2 })
  ])
  expect(progress).toMatchObject({ partsStored: 1, retries: 1, startedAt: 0, at: 2, state: "uploading" })
})
