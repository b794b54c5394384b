/**
 * When a failed request is tried again, and after how long. One layer retries: this one.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { EngineOptions } from "./Defaults.ts"
import { persistent, type UploadError } from "./UploadError.ts"

/** The knobs of the policy. Times in milliseconds. */
export type RetryOptions = Pick<
  EngineOptions,
  "maxAttempts" | "retryWithinMs" | "retryBaseMs" | "throttleBaseMs" | "retryCapMs"
>

/** A part that arrives damaged this often is damaged at the source or on purpose. */
export const integrityAttempts = 3

const retryAfterOf = ({ reason }: UploadError): number =>
  reason._tag === "Throttled" || reason._tag === "Unavailable" ? (reason.retryAfterMs ?? 0) : 0

/** Whether attempt number `attempt` (from 1) of a request, failed with `error`, may be followed by another. */
export const shouldRetry = (input: {
  readonly error: UploadError
  readonly attempt: number
  /** Since the first attempt began. */
  readonly elapsedMs: number
  readonly options: RetryOptions
}): boolean => {
  const { error, attempt, elapsedMs, options } = input
  if (error.retry !== "temporary") return false
  if (error.reason._tag === "ChecksumMismatch" && attempt >= integrityAttempts) return false
  return attempt < options.maxAttempts && elapsedMs < options.retryWithinMs
}

/**
 * Wait before the attempt after `attempt`: full jitter over a doubling, capped backoff, and never less
 * than the store's Retry-After. `random` is 0 … 1.
 */
export const delayFor = (input: {
  readonly error: UploadError
  readonly attempt: number
  readonly random: number
  readonly options: RetryOptions
}): number => {
  const { error, attempt, random, options } = input
  const base = error.reason._tag === "Throttled" ? options.throttleBaseMs : options.retryBaseMs
  const backoff = Math.min(options.retryCapMs, base * 2 ** (attempt - 1))
  const asked = retryAfterOf(error)
  // Jitter above Retry-After too: everybody was told the same second.
  return asked > 0 ? asked + random * Math.min(backoff, asked) : random * backoff
}

/**
 * Starts the clock of one request. The answer says, after each failed attempt, how many milliseconds to
 * wait before the next, or `undefined` when there is none.
 */
export const delayBefore = (
  options: RetryOptions
): Effect.Effect<(error: UploadError, attempt: number) => Effect.Effect<number | undefined>> =>
  Effect.map(Clock.currentTimeMillis, (started) =>
    Effect.fnUntraced(function* (error, attempt) {
      const elapsedMs = (yield* Clock.currentTimeMillis) - started
      if (!shouldRetry({ error, attempt, elapsedMs, options })) return undefined
      const delayMs = delayFor({ error, attempt, random: yield* Random.next, options })
      // A wait beyond the time that is left would only delay the bad news.
      return elapsedMs + delayMs > options.retryWithinMs ? undefined : delayMs
    })
  )

/** What happens between two attempts. */
export interface Retry {
  readonly error: UploadError
  readonly attempt: number
  readonly delayMs: number
}

/** Runs attempts until one succeeds or none may follow; the last error is then `persistent` and counts them. */
export const retrying = Effect.fnUntraced(function* <A>(
  run: (attempt: number) => Effect.Effect<A, UploadError>,
  options: RetryOptions,
  hooks: { readonly onRetry: (retry: Retry) => Effect.Effect<void> }
): Effect.fn.Return<A, UploadError> {
  const backoff = yield* delayBefore(options)
  for (let attempt = 1; ; attempt++) {
    const outcome = yield* Effect.result(run(attempt))
    if (outcome._tag === "Success") return outcome.success
    const error = outcome.failure
    const delayMs = yield* backoff(error, attempt)
    if (delayMs === undefined) return yield* persistent(error, attempt)
    yield* hooks.onRetry({ error, attempt, delayMs })
    yield* Effect.sleep(delayMs)
  }
})
