import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type { OnFailure } from "../Defaults.ts"
import { isUploadError, type ReasonTag, type UploadError } from "../UploadError.ts"

/** How an upload ended that did not succeed, and what was asked for in that case. */
export interface Ending {
  readonly exit: Exit.Exit<unknown, UploadError>
  readonly policy: OnFailure
  /** The journal outlives this process. */
  readonly durable: boolean
  /** The source can be read again, and no hook forbids it. */
  readonly resumable: boolean
  /** This run continued an earlier one. */
  readonly resumed: boolean
  /** Somebody asked for the end of the upload, not just of this run. */
  readonly cancelled: boolean
  /** Another process may hold the session by now. */
  readonly leaseLost: boolean
}

/** Reasons that a person mends and then resumes: keys that ran out, a clock, a certificate. */
export const mendable: ReadonlySet<ReasonTag> = new Set<ReasonTag>([
  "CredentialsUnavailable",
  "ClockSkewed",
  "TlsFailed"
])

/** What a resume was given is wrong, not what is stored: another source, other credentials, another address. */
const wrongResume: ReadonlySet<ReasonTag> = new Set<ReasonTag>([
  "SourceChanged",
  "SourceFailed",
  "SizeMismatch",
  "ResumeMismatch",
  "AccessDenied",
  "NoSuchBucket",
  "InvalidRequest"
])

/** Whether what the store has of the upload stays there, so that it can be resumed (DESIGN §5, "On failure"). Pure. */
export const keepsUpload = ({ exit, policy, durable, resumable, resumed, cancelled, leaseLost }: Ending): boolean => {
  if (Exit.isSuccess(exit)) return false
  const squashed = Cause.squash(exit.cause)
  const error = isUploadError(squashed) ? squashed : undefined
  // Not ours to end any more, and not to be ended while it may be complete.
  if (leaseLost || error?.reason._tag === "CompletionUnknown") return true
  if (cancelled || policy === "abort") return false
  if (policy === "keep") return true
  if (!durable || !resumable) return false
  if (Cause.hasInterruptsOnly(exit.cause)) return true
  if (error === undefined) return false
  const { _tag } = error.reason
  // Each part is right by itself, the whole is refused: no later Complete of this upload helps. MinIO does so after a
  // client went away in the middle of one (decision 0043).
  if (_tag === "ChecksumMismatch" && error.operation === "CompleteMultipartUpload") return false
  return error.retry !== "permanent" || mendable.has(_tag) || (resumed && wrongResume.has(_tag))
}
