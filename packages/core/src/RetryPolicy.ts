/**
 * Whether and when a failed attempt is made again: by the error's class, with full jitter, a cap on the wait,
 * a bound of attempts and time, and a budget that all uploads to one store share. The only layer that
 * retries; the SDK makes one attempt.
 *
 * Full jitter: "Exponential Backoff And Jitter", AWS Architecture Blog. Classes: docs/retries.md.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type { EngineOptions } from "./Defaults.ts"
import { MiB } from "./Limits.ts"
import { type RetryBudget, retryTokens } from "./RetryBudget.ts"
import { persistent, type ReasonTag, type UploadError } from "./UploadError.ts"

/**
 * How an error is tried again.
 *
 * - `never`: permanent, or retried enough by an inner layer.
 * - `passing`: after `retryBaseMs`, doubling.
 * - `away`: as `passing`; no attempt that the store has dealt with, once it is known to be there.
 * - `throttle`: after `throttleBaseMs`, doubling: the store asked for less. No attempt that it has dealt with.
 * - `integrity`: as `passing`, but bytes that arrive damaged three times are damaged by something that stays.
 * - `once`: what was mended meanwhile (credentials, the clock's offset, the region), and nothing else will help.
 */
export type RetryClass = "never" | "passing" | "away" | "throttle" | "integrity" | "once"

/** How each reason is tried again where it is temporary. One row a reason. */
const retryClasses: Readonly<Record<ReasonTag, Exclude<RetryClass, "never" | "away">>> = {
  InvalidRequest: "once",
  SourceFailed: "passing",
  SourceChanged: "passing",
  SizeMismatch: "passing",
  Rejected: "passing",
  AccessDenied: "once",
  CredentialsUnavailable: "once",
  NoSuchBucket: "passing",
  NoSuchKey: "passing",
  NoSuchUpload: "passing",
  PreconditionFailed: "passing",
  TooLarge: "passing",
  InvalidResponse: "passing",
  TlsFailed: "passing",
  ClockSkewed: "once",
  Throttled: "throttle",
  Unavailable: "passing",
  Stalled: "passing",
  ChecksumMismatch: "integrity",
  MissingParts: "passing",
  PartConflict: "passing",
  CompletionUnknown: "passing",
  EncryptionNotApplied: "passing",
  SessionNotFound: "passing",
  SessionBusy: "passing",
  SessionExpired: "passing",
  OffsetConflict: "passing",
  ResumeMismatch: "passing",
  JournalFailed: "passing",
  PluginFailed: "passing",
  UnknownStoreError: "passing"
}

/** What one more attempt takes from the store's budget. What was mended is no burden. */
const prices: Readonly<Record<RetryClass, number>> = {
  never: 0,
  passing: retryTokens.passing,
  away: retryTokens.passing,
  throttle: retryTokens.throttle,
  integrity: retryTokens.passing,
  once: 0
}

/** Failures of one kind after which an attempt is the last, whatever `maxAttempts` allows. */
const mostFailures: Readonly<Partial<Record<RetryClass, number>>> = { integrity: 3, once: 2 }

/** The class of an error: from its `retry` first, then from its reason. */
export const retryClass = ({ retry, reason }: UploadError): RetryClass => {
  if (retry !== "temporary") return "never"
  return reason._tag === "Unavailable" && reason.away === true ? "away" : retryClasses[reason._tag]
}

/** Milliseconds that the store asked to wait, when it did. */
const retryAfterMs = ({ reason }: UploadError): number =>
  reason._tag === "Throttled" || reason._tag === "Unavailable" ? (reason.retryAfterMs ?? 0) : 0

/** The knobs that shape the waits; milliseconds. */
export type BackoffOptions = Pick<EngineOptions, "retryBaseMs" | "throttleBaseMs" | "retryCapMs">

/** The knobs that bound the attempts. */
export type BoundOptions = Pick<EngineOptions, "maxAttempts" | "maxAttemptsInAll" | "retryWithinMs">

/** The knobs of the whole policy. */
export type RetryOptions = BackoffOptions & BoundOptions

/** What is known of a request beside its errors. */
export interface RetryContext {
  /** The store's; without one, retries wait for no tokens. */
  readonly budget?: RetryBudget | undefined
  /** Bytes that each attempt sends. */
  readonly bytes?: number | undefined
  /** Milliseconds that attempts waited for a place of ours so far: no trouble, so not of `retryWithinMs`. */
  readonly waitedMs?: (() => number) | undefined
}

/**
 * Milliseconds before the next attempt: anything between 0 and a bound that doubles with each attempt up
 * to the cap, but no less than the store's Retry-After and no more than the time that remains.
 *
 * @param attempt the attempt that failed, from 1
 * @param random 0 … 1
 */
export const delayFor = (input: {
  readonly error: UploadError
  readonly attempt: number
  readonly random: number
  readonly remainingMs?: number
  readonly options: BackoffOptions
}): number => {
  const { error, attempt, random, remainingMs = Number.POSITIVE_INFINITY, options } = input
  const kind = retryClass(error)
  if (kind === "once") return 0
  const base = kind === "throttle" ? options.throttleBaseMs : options.retryBaseMs
  const bound = Math.min(options.retryCapMs, base * 2 ** (attempt - 1))
  return Math.max(0, Math.min(remainingMs, Math.max(random * bound, retryAfterMs(error))))
}

