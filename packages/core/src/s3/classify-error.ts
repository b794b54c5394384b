/**
 * What a failed call to S3 means and whether trying again may help. Pure.
 *
 * @module
 */
import { type ErrorContext, type UploadError, uploadError } from "../UploadError.ts"
import {
  anyServerError,
  anySuccess,
  anythingElse,
  byCode,
  byStatus,
  byWords,
  embeddedUnknown,
  families,
  type Row,
  type Seen
} from "./error-codes.ts"
import { type FaultClass, treatmentOf } from "./FaultClass.ts"
import { safeCause } from "./safe-cause.ts"
import { safeMessage } from "./safe-message.ts"

/** What is known of a failed call. An error inside a 200 is given with its own code. */
export interface StoreFailure {
  /** S3's error code, or the runtime's (`ECONNRESET`). */
  readonly code?: string
  /** HTTP status, when there was an answer. */
  readonly status?: number
  readonly message?: string
  /** Milliseconds, from Retry-After. */
  readonly retryAfterMs?: number
  readonly requestId?: string
  /** `x-amz-bucket-region`, when the store named it. */
  readonly region?: string
  readonly cause?: unknown
}

/** The codes of an error and of what caused it: fetch hides the real one below a TypeError. */
const codesOf = (cause: unknown, depth = 0): ReadonlyArray<string> => {
  if (typeof cause !== "object" || cause === null || depth > 4) return []
  const own = "code" in cause && typeof cause.code === "string" ? [cause.code] : []
  return "cause" in cause ? [...own, ...codesOf(cause.cause, depth + 1)] : own
}

const rowOf = (failure: StoreFailure, codes: ReadonlyArray<string>): readonly [Row, string | undefined] => {
  for (const code of codes) {
    const known = byCode.get(code) ?? families.find(([pattern]) => pattern.test(code))?.[1]
    if (known !== undefined) return [known, code]
  }
  const { code, status, message = "" } = failure
  if (status === undefined) return [byWords.find(([pattern]) => pattern.test(message))?.[1] ?? anythingElse, undefined]
  if (status < 300) return [code === undefined ? anySuccess : embeddedUnknown, undefined]
  return [byStatus[status] ?? (status >= 500 ? anyServerError : anythingElse), undefined]
}

/** A failed call as our error, and what kind of failure it is. */
export interface Diagnosis {
  readonly error: UploadError
  readonly fault: FaultClass
}

/**
 * A failed call as our error: by the code, where we know it (also inside a 200), then by the HTTP
 * status, then by the runtime's words. Nothing of the failure's text that could be a secret is kept.
 */
export const diagnose = (failure: StoreFailure, context: ErrorContext): Diagnosis => {
  const { code, status, retryAfterMs, region, requestId, cause } = failure
  const [{ reason, fault }, matched] = rowOf(failure, [...(code === undefined ? [] : [code]), ...codesOf(cause)])
  const seen: Seen = {
    code: matched ?? code ?? (status === undefined ? "no answer" : String(status)),
    status: status ?? 0,
    words: safeMessage(failure.message),
    retryAfter: retryAfterMs === undefined ? {} : { retryAfterMs },
    region,
    at: context
  }
  const error = uploadError(reason(seen), {
    ...context,
    requestId: requestId ?? context.requestId,
    retry: treatmentOf(fault).retry,
    cause: safeCause(cause)
  })
  return { error, fault }
}

/** The error alone. */
export const classifyError = (failure: StoreFailure, context: ErrorContext): UploadError =>
  diagnose(failure, context).error
