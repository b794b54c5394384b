import { describe, expect, it } from "@effect/vitest"
import { exampleSession } from "@sluice/testkit/conformance/journal"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { makeOver } from "../src/FileJournal.ts"
import type { JournalApi, Lease } from "../src/Journal.ts"
import type { PartReceipt } from "../src/Part.ts"
import type { UploadError } from "../src/UploadError.ts"
import { type Chance, type CrashFiles, crashFiles } from "./crash-files.ts"

/** Small, and with a key that is not ASCII. */
const session = (sessionId: string) =>
  exampleSession({
    sessionId,
    bucket: "b",
    key: "ключ",
    writeToken: "t",
    layout: { _tag: "Uniform", partSize: 5 },
    checksum: "none"
  })

const receipt = (partNumber: number, etag = "e"): PartReceipt => ({
  partNumber,
  source: { offset: 0, size: 1, crc32: 0 },
  stored: { size: 1, crc32: 0, etag, confirmed: true }
})

interface Life {
  readonly journal: JournalApi
  lease: Lease | undefined
}

const acquire = (life: Life): Effect.Effect<void, UploadError> =>
  Effect.map(life.journal.acquire("s", 30_000), (lease) => {
    life.lease = lease
  })

/** What a process does in its life, one acknowledged write after the other. */
const story: ReadonlyArray<(life: Life) => Effect.Effect<unknown, UploadError>> = [
  ({ journal }) => journal.create(session("s")),
  acquire,
  ({ journal }) => journal.update({ ...session("s"), state: "uploading", uploadId: "u" }),
  ({ journal }) => journal.putReceipt("s", receipt(2)),
  ({ journal }) => journal.putReceipt("s", receipt(1)),
  ({ lease }) => lease?.renew ?? Effect.void,
  ({ journal }) => journal.putReceipt("s", receipt(2, "again")),
  ({ journal }) => journal.create(session("t")),
  ({ journal }) => journal.update({ ...session("s"), version: 2, state: "completing", uploadId: "u" }),
  ({ lease }) => lease?.release ?? Effect.void,
  ({ journal }) => journal.delete("t"),
  acquire,
  ({ journal }) => journal.delete("s")
]

const root = "/journal"

/** All that a journal says. */
const contents = Effect.fnUntraced(function* (journal: JournalApi) {
  const sessions = [...(yield* journal.listExpired(Number.MAX_SAFE_INTEGER))].sort((a, b) =>
    a.sessionId < b.sessionId ? -1 : 1
  )
  return yield* Effect.forEach(sessions, (head) =>
    Effect.map(journal.receipts(head.sessionId), (receipts) => ({ head, receipts }))
  )
})

interface Moment {
  readonly at: number
  readonly left: CrashFiles
  /** Writes that were acknowledged by then, and the newest fence given. */
  readonly acknowledged: number
  readonly fence: number
}

/** Lives the story once, crashing before each step; and what the journal says after 0, 1, … writes. */
const moments = Effect.fnUntraced(function* (crash: (living: CrashFiles, at: number) => ReadonlyArray<CrashFiles>) {
  const found: Array<Moment> = []
  const states: Array<string> = []
  let steps = 0
  const living = crashFiles(() => {
    steps++
    // From the first state on: before it, the journal is being made.
    if (states.length === 0) return
    const [acknowledged, fence] = [states.length - 1, life.lease?.fence ?? 0]
    for (const left of crash(living, steps)) found.push({ at: steps, left, acknowledged, fence })
  })
  const life: Life = { journal: makeOver(living.files, root), lease: undefined }
  yield* Effect.promise(() => living.files.makeDirectory(root).then(() => living.files.syncDirectory("/")))
  states.push(JSON.stringify(yield* contents(life.journal)))
  for (const write of story) {
    yield* write(life)
    states.push(JSON.stringify(yield* contents(life.journal)))
  }
  return { found, states }
})

/** Opens what the crash has left: nothing acknowledged is lost, nothing half is there, and work goes on. */
const examine = Effect.fnUntraced(function* ({ at, left, acknowledged, fence }: Moment, states: ReadonlyArray<string>) {
  const journal = makeOver(left.files, root)
  const found = yield* contents(journal)
  expect(states.slice(acknowledged, acknowledged + 2), `at step ${at}`).toContain(JSON.stringify(found))

  const [first] = found
  if (first === undefined) return
  const { sessionId } = first.head
  yield* journal.putReceipt(sessionId, receipt(7))
  const next = yield* journal.update({ ...first.head, state: "failed" })
  expect(yield* makeOver(left.files, root).get(sessionId), `at step ${at}`).toEqual(next)
  expect(yield* journal.receipts(sessionId), `at step ${at}`).toEqual([...first.receipts, receipt(7)])
  // Whatever was held has run out by then.
  yield* TestClock.adjust(30_000)
  const lease = yield* journal.acquire(sessionId, 1)
  if (sessionId === "s") expect(lease.fence, `at step ${at}`).toBeGreaterThan(fence)
})

/** A cheap stream of numbers from 0 up to 1. */
const chanceFrom = (seed: number): Chance => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

describe("a journal in a directory", () => {
  it.effect(
    "holds every acknowledged write, and nothing half written, after a SIGKILL at any byte",
    () =>
      Effect.gen(function* () {
        const { found, states } = yield* moments((living) => [living.afterKill()])
        expect(found.length).toBeGreaterThan(2_000)
        for (const moment of found) yield* examine(moment, states)
      }),
    60_000
  )

  it.effect(
    "holds them after a loss of power too, whatever of the rest has reached the disk",
    () =>
      Effect.gen(function* () {
        const { found, states } = yield* moments((living, at) =>
          at % 3 === 0 ? [living.afterPowerLoss(() => 0), living.afterPowerLoss(chanceFrom(at))] : []
        )
        for (const moment of found) yield* examine(moment, states)
      }),
    60_000
  )
})