/**
 * Whether another attempt follows. Not when the store asks for a longer wait than the time that remains:
 * an error now is worth more than the same error later.
 *
 * @param attempt the attempt that failed, from 1
 * @param uncounted how many of them the store has not dealt with, this one included; default 0
 * @param failures how often this kind of error came so far, this time included; default `attempt`
 * @param elapsedMs since the first attempt began
 */
export const shouldRetry = (input: {
  readonly error: UploadError
  readonly attempt: number
  readonly uncounted?: number
  readonly failures?: number
  readonly elapsedMs: number
  readonly options: BoundOptions
}): boolean => {
  const { error, attempt, uncounted = 0, failures = attempt, elapsedMs, options } = input
  const kind = retryClass(error)
  return (
    kind !== "never" &&
    attempt - uncounted < options.maxAttempts &&
    attempt < Math.max(options.maxAttempts, options.maxAttemptsInAll) &&
    failures < (mostFailures[kind] ?? Number.POSITIVE_INFINITY) &&
    elapsedMs + retryAfterMs(error) < options.retryWithinMs
  )
}

/** An attempt failed and another follows after `delayMs`. */
export interface Retrying {
  readonly error: UploadError
  /** The attempt that failed, from 1. */
  readonly attempt: number
  readonly delayMs: number
}

/** While bytes move this fast, an attempt's time is work and no trouble: it does not count against `retryWithinMs`. */
const workBytesPerMs = MiB / 1_000

const monotonicMs = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/**
 * Begins the count of one request's attempts and time. What it yields is asked after each failure for the
 * milliseconds to wait before the next attempt, or undefined when none follows; where the store's budget is
 * spent, the answer itself waits. Time is the monotonic clock's: a wall clock set back prolongs nothing.
 */
export const delayBefore = (
  options: RetryOptions,
  { budget, bytes = 0, waitedMs = () => 0 }: RetryContext = {}
): Effect.Effect<(error: UploadError, attempt: number) => Effect.Effect<number | undefined>> =>
  Effect.map(monotonicMs, (start) => {
    const failures = new Map<string, number>()
    let uncounted = 0
    /** Work and waits of ours, in all attempts so far. */
    let excused = 0
    let waited = 0
    let began = start
    return Effect.fnUntraced(function* (error: UploadError, attempt: number) {
      const kind = retryClass(error)
      const counted = kind === "once" ? error.reason._tag : kind
      const failed = (failures.get(counted) ?? 0) + 1
      failures.set(counted, failed)
      if (kind === "throttle" || (kind === "away" && budget?.reached() === true)) uncounted++
      const failedAt = yield* monotonicMs
      const inQueue = waitedMs() - waited
      waited += inQueue
      excused += inQueue + Math.min(Math.max(0, failedAt - began - inQueue), bytes / workBytesPerMs)
      const elapsedMs = failedAt - start - excused
      if (!shouldRetry({ error, attempt, uncounted, failures: failed, elapsedMs, options })) return undefined
      const remainingMs = options.retryWithinMs - elapsedMs
      if (budget !== undefined) {
        const paid = yield* Effect.timeoutOption(budget.take(prices[kind]), remainingMs)
        if (Option.isNone(paid)) return undefined
      }
      const now = yield* monotonicMs
      const random = yield* Random.next
      const delayMs = delayFor({
        error,
        attempt,
        random,
        remainingMs: Math.max(0, remainingMs - (now - failedAt)),
        options
      })
      began = now + delayMs
      return delayMs
    })
  })

/**
 * Runs attempts (told their number, from 1) until one succeeds or the policy ends. The last error is
 * marked `persistent` where it was temporary, so that no outer layer multiplies the retries, and carries
 * the number of attempts.
 *
 * ```ts
 * import { defaults } from "@sluice/core/Defaults"
 * import type { ObjectStoreApi, UploadPart } from "@sluice/core/ObjectStore"
 * import { budgetOf } from "@sluice/core/RetryBudget"
 * import { retrying } from "@sluice/core/RetryPolicy"
 *
 * const send = (store: ObjectStoreApi, part: UploadPart) =>
 *   retrying((attempt) => store.uploadPart({ ...part, attempt }), defaults, {
 *     budget: budgetOf(store),
 *     bytes: part.body.size
 *   })
 * ```
 */
export const retrying = Effect.fnUntraced(function* <A, R>(
  run: (attempt: number) => Effect.Effect<A, UploadError, R>,
  options: RetryOptions,
  { onRetry, ...context }: RetryContext & { readonly onRetry?: (retry: Retrying) => Effect.Effect<void> } = {}
): Effect.fn.Return<A, UploadError, R> {
  const backoff = yield* delayBefore(options, context)
  let paid = 0
  for (let attempt = 1; ; attempt++) {
    const outcome = yield* Effect.result(run(attempt))
    if (Result.isSuccess(outcome)) {
      context.budget?.succeeded(paid)
      return outcome.success
    }
    const error = outcome.failure
    const delayMs = yield* backoff(error, attempt)
    if (delayMs === undefined) return yield* error.retry === "persistent" ? error : persistent(error, attempt)
    paid = prices[retryClass(error)]
    if (onRetry !== undefined) yield* onRetry({ error, attempt, delayMs })
    yield* Effect.sleep(delayMs)
  }
})
