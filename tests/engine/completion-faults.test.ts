import * as Plugin from "@sluice/core/Plugin"
import type { FaultAction } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { MiB, pattern } from "./bytes.ts"
import { abortBehindItsBack, onEveryStore, onFaultyStores, put } from "./target.ts"
import { attempt, failedWith, freshKey, type Outcome, succeeded } from "./trial.ts"

const bytes = pattern(5 * MiB + 1_000)
const older = pattern(20, 99)
const always = Number.POSITIVE_INFINITY
const status = (status: number, code: string, retryAfter?: number): FaultAction => ({
  ...{ type: "status", status, code },
  ...(retryAfter === undefined ? {} : { retryAfter })
})

const retries = ({ events }: Outcome): number => events.filter(({ _tag }) => _tag === "Retrying").length

/** Runs `act` after all parts are stored and before Complete is sent. */
const beforeComplete = (act: () => Promise<void>) =>
  Plugin.make({ name: "test/before-complete", open: () => Effect.succeed({ finish: () => Effect.promise(act) }) })

onFaultyStores("a 200 to Complete that holds an error", (target) => {
  const layouts = [
    ["as it comes", {}],
    ["with a trailing newline", { trailingNewline: true }],
    ["after white space that kept the connection alive", { keepAliveWhitespace: true }],
    ["after white space, with a trailing newline", { keepAliveWhitespace: true, trailingNewline: true }]
  ] as const

  it.each(layouts)("is tried again when it passes, %s [row 35]", async (_, layout) => {
    const key = freshKey()
    const action: FaultAction = { type: "ok200WithError", code: "InternalError", ...layout }
    target().faults.add({ match: { op: "CompleteMultipartUpload", key }, action, times: 2 })
    const outcome = await attempt(target(), { key, body: bytes })
    succeeded(outcome)
    expect(retries(outcome)).toBe(2)
    expect(target().count("CompleteMultipartUpload", key)).toBe(3)
  })

  it.each(layouts)("is never success, %s [row 35]", async (_, layout) => {
    const key = freshKey()
    const action: FaultAction = { type: "ok200WithError", code: "AccessDenied", ...layout }
    target().faults.add({ match: { op: "CompleteMultipartUpload", key }, action, times: always })
    failedWith(await attempt(target(), { key, body: bytes }), "AccessDenied")
    expect(target().count("CompleteMultipartUpload", key)).toBe(1)
  })

  it("fails as the store's trouble when it lasts, aborted", async () => {
    const key = freshKey()
    const action: FaultAction = { type: "ok200WithError", code: "InternalError" }
    target().faults.add({ match: { op: "CompleteMultipartUpload", key }, action, times: always })
    const error = failedWith(await attempt(target(), { key, body: bytes }, { maxAttempts: 3 }), "Unavailable")
    expect(error).toMatchObject({ attempts: 3, retry: "persistent" })
  })
})

onFaultyStores("a Complete whose answer is lost", (target) => {
  const lost: ReadonlyArray<readonly [string, FaultAction]> = [
    ["in a connection that broke", { type: "dropAfterCommit" }],
    ["behind a gateway's 500", status(500, "InternalError")],
    ["behind a captive portal's page", { type: "html200" }],
    ["in an empty 200 [row 36]", { type: "emptyBody" }]
  ]

  it.each(lost)("after it was applied, %s, is found by its write token [row 37]", async (_, action) => {
    const key = freshKey()
    await put(target(), key, older)
    target().faults.add({ match: { op: "CompleteMultipartUpload", key, phase: "after" }, action })
    succeeded(await attempt(target(), { key, body: bytes }))
    expect(target().count("CompleteMultipartUpload", key)).toBe(1)
  })

  it.each(lost)(
    "after it was applied, %s, is found also when a second one meets a strict NoSuchUpload",
    async (_, a) => {
      const key = freshKey()
      const { faults } = target()
      faults.add({ match: { op: "CompleteMultipartUpload", key, phase: "after" }, action: a })
      faults.add({ match: { op: "HeadObject", key }, action: status(500, "InternalError") })
      succeeded(await attempt(target(), { key, body: bytes }))
      expect(target().count("CompleteMultipartUpload", key)).toBe(2)
    }
  )

  it.each([
    ["in a connection that broke", { type: "dropBeforeCommit" }],
    ["behind a gateway's 500", status(500, "InternalError")],
    ["behind a captive portal's page", { type: "html200" }],
    ["in an empty 200 [row 36]", { type: "emptyBody" }],
    ["in silence", { type: "stall", afterBytes: 0 }]
  ] as ReadonlyArray<readonly [string, FaultAction]>)("before it was applied, %s, is sent again", async (_, action) => {
    const key = freshKey()
    await put(target(), key, older)
    target().faults.add({ match: { op: "CompleteMultipartUpload", key }, action })
    succeeded(await attempt(target(), { key, body: bytes }, { completeIdleTimeoutMs: 1_000 }))
    expect(target().count("CompleteMultipartUpload", key)).toBe(2)
  })

  it("is CompletionUnknown, and aborts nothing, where the store does not let us look", async () => {
    const key = freshKey()
    const { faults } = target()
    faults.add({ match: { op: "CompleteMultipartUpload", key }, action: { type: "dropAfterCommit" } })
    faults.add({ match: { op: "HeadObject", key }, action: status(403, "AccessDenied"), times: always })
    const outcome = await attempt(target(), { key, body: bytes }, { mayBeStored: true })
    expect(failedWith(outcome, "CompletionUnknown").message).toMatch(/look at the key/)
    expect(target().count("AbortMultipartUpload", key)).toBe(0)
  })

  it("is not taken for success when the upload is gone and an older object stands at the key [row 38]", async () => {
    const key = freshKey()
    await put(target(), key, older)
    // The wait that the store asks for is when somebody aborts the upload.
    target().faults.add({
      match: { op: "CompleteMultipartUpload", key },
      action: status(500, "InternalError", 1)
    })
    let somebody: Promise<void> | undefined
    const outcome = await attempt(
      target(),
      {
        key,
        body: bytes,
        onProgress: ({ retries }) => {
          if (retries > 0) somebody ??= abortBehindItsBack(target(), key)
        }
      },
      { standing: older }
    )
    await somebody
    failedWith(outcome, "CompletionUnknown")
  })
})

