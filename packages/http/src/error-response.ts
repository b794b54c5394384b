/**
 * The only place where a reason of the engine becomes an HTTP status.
 *
 * @module
 */
import { describeReason, isUploadError, type ReasonTag, type UploadError } from "@sluice/core/UploadError"
import { HttpProblem, type Problem, problem } from "./problem.ts"

interface Row {
  readonly status: number
  readonly title: string
  /** What the client is told instead of the reason's own sentence, where that one speaks of the server's affairs. */
  readonly detail?: string
}

const log = "the server's log says more"

/** One row a reason. Where a row has no `detail`, the reason's own sentence is safe to send. */
export const statuses: Readonly<Record<ReasonTag, Row>> = {
  InvalidRequest: { status: 400, title: "Invalid request" },
  SourceFailed: {
    status: 400,
    title: "The body ended early",
    detail: "the request body could not be read to its end; send it again"
  },
  SourceChanged: { status: 409, title: "The source changed" },
  SizeMismatch: { status: 400, title: "The size is not the declared one" },
  Rejected: { status: 403, title: "Refused" },
  AccessDenied: {
    status: 502,
    title: "The store refused this server",
    detail: `the store refused this server's credentials; ${log}`
  },
  CredentialsUnavailable: {
    status: 502,
    title: "No credentials for the store",
    detail: `this server has no credentials for its store; ${log}`
  },
  NoSuchBucket: {
    status: 502,
    title: "The bucket does not exist",
    detail: `the bucket this server writes to does not exist; ${log}`
  },
  NoSuchKey: { status: 404, title: "No such object" },
  NoSuchUpload: {
    status: 409,
    title: "The upload was ended",
    detail: "the upload was ended while it ran; send it again"
  },
  PreconditionFailed: { status: 412, title: "Precondition failed" },
  TooLarge: { status: 413, title: "Too large" },
  InvalidResponse: {
    status: 502,
    title: "The store answered badly",
    detail: `the store gave an answer that is none; try again, ${log}`
  },
  TlsFailed: { status: 502, title: "No trusted way to the store", detail: `no trusted way to the store; ${log}` },
  ClockSkewed: { status: 502, title: "The clock is wrong", detail: `this server's clock is wrong; ${log}` },
  Throttled: { status: 503, title: "The store is busy", detail: "the store asks for fewer requests; try again later" },
  Unavailable: {
    status: 503,
    title: "The store is unavailable",
    detail: `the store, or the way to it, is in trouble; try again later, ${log}`
  },
  Stalled: { status: 503, title: "The store stalled", detail: "the store stopped answering; try again later" },
  ChecksumMismatch: {
    status: 502,
    title: "The bytes were damaged",
    detail: `the bytes in the store are not the bytes sent; send them again, ${log}`
  },
  MissingParts: { status: 409, title: "Parts are missing" },
  PartConflict: { status: 409, title: "Parts contradict each other" },
  CompletionUnknown: {
    status: 502,
    title: "Outcome unknown",
    detail: "the store did not say whether the upload completed; look at the object before sending it again"
  },
  EncryptionNotApplied: {
    status: 502,
    title: "Encryption not applied",
    detail: `the store does not encrypt as this server demands; ${log}`
  },
  SessionNotFound: { status: 404, title: "No such session" },
  SessionBusy: { status: 423, title: "The session is busy" },
  SessionExpired: { status: 410, title: "The session expired" },
  OffsetConflict: { status: 409, title: "Wrong offset" },
  ResumeMismatch: { status: 409, title: "Not the same upload" },
  JournalFailed: { status: 503, title: "The journal failed", detail: `this server's journal failed; ${log}` },
  PluginFailed: { status: 500, title: "A plugin failed", detail: `a plugin of this server failed; ${log}` },
  UnknownStoreError: {
    status: 502,
    title: "The store refused",
    detail: `the store gave an error this server does not know; ${log}`
  }
}

/** Seconds after which a client may try again, when the store named none. */
const retryAfterSeconds = 5

/** For what passes by itself: trouble, and a queue that is full (429, temporary). A quota's 429 says nothing of when. */
const retryAfter = ({ reason, retry }: UploadError, status: number): Readonly<Record<string, string>> => {
  if (status !== 503 && !(status === 429 && retry === "temporary")) return {}
  const ms = "retryAfterMs" in reason ? reason.retryAfterMs : undefined
  return { "Retry-After": String(ms === undefined ? retryAfterSeconds : Math.max(1, Math.ceil(ms / 1000))) }
}

/** Only a plugin's or authorizer's own refusal chooses its status, and only among the 4xx. */
const statusOf = ({ reason }: UploadError): number =>
  reason._tag === "Rejected" && reason.status >= 400 && reason.status < 500
    ? reason.status
    : statuses[reason._tag].status

/** Ended on purpose: the client went away, or the server stops. Nothing an operator must hear of. */
export const isAborted = (error: unknown): boolean => error instanceof Error && error.name === "AbortError"

/** What a failed request gets to see. `name` is the object as the client calls it. */
export const problemOf = (error: unknown, name?: string): Problem => {
  if (isAborted(error)) {
    return {
      status: 503,
      reason: "Aborted",
      title: "The upload was ended",
      detail: "this server ended the upload, because it stops or its client went away; send it again",
      retryable: true
    }
  }
  if (error instanceof HttpProblem) return error.problem
  if (!isUploadError(error)) {
    return { status: 500, reason: "InternalError", title: "Internal error", detail: `something broke; ${log}` }
  }
  const row = statuses[error.reason._tag]
  const status = statusOf(error)
  return {
    status,
    reason: error.reason._tag,
    title: row.title,
    detail: row.detail ?? describeReason(error.reason, name === undefined ? {} : { key: name }),
    retryable: error.retry !== "permanent",
    headers: retryAfter(error, status)
  }
}

/** The response to a failed request. */
export const errorResponse = (error: unknown, name?: string): Response => problem(problemOf(error, name))
