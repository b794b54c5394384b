/**
 * The one error of the engine: `UploadError` with a tagged `reason` and a
 * three-valued `retry`.
 *
 * @module
 */
import * as Data from "effect/Data"

/**
 * What may be done about a failure.
 *
 * - `permanent`: the same request will fail again.
 * - `temporary`: trying again may help.
 * - `persistent`: was temporary, and the engine's own retries are spent. Outer
 *   retries must not multiply them (OpenDAL's third state).
 */
export type Retry = "permanent" | "temporary" | "persistent"

/** Why an upload failed, as a closed union of tagged values. */
export type Reason =
  // caller
  | { readonly _tag: "InvalidRequest"; readonly message: string }
  | { readonly _tag: "SourceFailed"; readonly message: string; readonly cause?: unknown }
  | { readonly _tag: "SourceChanged"; readonly message: string }
  | { readonly _tag: "SizeMismatch"; readonly declared: number; readonly actual: number }
  | { readonly _tag: "Rejected"; readonly message: string; readonly status: number }
  // store
  | { readonly _tag: "AccessDenied"; readonly message: string }
  | { readonly _tag: "CredentialsUnavailable"; readonly message: string }
  | { readonly _tag: "NoSuchBucket" }
  | { readonly _tag: "NoSuchKey" }
  | { readonly _tag: "NoSuchUpload" }
  | { readonly _tag: "PreconditionFailed"; readonly message: string }
  | { readonly _tag: "TooLarge"; readonly message: string }
  | { readonly _tag: "InvalidResponse"; readonly message: string }
  | { readonly _tag: "TlsFailed"; readonly message: string }
  | { readonly _tag: "ClockSkewed"; readonly message: string }
  // passing
  | { readonly _tag: "Throttled"; readonly code: string; readonly retryAfterMs?: number }
  | {
      readonly _tag: "Unavailable"
      readonly message: string
      readonly retryAfterMs?: number
      /** Nobody was there: no connection, or a 503 that is not S3's. Counted apart once the store has answered. */
      readonly away?: boolean
    }
  | { readonly _tag: "Stalled"; readonly message: string }
  // integrity
  | { readonly _tag: "ChecksumMismatch"; readonly message: string; readonly stored?: boolean }
  | { readonly _tag: "MissingParts"; readonly partNumbers: ReadonlyArray<number> }
  | { readonly _tag: "PartConflict"; readonly message: string }
  | { readonly _tag: "CompletionUnknown"; readonly message: string }
  | {
      readonly _tag: "EncryptionNotApplied"
      readonly requested: string
      readonly answered: string
      /** The bytes were stored before the store showed that it had dropped the encryption. */
      readonly stored?: boolean
    }
  // session
  | { readonly _tag: "SessionNotFound" }
  | { readonly _tag: "SessionBusy" }
  | { readonly _tag: "SessionExpired" }
  | { readonly _tag: "OffsetConflict"; readonly expected: number; readonly actual: number }
  | { readonly _tag: "ResumeMismatch"; readonly message: string }
  // ours
  | { readonly _tag: "JournalFailed"; readonly message: string; readonly cause?: unknown }
  | { readonly _tag: "PluginFailed"; readonly plugin: string; readonly hook: string; readonly cause: unknown }
  | { readonly _tag: "UnknownStoreError"; readonly code: string; readonly status: number; readonly message: string }

/** The name of a reason. */
export type ReasonTag = Reason["_tag"]

/** Where a failure happened. Every field is safe to log: no secret, no query string, no body byte. */
export interface ErrorContext {
  readonly operation?: string | undefined
  readonly bucket?: string | undefined
  readonly key?: string | undefined
  readonly sessionId?: string | undefined
  readonly uploadId?: string | undefined
  readonly partNumber?: number | undefined
  readonly requestId?: string | undefined
  readonly attempts?: number | undefined
}

