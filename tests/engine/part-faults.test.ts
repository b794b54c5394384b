import * as Plugin from "@sluice/core/Plugin"
import { createSluice, type Sluice, s3, type Upload } from "@sluice/core/promise"
import type { FaultAction } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { chunksOf, MiB, pattern, webStream } from "./bytes.ts"
import { abortBehindItsBack, onFaultyStores, openUploads } from "./target.ts"
import { attempt, failedWith, freshKey, type Outcome, quick, type Setup, succeeded } from "./trial.ts"

const part = 5 * MiB
const size = part + 1_000
const bytes = pattern(size)

/** Names of what was retried, in order. */
const retried = ({ events }: Outcome): ReadonlyArray<string> =>
  events.flatMap((event) => (event._tag === "Retrying" ? [event.error.reason._tag] : []))

const expectAccounted = ({ events, progress }: Outcome, total: number): void => {
  const stored = events.flatMap((event) => (event._tag === "PartStored" ? [event] : []))
  expect(stored.map(({ partNumber }) => partNumber).sort((a, b) => a - b)).toEqual(stored.map((_, i) => i + 1))
  expect(stored.reduce((sum, event) => sum + event.size, 0)).toBe(total)
  expect(progress.at(-1)).toMatchObject({ stored: total, sent: total, partsStored: stored.length })
}

onFaultyStores("a part that fails once is sent again, identical", (target) => {
  const passing: ReadonlyArray<readonly [what: string, FaultAction, reason: string]> = [
    ["answered 500", { type: "status", status: 500, code: "InternalError" }, "Unavailable"],
    ["answered 503 SlowDown", { type: "status", status: 503, code: "SlowDown" }, "Throttled"],
    ["answered 400 RequestTimeout [row 21]", { type: "status", status: 400, code: "RequestTimeout" }, "Stalled"],
    ["reset before its first byte [row 9]", { type: "reset", afterBytes: 0 }, "Unavailable"],
    ["reset in its middle [row 9]", { type: "reset", afterBytes: part / 2 }, "Unavailable"],
    ["reset at its last byte [row 9]", { type: "reset", afterBytes: part }, "Unavailable"],
    ["whose connection ends before it is stored [row 19]", { type: "dropBeforeCommit" }, "Unavailable"],
    ["whose answer is lost after it was stored [row 18]", { type: "dropAfterCommit" }, "Unavailable"],
    ["answered with a captive portal's page", { type: "html200" }, "InvalidResponse"],
    ["answered with nothing [row 17]", { type: "emptyBody" }, "InvalidResponse"],
    ["corrupted on its way [row 15]", { type: "corrupt", byte: part - 1 }, "ChecksumMismatch"],
    ["not read to its end, nor answered", { type: "stall", afterBytes: MiB }, "Stalled"],
    ["read to its end and never answered [row 11]", { type: "stall", afterBytes: part }, "Stalled"]
  ]
  it.each(passing)("%s", async (_, action, reason) => {
    const key = freshKey()
    target().faults.add({ match: { op: "UploadPart", key, partNumber: 1 }, action })
    const body = webStream(chunksOf(bytes))
    const patience = action.type === "stall" ? { stallTimeoutMs: 2_000 } : {}
    const outcome = await attempt(target(), { key, body }, { expected: bytes, ...patience })
    succeeded(outcome)
    expect(retried(outcome)).toEqual([reason])
    expectAccounted(outcome, size)
    expect(outcome.events).toContainEqual(expect.objectContaining({ _tag: "PartStored", partNumber: 1, attempts: 2 }))
    expect(target().count("UploadPart", key)).toBe(3)
    expect(target().count("CreateMultipartUpload", key)).toBe(1)
  })

  it.each(passing.filter(([, { type }]) => type !== "reset" && type !== "stall"))(
    "as one PUT, %s",
    async (_, action, reason) => {
      const key = freshKey()
      const small = pattern(100_000)
      const fault = action.type === "corrupt" ? { ...action, byte: 99_999 } : action
      target().faults.add({ match: { op: "PutObject", key }, action: fault })
      const outcome = await attempt(target(), { key, body: small })
      succeeded(outcome)
      // An answer that was lost is looked up, and not sent again when the object is there.
      expect(retried(outcome)).toEqual(action.type === "dropAfterCommit" ? [] : [reason])
      expectAccounted(outcome, small.length)
    }
  )

  it("by its MD5 where the store takes no CRC32 [row 16]", async () => {
    const key = freshKey()
    target().faults.add({
      match: { op: "UploadPart", key, partNumber: 1 },
      action: { type: "corrupt", byte: 7 }
    })
    const outcome = await attempt(target(), { key, body: bytes }, { store: { provider: "b2" } })
    expect(outcome.stored).toMatchObject({ size })
    expect(retried(outcome)).toEqual(["ChecksumMismatch"])
  })

  it("no sooner than Retry-After says [row 8]", async () => {
    const key = freshKey()
    const action = { type: "status", status: 503, code: "SlowDown", retryAfter: 1 } as const
    target().faults.add({ match: { op: "PutObject", key }, action })
    const outcome = await attempt(target(), { key, body: pattern(10) })
    succeeded(outcome)
    const delays = outcome.events.flatMap((event) => (event._tag === "Retrying" ? [event.delayMs] : []))
    expect(delays).toHaveLength(1)
    expect(delays[0]).toBeGreaterThanOrEqual(1_000)
  })

  it("every part of it, from every source", async () => {
    for (const body of [bytes, webStream(chunksOf(bytes))]) {
      const key = freshKey()
      const status = { type: "status", status: 500, code: "InternalError" } as const
      target().faults.add({ match: { op: "UploadPart", key, attempt: 1 }, action: status, times: 10 })
      const outcome = await attempt(target(), { key, body }, { expected: bytes })
      succeeded(outcome)
      expect(retried(outcome)).toHaveLength(2)
      expectAccounted(outcome, size)
    }
  })

  it("as does a Create that is answered 500, with a page, or with nothing [row 1]", async () => {
    for (const action of [
      { type: "status", status: 500, code: "InternalError" },
      { type: "html200" },
      { type: "emptyBody" }
    ] as const) {
      const key = freshKey()
      target().faults.add({ match: { op: "CreateMultipartUpload", key }, action })
      const outcome = await attempt(target(), { key, body: bytes })
      succeeded(outcome)
      expect(retried(outcome)).toHaveLength(1)
    }
  })
})

