/**
 * What every journal promises, as cases for any test runner.
 *
 * @module
 */
import assert from "node:assert/strict"
import type { JournalApi } from "@sluice/core/Journal"
import type { PartReceipt } from "@sluice/core/Part"
import type { Session } from "@sluice/core/Session"
import type { UploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import type { ConformanceCase } from "./ConformanceCase.ts"
import { exampleSession } from "./example-session.ts"

export { exampleSession } from "./example-session.ts"

/**
 * A new, empty journal. The inner effect opens it, each time as another process would: what one has written, all
 * must see. Leases must follow Effect's Clock, which is a TestClock here.
 */
export type FreshJournal = Effect.Effect<Effect.Effect<JournalApi, UploadError>, UploadError, Scope.Scope>

type Check = (open: Effect.Effect<JournalApi, UploadError>) => Effect.Effect<void, UploadError>

const session = (sessionId: string, change: Partial<Session> = {}): Session => exampleSession({ sessionId, ...change })

const receipt = (partNumber: number, etag = `"${partNumber}"`): PartReceipt => ({
  partNumber,
  source: { offset: (partNumber - 1) * 5, size: 5, crc32: partNumber },
  stored: { size: 5, crc32: 0xffffffff, etag, confirmed: true }
})

/** The reason with which an effect fails; a success breaks the promise. */
const reasonOf = <A>(effect: Effect.Effect<A, UploadError>): Effect.Effect<string, UploadError> =>
  Effect.map(Effect.result(effect), (outcome) =>
    outcome._tag === "Failure" ? outcome.failure.reason._tag : assert.fail("it should have failed")
  )

const ids = (sessions: ReadonlyArray<Session>): ReadonlyArray<string> => sessions.map((one) => one.sessionId).sort()

const checks: Readonly<Record<string, Check>> = {
  "a session reads back as it was written": Effect.fnUntraced(function* (open) {
    const [journal, other] = [yield* open, yield* open]
    const written = session("s", {
      state: "uploading",
      key: "naïve/💾/__proto__",
      uploadId: "upload",
      writeToken: undefined,
      size: 2 ** 45,
      layout: { _tag: "Doubling", partSize: 8, every: 1_000, maxPartSize: 1_024 },
      attributes: {
        contentType: "video/mp4",
        metadata: { a: "b" },
        tags: { ключ: "значение" },
        encryption: { mode: "SSE-S3" }
      },
      condition: { ifNoneMatch: "*" },
      checksum: "COMPOSITE",
      source: { name: "intro.mp4", modifiedMs: 1.5, inode: "7", size: 9, headSha256: "aa", tailSha256: "bb" },
      maxSize: 2 ** 46,
      suspects: ["u1", "u2"],
      plugins: ["acme/quota", "acme/hook"],
      pluginState: { "acme/quota": { left: [1, null, "two", { three: true }] }, "acme/hook": null },
      undelivered: ["webhook"],
      createdAt: 1_763_740_000_000,
      updatedAt: 1_763_740_000_001
    })
    yield* journal.create(written)
    assert.deepEqual(yield* journal.get("s"), written)
    assert.deepEqual(yield* other.get("s"), written)
    assert.deepEqual(yield* journal.receipts("s"), [])
  }),

  "a session is created once": Effect.fnUntraced(function* (open) {
    const [journal, other] = [yield* open, yield* open]
    yield* journal.create(session("s", { key: "first" }))
    assert.equal(yield* reasonOf(journal.create(session("s", { key: "second" }))), "SessionBusy")
    assert.equal(yield* reasonOf(other.create(session("s", { key: "third" }))), "SessionBusy")
    assert.equal((yield* other.get("s")).key, "first")
  }),

  "of many who create the same session one does": Effect.fnUntraced(function* (open) {
    const journals = yield* Effect.all(Array.from({ length: 8 }, () => open))
    const outcomes = yield* Effect.forEach(
      journals,
      (journal, n) => Effect.result(journal.create(session("s", { key: String(n) }))),
      { concurrency: "unbounded" }
    )
    assert.equal(outcomes.filter(({ _tag }) => _tag === "Success").length, 1)
  }),

  "a session that is not there is SessionNotFound": Effect.fnUntraced(function* (open) {
    const journal = yield* open
    assert.equal(yield* reasonOf(journal.get("s")), "SessionNotFound")
    assert.equal(yield* reasonOf(journal.update(session("s"))), "SessionNotFound")
    assert.equal(yield* reasonOf(journal.putReceipt("s", receipt(1))), "SessionNotFound")
    assert.equal(yield* reasonOf(journal.receipts("s")), "SessionNotFound")
    assert.equal(yield* reasonOf(journal.acquire("s", 1_000)), "SessionNotFound")
    assert.equal(yield* reasonOf(journal.requestStop("s")), "SessionNotFound")
    yield* journal.delete("s")
  }),

  "an update is refused when somebody else was first": Effect.fnUntraced(function* (open) {
    const [journal, other] = [yield* open, yield* open]
    yield* journal.create(session("s"))
    yield* TestClock.adjust(5_000)
    const next = yield* journal.update(session("s", { state: "uploading", uploadId: "u" }))
    assert.deepEqual([next.version, next.state, next.updatedAt], [2, "uploading", 5_000])
    assert.equal(yield* reasonOf(other.update(session("s", { state: "failed" }))), "SessionBusy")
    assert.equal(yield* reasonOf(journal.update({ ...next, version: 7 })), "SessionBusy")
    assert.deepEqual(yield* other.get("s"), next)
    assert.equal((yield* other.update(next)).version, 3)
  }),

  "of many who update at once one does, and none is lost": Effect.fnUntraced(function* (open) {
    const journals = yield* Effect.all(Array.from({ length: 4 }, () => open))
    const [first] = journals
    if (first === undefined) return
    yield* first.create(session("s"))
    const rounds = 5
    const add = (journal: JournalApi, name: string): Effect.Effect<void, UploadError> =>
      Effect.flatMap(journal.get("s"), (now) => journal.update({ ...now, suspects: [...now.suspects, name] })).pipe(
        Effect.asVoid,
        Effect.catchReason("UploadError", "SessionBusy", () => Effect.andThen(Effect.yieldNow, add(journal, name)))
      )
    yield* Effect.forEach(
      journals,
      (journal, n) => Effect.forEach(Array.from({ length: rounds }), (_, m) => add(journal, `${n}-${m}`)),
      { concurrency: "unbounded" }
    )
    const { suspects, version } = yield* first.get("s")
    assert.deepEqual(new Set(suspects).size, journals.length * rounds)
    assert.ok(version > journals.length * rounds)
  }),

  "10,000 receipts come back in order, a page at a time": Effect.fnUntraced(function* (open) {
    const journal = yield* open
    yield* journal.create(session("s"))
    const numbers = Array.from({ length: 10_000 }, (_, n) => ((n * 7_919) % 10_000) + 1)
    yield* Effect.forEach(numbers, (n) => journal.putReceipt("s", receipt(n)), { concurrency: 500, discard: true })
    const read: Array<PartReceipt> = []
    while (true) {
      const page = yield* (yield* open).receipts("s", { after: read.at(-1)?.partNumber ?? 0, limit: 3_000 })
      if (page.length === 0) break
      assert.ok(page.length <= 3_000)
      read.push(...page)
    }
    assert.deepEqual(
      read,
      Array.from({ length: 10_000 }, (_, n) => receipt(n + 1))
    )
    assert.equal((yield* journal.receipts("s")).length, 1_000)
    assert.deepEqual(yield* journal.receipts("s", { after: 9_998 }), [receipt(9_999), receipt(10_000)])
  }),

  "a part that was sent again has its newest receipt": Effect.fnUntraced(function* (open) {
    const journal = yield* open
    yield* journal.create(session("s"))
    for (const n of [3, 1, 2, 2]) yield* journal.putReceipt("s", receipt(n))
    yield* (yield* open).putReceipt("s", receipt(2, '"again"'))
    assert.deepEqual(yield* journal.receipts("s"), [receipt(1), receipt(2, '"again"'), receipt(3)])
  }),

  "one holds the lease": Effect.fnUntraced(function* (open) {
    const [journal, other] = [yield* open, yield* open]
    yield* journal.create(session("s"))
    yield* journal.create(session("t"))
    const lease = yield* journal.acquire("s", 30_000)
    assert.deepEqual([lease.sessionId, lease.expiresAt], ["s", 30_000])
    assert.equal(yield* reasonOf(journal.acquire("s", 30_000)), "SessionBusy")
    assert.equal(yield* reasonOf(other.acquire("s", 30_000)), "SessionBusy")
    yield* other.acquire("t", 30_000)
    yield* lease.release
    // Whatever the clock says by then.
    yield* TestClock.setTime(-60_000)
    yield* other.acquire("s", 30_000)
  }),

  "of many who reach for a lease one gets it": Effect.fnUntraced(function* (open) {
    const journals = yield* Effect.all(Array.from({ length: 8 }, () => open))
    yield* (yield* open).create(session("s"))
    const outcomes = yield* Effect.forEach(journals, (journal) => Effect.result(journal.acquire("s", 30_000)), {
      concurrency: "unbounded"
    })
    assert.equal(outcomes.filter(({ _tag }) => _tag === "Success").length, 1)
  }),

  "a lease that is renewed holds, one that is not runs out": Effect.fnUntraced(function* (open) {
    const [journal, other] = [yield* open, yield* open]
    yield* journal.create(session("s"))
    const lease = yield* journal.acquire("s", 30_000)
    yield* TestClock.adjust(20_000)
    assert.deepEqual([(yield* lease.renew).expiresAt, lease.fence], [50_000, (yield* lease.renew).fence])
    yield* TestClock.adjust(29_999)
    assert.equal(yield* reasonOf(other.acquire("s", 30_000)), "SessionBusy")
    yield* TestClock.adjust(1)
    yield* other.acquire("s", 30_000)
  }),

  "a lost lease cannot be renewed, and its release takes nothing from its successor": Effect.fnUntraced(
    function* (open) {
      const [journal, other] = [yield* open, yield* open]
      yield* journal.create(session("s"))
      const lost = yield* journal.acquire("s", 10_000)
      yield* TestClock.adjust(10_000)
      assert.equal(yield* reasonOf(lost.renew), "SessionBusy")
      const successor = yield* other.acquire("s", 10_000)
      assert.equal(yield* reasonOf(lost.renew), "SessionBusy")
      yield* lost.release
      assert.equal(yield* reasonOf(journal.acquire("s", 10_000)), "SessionBusy")
      yield* successor.renew
    }
  ),

  "fences grow from holder to holder": Effect.fnUntraced(function* (open) {
    const journal = yield* open
    yield* journal.create(session("s"))
    const fences: Array<number> = []
    for (let n = 0; n < 4; n++) {
      const lease = yield* (yield* open).acquire("s", 10_000)
      yield* lease.renew
      fences.push((yield* lease.renew).fence)
      if (n % 2 === 0) yield* lease.release
      else yield* TestClock.adjust(10_000)
    }
    assert.deepEqual(
      fences,
      [...new Set(fences)].sort((a, b) => a - b)
    )
  }),

  "whoever asks a holder to let go is heard by that holder alone": Effect.fnUntraced(function* (open) {
    const [journal, other] = [yield* open, yield* open]
    yield* journal.create(session("s"))
    yield* other.requestStop("s")
    const lease = yield* journal.acquire("s", 10_000)
    assert.equal(yield* lease.stopRequested, false)
    yield* other.requestStop("s")
    yield* other.requestStop("s")
    assert.equal(yield* lease.stopRequested, true)
    assert.equal(yield* (yield* lease.renew).stopRequested, true)
    yield* lease.release
    assert.equal(yield* (yield* other.acquire("s", 10_000)).stopRequested, false)
  }),

  "a lock is a lease without a session": Effect.fnUntraced(function* (open) {
    const [journal, other] = [yield* open, yield* open]
    const lease = yield* journal.acquire("@janitor", 10_000)
    assert.equal(yield* reasonOf(other.acquire("@janitor", 10_000)), "SessionBusy")
    yield* TestClock.adjust(10_000)
    assert.ok((yield* other.acquire("@janitor", 10_000)).fence > lease.fence)
    assert.equal(yield* reasonOf(journal.get("@janitor")), "SessionNotFound")
    assert.equal(yield* reasonOf(journal.create(session("@janitor"))), "InvalidRequest")
    assert.deepEqual(yield* journal.listExpired(Number.MAX_SAFE_INTEGER), [])
  }),

  "sessions are found by age, by key, and by what they owe": Effect.fnUntraced(function* (open) {
    const journal = yield* open
    yield* journal.create(session("old"))
    yield* journal.create(session("elsewhere", { bucket: "other", updatedAt: 7_000 }))
    yield* journal.create(session("owing", { key: "talks/outro.mp4", undelivered: ["webhook"], updatedAt: 8_000 }))
    const found = yield* open
    assert.deepEqual(ids(yield* found.listExpired(1)), ["old"])
    assert.deepEqual(ids(yield* found.listExpired(8_000)), ["elsewhere", "old"])
    assert.deepEqual(ids(yield* found.listExpired(8_001)), ["elsewhere", "old", "owing"])
    assert.deepEqual(ids(yield* found.listByKey("media", "talks/intro.mp4")), ["old"])
    assert.deepEqual(ids(yield* found.listByKey("media", "talks")), [])
    assert.deepEqual(ids(yield* found.listUndelivered()), ["owing"])
    yield* TestClock.adjust(9_000)
    yield* journal.update(session("old"))
    assert.deepEqual(ids(yield* found.listExpired(9_000)), ["elsewhere", "owing"])
  }),

  "a session that somebody held lately has not expired": Effect.fnUntraced(function* (open) {
    const [journal, other] = [yield* open, yield* open]
    yield* journal.create(session("s"))
    yield* TestClock.adjust(60_000)
    const lease = yield* journal.acquire("s", 30_000)
    yield* TestClock.adjust(20_000)
    yield* lease.renew
    // As if its holder had been killed: the lease runs out at 110 s.
    assert.deepEqual(ids(yield* other.listExpired(110_000)), [])
    assert.deepEqual(ids(yield* other.listExpired(110_001)), ["s"])
    yield* TestClock.adjust(5_000)
    yield* lease.release
    assert.deepEqual(ids(yield* other.listExpired(85_000)), [])
    assert.deepEqual(ids(yield* other.listExpired(85_001)), ["s"])
  }),

  "what is deleted is gone, and nothing brings it back": Effect.fnUntraced(function* (open) {
    const [journal, other] = [yield* open, yield* open]
    yield* journal.create(session("s"))
    yield* journal.putReceipt("s", receipt(1))
    const lease = yield* journal.acquire("s", 10_000)
    yield* other.delete("s")
    assert.equal(yield* reasonOf(journal.get("s")), "SessionNotFound")
    assert.equal(yield* reasonOf(journal.update(session("s"))), "SessionNotFound")
    assert.equal(yield* reasonOf(journal.putReceipt("s", receipt(2))), "SessionNotFound")
    yield* lease.release
    assert.deepEqual(yield* journal.listExpired(Number.MAX_SAFE_INTEGER), [])
    yield* journal.delete("s")
    yield* journal.create(session("s"))
    assert.deepEqual(yield* journal.receipts("s"), [])
    yield* journal.acquire("s", 10_000)
  })
}

/**
 * The promises of a journal, each as a case that any test runner can run.
 *
 * ```ts
 * import { makeMemory } from "@sluice/core/Journal"
 * import { journalSuite } from "@sluice/testkit/conformance/journal"
 * import * as Effect from "effect/Effect"
 * import { describe, it } from "vitest"
 *
 * describe("my journal", () => {
 *   for (const { name, run } of journalSuite(Effect.map(makeMemory, Effect.succeed))) it(name, run)
 * })
 * ```
 */
export const journalSuite = (fresh: FreshJournal): ReadonlyArray<ConformanceCase> =>
  Object.entries(checks).map(([name, check]) => ({
    name,
    run: () => Effect.flatMap(fresh, check).pipe(Effect.scoped, Effect.provide(TestClock.layer()), Effect.runPromise)
  }))
