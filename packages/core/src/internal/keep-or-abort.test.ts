import * as Exit from "effect/Exit"
import { describe, expect, it } from "vitest"
import { type ReasonTag, type UploadError, uploadError } from "../UploadError.ts"
import { type Ending, keepsUpload } from "./keep-or-abort.ts"

const broken = uploadError({ _tag: "Unavailable", message: "the store answered 500" })
const denied = uploadError({ _tag: "AccessDenied", message: "no" })
const interrupted: Exit.Exit<never, UploadError> = Exit.interrupt(1)

const usual: Ending = {
  exit: Exit.fail(broken),
  policy: "auto",
  durable: true,
  resumable: true,
  resumed: false,
  cancelled: false,
  leaseLost: false
}
const keeps = (change: Partial<Ending>): boolean => keepsUpload({ ...usual, ...change })

describe("auto", () => {
  it("keeps what a durable journal can resume, unless the reason is permanent", () => {
    expect(keeps({})).toBe(true)
    expect(keeps({ exit: interrupted })).toBe(true)
    expect(keeps({ exit: Exit.fail(denied) })).toBe(false)
    expect(keeps({ exit: Exit.die(new Error("a bug")) })).toBe(false)
  })

  it("aborts where nothing could be resumed", () => {
    expect(keeps({ durable: false })).toBe(false)
    expect(keeps({ resumable: false })).toBe(false)
    expect(keeps({ exit: interrupted, durable: false })).toBe(false)
  })

  it("aborts what the store refuses as a whole, though it takes every part", () => {
    const wrong = (operation: string) =>
      Exit.fail(uploadError({ _tag: "ChecksumMismatch", message: "other bytes" }, { operation, retry: "persistent" }))
    expect(keeps({ exit: wrong("CompleteMultipartUpload") })).toBe(false)
    expect(keeps({ exit: wrong("UploadPart") })).toBe(true)
  })

  it("keeps what can go on when somebody has mended the reason", () => {
    for (const _tag of ["CredentialsUnavailable", "ClockSkewed", "TlsFailed"] as const) {
      expect(keeps({ exit: Exit.fail(uploadError({ _tag, message: "mend it" })) })).toBe(true)
    }
  })

  it("keeps what is stored when a resume is given another source or other credentials", () => {
    for (const exit of [
      Exit.fail(uploadError({ _tag: "SourceChanged", message: "part 2 differs" })),
      Exit.fail(uploadError({ _tag: "SizeMismatch", declared: 2, actual: 1 })),
      Exit.fail(denied)
    ]) {
      expect(keeps({ exit, resumed: true })).toBe(true)
      expect(keeps({ exit, resumed: false })).toBe(false)
    }
  })
})

describe("whatever the policy", () => {
  const policies = ["auto", "keep", "abort"] as const

  it("nothing is kept of a success, and nothing of what was cancelled", () => {
    for (const policy of policies) {
      expect(keeps({ policy, exit: Exit.void })).toBe(false)
      expect(keeps({ policy, exit: interrupted, cancelled: true })).toBe(false)
    }
  })

  it("nothing is ended that another process may hold, or that may be complete", () => {
    const reason: ReasonTag = "CompletionUnknown"
    const unknown = Exit.fail(uploadError({ _tag: reason, message: "look at the key" }))
    for (const policy of policies) {
      expect(keeps({ policy, leaseLost: true, cancelled: true })).toBe(true)
      expect(keeps({ policy, exit: unknown, durable: false })).toBe(true)
    }
  })
})

it("keep keeps and abort aborts, for any reason", () => {
  for (const exit of [Exit.fail(broken), Exit.fail(denied), interrupted]) {
    expect(keeps({ policy: "keep", exit, durable: false, resumable: false })).toBe(true)
    expect(keeps({ policy: "abort", exit })).toBe(false)
  }
})