onFaultyStores("a part that cannot be stored fails the upload, and nothing is left", (target) => {
  const always = (action: FaultAction, partNumber = 1) => {
    const key = freshKey()
    target().faults.add({
      match: { op: "UploadPart", key, partNumber },
      action,
      times: Number.POSITIVE_INFINITY
    })
    return key
  }
  const run = (key: string, setup: Setup = {}): Promise<Outcome> =>
    attempt(target(), { key, body: bytes }, { maxAttempts: 4, ...setup })

  it("when every answer is a page: InvalidResponse, never success", async () => {
    const error = failedWith(await run(always({ type: "html200" })), "InvalidResponse")
    expect(error).toMatchObject({ attempts: 4, retry: "persistent", partNumber: 1 })
  })

  it("when every answer is empty: InvalidResponse", async () => {
    failedWith(await run(always({ type: "emptyBody" })), "InvalidResponse")
  })

  it("when it is corrupted for ever: ChecksumMismatch after three attempts [row 15]", async () => {
    const error = failedWith(await run(always({ type: "corrupt", byte: 0 }), { maxAttempts: 8 }), "ChecksumMismatch")
    expect(error).toMatchObject({ attempts: 3 })
  })

  it("when it stalls for ever: Stalled [row 12]", async () => {
    failedWith(
      await run(always({ type: "stall", afterBytes: MiB }), { maxAttempts: 2, stallTimeoutMs: 200 }),
      "Stalled"
    )
  })

  it("when the store throttles for ever: Throttled, told to outer layers as retried enough", async () => {
    const error = failedWith(await run(always({ type: "status", status: 503, code: "SlowDown" })), "Throttled")
    expect(error.retry).toBe("persistent")
  })

  it("when it is denied while its body is still being sent: AccessDenied, not a broken pipe, at once [row 10]", async () => {
    const key = always({ type: "status", status: 403, code: "AccessDenied" })
    const error = failedWith(await run(key), "AccessDenied")
    expect(error).toMatchObject({ partNumber: 1, operation: "UploadPart" })
    expect(target().requests.filter((r) => r.key === key && r.partNumber === 1)).toHaveLength(1)
  })

  it("when one PUT is denied while its body is still being sent: AccessDenied", async () => {
    const key = freshKey()
    const action = { type: "status", status: 403, code: "AccessDenied" } as const
    target().faults.add({ match: { op: "PutObject", key }, action })
    failedWith(await attempt(target(), { key, body: pattern(part * 2), multipart: "never" }), "AccessDenied")
    expect(target().count("PutObject", key)).toBe(1)
  })

  it("when somebody else aborts the upload: NoSuchUpload [rows 25, 47]", async () => {
    const key = freshKey()
    const somebody = Plugin.make({
      name: "test/somebody",
      open: () =>
        Effect.succeed({
          send: (sending, next) =>
            sending.partNumber === 2
              ? Effect.andThen(
                  Effect.promise(() => abortBehindItsBack(target(), key)),
                  next(sending)
                )
              : next(sending)
        })
    })
    const isForgotten = async (upload: Upload, sluice: Sluice): Promise<void> => {
      await upload.done().catch(() => undefined)
      expect(await sluice.sessions()).toEqual([])
    }
    failedWith(await run(key, { plugins: [somebody], concurrency: 1, during: isForgotten }), "NoSuchUpload")
  })

  it("when it is denied with three others in flight, which are all awaited [row 28]", async () => {
    const key = freshKey()
    const { faults } = target()
    for (const partNumber of [1, 2, 3]) {
      faults.add({ match: { op: "UploadPart", key, partNumber }, action: { type: "stall", afterBytes: MiB } })
    }
    const action = { type: "status", status: 403, code: "AccessDenied" } as const
    faults.add({ match: { op: "UploadPart", key, partNumber: 4 }, action })
    failedWith(await attempt(target(), { key, body: pattern(4 * part) }, { concurrency: 4 }), "AccessDenied")
    expect(faults.hits.filter((hit) => hit.key === key && hit.action === "stall")).toHaveLength(3)
  })

  it("and an abort that fails at first neither hides the error nor leaves the upload", async () => {
    const key = always({ type: "status", status: 403, code: "AccessDenied" })
    const status = { type: "status", status: 500, code: "InternalError" } as const
    target().faults.add({ match: { op: "AbortMultipartUpload", key }, action: status, times: 2 })
    failedWith(await run(key), "AccessDenied")
    expect(target().count("AbortMultipartUpload", key)).toBeGreaterThan(2)
  })

  it.each(["html200", "emptyBody"] as const)("when every Create is answered with %s [row 3]", async (type) => {
    const key = freshKey()
    const times = Number.POSITIVE_INFINITY
    target().faults.add({ match: { op: "CreateMultipartUpload", key }, action: { type }, times })
    failedWith(await run(key), "InvalidResponse")
    expect(target().count("UploadPart", key)).toBe(0)
  })

  it("when the store answers with another ETag than the part's: Complete is refused", async () => {
    failedWith(await run(always({ type: "wrongETag" })), "PartConflict")
  })
})

onFaultyStores("a Create whose answer is lost after it was applied", (target) => {
  // Whose it is cannot be proven: it is named for the Janitor, who ends it by age if it is empty still.
  it("leaves at most an empty upload behind, named in the journal [row 2]", async () => {
    const key = freshKey()
    target().faults.add({ match: { op: "CreateMultipartUpload", key }, action: { type: "dropAfterCommit" } })
    await using sluice = createSluice({ ...quick, store: s3(target().store) })
    await sluice.upload({ key, body: bytes }).done()
    const orphans = await openUploads(target(), key)
    expect(orphans.map(({ parts }) => parts)).toEqual([[]])
    const [session] = await sluice.sessions()
    expect(session?.suspects).toEqual(orphans.map(({ uploadId }) => uploadId))
    await abortBehindItsBack(target(), key)
  })
})
