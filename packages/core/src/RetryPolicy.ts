/**
 * Whether and when a failed attempt is made again: by the error's class, with full jitter, a cap on the
 * wait and a budget of attempts and time. The only layer that retries; the SDK makes one attempt.
 *
 * Full jitter: "Exponential Backoff And Jitter", AWS Architecture Blog. Classes: docs/architecture.md.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type { EngineOptions } from "./Defaults.ts"
import { persistent, type ReasonTag, type UploadError } from "./UploadError.ts"

/**
 * How an error is tried again.
 *
 * - `never`: permanent, or retried enough by an inner layer.
 * - `passing`: after `retryBaseMs`, doubling.
 * - `throttle`: after `throttleBaseMs`, doubling: the store asked for less.
 * - `integrity`: as `passing`, but bytes that arrive damaged three times are damaged by something that stays.
 * - `once`: what a refresh may heal (credentials, the clock's offset), and nothing else will.
 */
export type RetryClass = "never" | "passing" | "throttle" | "integrity" | "once"

const classes: Partial<Record<ReasonTag, RetryClass>> = {
  Throttled: "throttle",
  ChecksumMismatch: "integrity",
  ClockSkewed: "once",
  CredentialsUnavailable: "once"
}

/** Failures of one class after which an attempt is the last, whatever `maxAttempts` allows. */
const mostFailures: Readonly<Record<RetryClass, number>> = {
  never: 1,
  passing: Number.POSITIVE_INFINITY,
  throttle: Number.POSITIVE_INFINITY,
  integrity: 3,
  once: 2
}

/** The class of an error: from its `retry` first, then from its reason. */
export const retryClass = (error: UploadError): RetryClass =>
  error.retry === "temporary" ? (classes[error.reason._tag] ?? "passing") : "never"

/** Milliseconds that the store asked to wait, when it did. */
const retryAfterMs = ({ reason }: UploadError): number =>
  reason._tag === "Throttled" || reason._tag === "Unavailable" ? (reason.retryAfterMs ?? 0) : 0

/** The knobs that shape the waits; milliseconds. */
export type BackoffOptions = Pick<EngineOptions, "retryBaseMs" | "throttleBaseMs" | "retryCapMs">

/** The knobs of the whole policy. */
export type RetryOptions = BackoffOptions & Pick<EngineOptions, "maxAttempts" | "retryWithinMs">

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
  const base = retryClass(error) === "throttle" ? options.throttleBaseMs : options.retryBaseMs
  const bound = Math.min(options.retryCapMs, base * 2 ** (attempt - 1))
  return Math.max(0, Math.min(remainingMs, Math.max(random * bound, retryAfterMs(error))))
}

/**
 * Whether another attempt follows. Not when the store asks for a longer wait than the time that remains:
 * an error now is worth more than the same error later.
 *
 * @param attempt the attempt that failed, from 1
 * @param failures how often this error's class failed so far, this time included; default `attempt`
 * @param elapsedMs since the first attempt began
 */
export const shouldRetry = (input: {
  readonly error: UploadError
  readonly attempt: number
  readonly failures?: number
  readonly elapsedMs: number
  readonly options: Pick<EngineOptions, "maxAttempts" | "retryWithinMs">
}): boolean => {
  const { error, attempt, failures = attempt, elapsedMs, options } = input
  const kind = retryClass(error)
  return (
    kind !== "never" &&
    attempt < options.maxAttempts &&
    failures < mostFailures[kind] &&
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

/**
 * Begins the count of one request's attempts and time. What it yields is asked after each failure for the
 * milliseconds to wait before the next attempt, or undefined when none follows. Time is the monotonic
 * clock's: a wall clock set back prolongs nothing.
 */
export const delayBefore = (
  options: RetryOptions
): Effect.Effect<(error: UploadError, attempt: number) => Effect.Effect<number | undefined>> =>
  Effect.map(Clock.monotonicTimeNanos, (start) => {
    const failures = new Map<RetryClass, number>()
    return Effect.fnUntraced(function* (error: UploadError, attempt: number) {
      const kind = retryClass(error)
      const failed = (failures.get(kind) ?? 0) + 1
      failures.set(kind, failed)
      const elapsedMs = Number((yield* Clock.monotonicTimeNanos) - start) / 1e6
      if (!shouldRetry({ error, attempt, failures: failed, elapsedMs, options })) return undefined
      const random = yield* Random.next
      return delayFor({ error, attempt, random, remainingMs: options.retryWithinMs - elapsedMs, options })
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
 * import { retrying } from "@sluice/core/RetryPolicy"
 *
 * const send = (store: ObjectStoreApi, part: UploadPart) =>
 *   retrying((attempt) => store.uploadPart({ ...part, attempt }), defaults)
 * ```
 */
export const retrying = Effect.fnUntraced(function* <A, R>(
  run: (attempt: number) => Effect.Effect<A, UploadError, R>,
  options: RetryOptions,
  { onRetry }: { readonly onRetry?: (retry: Retrying) => Effect.Effect<void> } = {}
): Effect.fn.Return<A, UploadError, R> {
  const backoff = yield* delayBefore(options)
  for (let attempt = 1; ; attempt++) {
    const outcome = yield* Effect.result(run(attempt))
    if (Result.isSuccess(outcome)) return outcome.success
    const error = outcome.failure
    const delayMs = yield* backoff(error, attempt)
    if (delayMs === undefined) return yield* error.retry === "persistent" ? error : persistent(error, attempt)
    if (onRetry !== undefined) yield* onRetry({ error, attempt, delayMs })
    yield* Effect.sleep(delayMs)
  }
})
