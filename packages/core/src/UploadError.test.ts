import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import {
  defaultRetry,
  describeReason,
  isUploadError,
  persistent,
  type Reason,
  type ReasonTag,
  reject,
  UploadError,
  uploadError,
  withContext
} from "./UploadError.ts"

const words = { message: "this went wrong; do that" }

/** One of each. The type demands all of them and the tag that each stands under. */
const reasons: { readonly [Tag in ReasonTag]: Extract<Reason, { readonly _tag: Tag }> } = {
  InvalidRequest: { _tag: "InvalidRequest", ...words },
  SourceFailed: { _tag: "SourceFailed", ...words },
  SourceChanged: { _tag: "SourceChanged", ...words },
  SizeMismatch: { _tag: "SizeMismatch", declared: 5, actual: 3 },
  Rejected: { _tag: "Rejected", ...words, status: 403 },
  AccessDenied: { _tag: "AccessDenied", ...words },
  CredentialsUnavailable: { _tag: "CredentialsUnavailable", ...words },
  NoSuchBucket: { _tag: "NoSuchBucket" },
  NoSuchKey: { _tag: "NoSuchKey" },
  NoSuchUpload: { _tag: "NoSuchUpload" },
  PreconditionFailed: { _tag: "PreconditionFailed", ...words },
  TooLarge: { _tag: "TooLarge", ...words },
  InvalidResponse: { _tag: "InvalidResponse", ...words },
  TlsFailed: { _tag: "TlsFailed", ...words },
  ClockSkewed: { _tag: "ClockSkewed", ...words },
  Throttled: { _tag: "Throttled", code: "SlowDown" },
  Unavailable: { _tag: "Unavailable", ...words },
  Stalled: { _tag: "Stalled", ...words },
  ChecksumMismatch: { _tag: "ChecksumMismatch", ...words },
  MissingParts: { _tag: "MissingParts", partNumbers: Array.from({ length: 25 }, (_, i) => i + 1) },
  PartConflict: { _tag: "PartConflict", ...words },
  CompletionUnknown: { _tag: "CompletionUnknown", ...words },
  EncryptionNotApplied: { _tag: "EncryptionNotApplied", requested: "AES256", answered: "none" },
  SessionNotFound: { _tag: "SessionNotFound" },
  SessionBusy: { _tag: "SessionBusy" },
  SessionExpired: { _tag: "SessionExpired" },
  OffsetConflict: { _tag: "OffsetConflict", expected: 5, actual: 3 },
  ResumeMismatch: { _tag: "ResumeMismatch", ...words },
  JournalFailed: { _tag: "JournalFailed", ...words },
  PluginFailed: { _tag: "PluginFailed", plugin: "acme/quota", hook: "open", cause: new Error("no quota service") },
  UnknownStoreError: { _tag: "UnknownStoreError", code: "Teapot", status: 418, ...words }
}
const all: ReadonlyArray<Reason> = Object.values(reasons)

describe("every reason", () => {
  it.each(all)("$_tag says what went wrong, stands in the table of retries, and is safe to log", (reason) => {
    const secret = "hunter2-the-secret"
    const error = uploadError(reason, {
      operation: "UploadPart",
      bucket: "media",
      key: "a.bin",
      partNumber: 3,
      cause: new Error(secret)
    })
    expect(error.retry).toBe(defaultRetry[reason._tag])
    expect(error.message).toMatch(new RegExp(`^${reason._tag}: .{15,} \\[UploadPart, part 3\\]$`))
    expect(error.message).not.toMatch(/undefined|\[object/)
    const logged = JSON.stringify(error)
    expect(logged).not.toContain(secret)
    expect(JSON.parse(logged)).toEqual({
      _tag: "UploadError",
      reason: reason._tag,
      retry: error.retry,
      message: error.message,
      operation: "UploadPart",
      bucket: "media",
      key: "a.bin",
      partNumber: 3
    })
  })

  it("has one row in the table of retries, and no row is for nothing", () => {
    expect(Object.keys(defaultRetry).sort()).toEqual(all.map(({ _tag }) => _tag).sort())
  })

  it("starts as permanent or temporary: only the engine's own retries make it persistent", () => {
    expect(new Set(Object.values(defaultRetry))).toEqual(new Set(["permanent", "temporary"]))
  })
})

describe("the message", () => {
  it("names bucket and key where they are what is missing", () => {
    expect(describeReason(reasons.NoSuchBucket, { bucket: "media" })).toContain('bucket "media" does not exist')
    expect(describeReason(reasons.NoSuchKey, { bucket: "media", key: "a.bin" })).toBe(
      'no object "a.bin" in bucket "media"'
    )
  })

  it("lists ten missing parts and counts the rest", () => {
    expect(describeReason(reasons.MissingParts)).toContain("1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 15 more")
  })

  it("names plugin and hook", () => {
    expect(describeReason(reasons.PluginFailed)).toBe('plugin "acme/quota" failed in its open hook: no quota service')
  })

  it("says how often it was tried", () => {
    expect(persistent(uploadError(reasons.Stalled), 8).message).toContain("[after 8 attempts]")
  })
})

describe("context and retry", () => {
  it("are added without changing what is known already", () => {
    const error = withContext(uploadError(reasons.Stalled, { operation: "UploadPart" }), {
      operation: "CompleteMultipartUpload",
      bucket: "media"
    })
    expect(error).toMatchObject({ operation: "UploadPart", bucket: "media", reason: reasons.Stalled })
  })

  it("become persistent only where they were temporary", () => {
    expect(persistent(uploadError(reasons.Stalled), 2).retry).toBe("persistent")
    expect(persistent(uploadError(reasons.NoSuchBucket), 2).retry).toBe("permanent")
  })

  it("keep the cause for those who debug", () => {
    const cause = new Error("below")
    expect(withContext(uploadError(reasons.Stalled, { cause }), { bucket: "b" }).cause).toBe(cause)
  })
})

it("is an Error, found by its tag and its reason's tag", async () => {
  const error = reject("not today")
  expect(error).toBeInstanceOf(Error)
  expect(error).toBeInstanceOf(UploadError)
  expect(isUploadError(error)).toBe(true)
  expect(isUploadError(new Error("x"))).toBe(false)
  expect(error.reason).toEqual({ _tag: "Rejected", message: "not today", status: 403 })
  const caught = Effect.fail(error).pipe(
    Effect.catchReason("UploadError", "Rejected", (reason) => Effect.succeed(reason.status))
  )
  expect(await Effect.runPromise(caught)).toBe(403)
})