onFaultyStores("a Complete that answers with another ETag than the parts give", (target) => {
  it("is never success, and says that the object is stored [row 44]", async () => {
    const key = freshKey()
    target().faults.add({ match: { op: "CompleteMultipartUpload", key }, action: { type: "wrongETag" } })
    const outcome = await attempt(target(), { key, body: bytes }, { mayBeStored: true })
    expect(failedWith(outcome, "ChecksumMismatch").reason).toMatchObject({ stored: true })
  })
})

onFaultyStores("one PUT whose answer is lost", (target) => {
  const small = pattern(1_000)
  it.each([
    ["in a connection that broke", { type: "dropAfterCommit" }],
    ["behind a gateway's 500", status(500, "InternalError")],
    ["behind a captive portal's page", { type: "html200" }],
    ["in an empty 200 [row 36]", { type: "emptyBody" }]
  ] as ReadonlyArray<readonly [string, FaultAction]>)("%s, is found by its write token", async (_, action) => {
    const key = freshKey()
    await put(target(), key, older)
    const before = target().count("PutObject", key)
    target().faults.add({ match: { op: "PutObject", key, phase: "after" }, action })
    succeeded(await attempt(target(), { key, body: small }))
    expect(target().count("PutObject", key) - before).toBe(1)
  })
})

onEveryStore("If-None-Match: *", (target) => {
  const sizes = [
    ["one PUT", pattern(1_000)],
    ["parts", bytes]
  ] as const

  it.each(sizes)("keeps the object that stands at the key from %s [row 42]", async (_, body) => {
    const key = freshKey("standing")
    await put(target(), key, older)
    const outcome = await attempt(target(), { key, body, ifNoneMatch: "*" }, { standing: older })
    failedWith(outcome, "PreconditionFailed")
  })

  it.each(sizes)("lets %s through where no object stands", async (_, body) => {
    succeeded(await attempt(target(), { body, ifNoneMatch: "*" }))
  })
})

onFaultyStores("If-None-Match: * and a lost answer", (target) => {
  it.each([
    ["one PUT", "PutObject", pattern(1_000)],
    ["parts", "CompleteMultipartUpload", bytes]
  ] as const)("is our own success, for %s, not a failed precondition [row 37]", async (_, op, body) => {
    const key = freshKey()
    const { faults } = target()
    faults.add({ match: { op, key }, action: { type: "dropAfterCommit" } })
    // Not found at once: only after the repeated request has met the object that we wrote ourselves.
    faults.add({ match: { op: "HeadObject", key }, action: status(500, "InternalError") })
    succeeded(await attempt(target(), { key, body, ifNoneMatch: "*" }))
    expect(target().count(op, key)).toBe(2)
  })
})

onEveryStore("an upload that somebody else aborts before Complete", (target) => {
  it("is NoSuchUpload, and the older object stands [row 38]", async () => {
    const key = freshKey("older")
    await put(target(), key, older)
    const plugins = [beforeComplete(() => abortBehindItsBack(target(), key))]
    failedWith(await attempt(target(), { key, body: bytes }, { standing: older, plugins }), "NoSuchUpload")
  })
})