/** How each reason is retried unless the place that raised it knows better. One row a reason. */
export const defaultRetry: Readonly<Record<ReasonTag, Retry>> = {
  InvalidRequest: "permanent",
  SourceFailed: "permanent",
  SourceChanged: "permanent",
  SizeMismatch: "permanent",
  Rejected: "permanent",
  AccessDenied: "permanent",
  CredentialsUnavailable: "permanent",
  NoSuchBucket: "permanent",
  NoSuchKey: "permanent",
  NoSuchUpload: "permanent",
  PreconditionFailed: "permanent",
  TooLarge: "permanent",
  InvalidResponse: "temporary",
  TlsFailed: "permanent",
  ClockSkewed: "permanent",
  Throttled: "temporary",
  Unavailable: "temporary",
  Stalled: "temporary",
  ChecksumMismatch: "permanent",
  MissingParts: "permanent",
  PartConflict: "permanent",
  CompletionUnknown: "permanent",
  EncryptionNotApplied: "permanent",
  SessionNotFound: "permanent",
  SessionBusy: "temporary",
  SessionExpired: "permanent",
  OffsetConflict: "permanent",
  ResumeMismatch: "permanent",
  JournalFailed: "temporary",
  PluginFailed: "permanent",
  UnknownStoreError: "permanent"
}

const partList = (parts: ReadonlyArray<number>): string =>
  parts.slice(0, 10).join(", ") + (parts.length > 10 ? ` and ${parts.length - 10} more` : "")

/** One sentence a reason: what was wrong and what to do. */
export const describeReason = (reason: Reason, at: ErrorContext = {}): string => {
  const bucket = at.bucket === undefined ? "the bucket" : `bucket "${at.bucket}"`
  switch (reason._tag) {
    case "InvalidRequest":
    case "SourceFailed":
    case "SourceChanged":
    case "Rejected":
    case "TooLarge":
    case "InvalidResponse":
    case "TlsFailed":
    case "ClockSkewed":
    case "Stalled":
    case "ChecksumMismatch":
    case "PartConflict":
    case "CompletionUnknown":
    case "ResumeMismatch":
    case "JournalFailed":
    case "CredentialsUnavailable":
    case "PreconditionFailed":
    case "AccessDenied":
      return reason.message
    case "Unavailable":
      return `${reason.message}. The store or the way to it is in trouble; check the endpoint, then try again`
    case "SizeMismatch":
      return `the source gave ${reason.actual} bytes but ${reason.declared} were declared; declare the real size or none`
    case "NoSuchBucket":
      return `${bucket} does not exist; create it, or correct the bucket name, region or endpoint`
    case "NoSuchKey":
      return `no object "${at.key ?? ""}" in ${bucket}`
    case "NoSuchUpload":
      return "the multipart upload no longer exists (completed, aborted, or expired by a lifecycle rule); start the upload again"
    case "Throttled":
      return `the store asks for fewer requests (${reason.code}); lower the concurrency or try later`
    case "MissingParts":
      return `parts are missing: ${partList(reason.partNumbers)}; send them, then complete again`
    case "EncryptionNotApplied":
      return `encryption "${reason.requested}" was asked for but the store answered "${reason.answered}"; ${reason.stored === true ? "the object stands unencrypted, delete it" : "nothing was sent"}. Use a store with that encryption, or remove the plugin`
    case "SessionNotFound":
      return "no such session; it ended, expired, or the journal is another one"
    case "SessionBusy":
      return "another process works on this session; wait until it ends or its lease runs out"
    case "SessionExpired":
      return "the session expired; start the upload again"
    case "OffsetConflict":
      return `the bytes start at ${reason.actual} but ${reason.expected} is expected; ask for the offset and continue there`
    case "PluginFailed":
      return `plugin "${reason.plugin}" failed in its ${reason.hook} hook: ${causeMessage(reason.cause)}`
    case "UnknownStoreError":
      return reason.status === 0
        ? `the request failed (${reason.code}): ${reason.message}`
        : `the store answered ${reason.status} ${reason.code}: ${reason.message}`
  }
}

const causeMessage = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/**
 * The error of every operation of Sluice.
 *
 * `reason._tag` is stable and meant for code (`Effect.catchReason("UploadError", "AccessDenied", …)`);
 * `message` is meant for people; `toJSON` holds only what is safe to log.
 */
export class UploadError extends Data.TaggedError("UploadError")<
  {
    readonly reason: Reason
    readonly retry: Retry
    readonly cause?: unknown
  } & ErrorContext
> {
  override get message(): string {
    const at: Array<string> = []
    if (this.operation !== undefined) at.push(this.operation)
    if (this.partNumber !== undefined) at.push(`part ${this.partNumber}`)
    if (this.attempts !== undefined && this.attempts > 1) at.push(`after ${this.attempts} attempts`)
    const suffix = at.length === 0 ? "" : ` [${at.join(", ")}]`
    return `${this.reason._tag}: ${describeReason(this.reason, this)}${suffix}`
  }

  override toJSON(): Record<string, unknown> {
    return {
      _tag: this._tag,
      reason: this.reason._tag,
      retry: this.retry,
      message: this.message,
      operation: this.operation,
      bucket: this.bucket,
      key: this.key,
      sessionId: this.sessionId,
      uploadId: this.uploadId,
      partNumber: this.partNumber,
      requestId: this.requestId,
      attempts: this.attempts
    }
  }
}

/**
 * Makes an error from its reason; `retry` defaults to the reason's row in `defaultRetry`.
 *
 * ```ts
 * import { uploadError } from "@sluice/core/UploadError"
 * const e = uploadError({ _tag: "NoSuchBucket" }, { operation: "CreateMultipartUpload", bucket: "media" })
 * ```
 */
export const uploadError = (
  reason: Reason,
  context: ErrorContext & { readonly retry?: Retry; readonly cause?: unknown } = {}
): UploadError => {
  const { retry, ...rest } = context
  return new UploadError({ ...rest, reason, retry: retry ?? defaultRetry[reason._tag] })
}

/** For plugins and authorizers: refuse an upload with a sentence and an HTTP status (400 to 499, default 403). */
export const reject = (message: string, options: { readonly status?: number } = {}): UploadError =>
  uploadError({ _tag: "Rejected", message, status: options.status ?? 403 })

/** Bad input, named: what was wrong and what to do. */
export const invalidRequest = (message: string, context: ErrorContext = {}): UploadError =>
  uploadError({ _tag: "InvalidRequest", message }, context)

/** The same error with more context; fields already set win. */
export const withContext = (error: UploadError, context: ErrorContext): UploadError => {
  const own = fieldsOf(error)
  return new UploadError({
    ...own,
    operation: own.operation ?? context.operation,
    bucket: own.bucket ?? context.bucket,
    key: own.key ?? context.key,
    sessionId: own.sessionId ?? context.sessionId,
    uploadId: own.uploadId ?? context.uploadId,
    partNumber: own.partNumber ?? context.partNumber,
    requestId: own.requestId ?? context.requestId,
    attempts: own.attempts ?? context.attempts
  })
}

/** Marks an error as retried enough: outer layers must not try again. */
export const persistent = (error: UploadError, attempts: number): UploadError =>
  new UploadError({ ...fieldsOf(error), retry: error.retry === "temporary" ? "persistent" : error.retry, attempts })

/** The same error, for a reason that has been mended meanwhile: trying again may help. */
export const mended = (error: UploadError, reason: Reason = error.reason): UploadError =>
  new UploadError({ ...fieldsOf(error), reason, retry: "temporary" })

const fieldsOf = (error: UploadError) => {
  const { reason, retry, cause, operation, bucket, key, sessionId, uploadId, partNumber, requestId, attempts } = error
  return { reason, retry, cause, operation, bucket, key, sessionId, uploadId, partNumber, requestId, attempts }
}

/** True for every error that Sluice raises. */
export const isUploadError = (u: unknown): u is UploadError => u instanceof UploadError
