/**
 * Ends an attempt that shows no sign of life, or that takes too long.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Activity } from "../platform/exchange.ts"
import { type ErrorContext, type UploadError, uploadError } from "../UploadError.ts"

export interface WatchdogOptions {
  /** Silence that ends the attempt, in milliseconds. */
  readonly stallMs: number
  /** Longest attempt, in milliseconds. */
  readonly deadlineMs: number
  readonly context: ErrorContext
}

/** While our own limit holds the bytes back nothing runs out: the watchdog looks again now and then. */
const heldLookMs = 1_000

/**
 * Runs an attempt that reports signs of life through `touch`. `touch` only reads the clock: no effect a
 * chunk. The attempt is interrupted (and with it its socket, which is awaited) before `Stalled` is raised.
 *
 * The time in which our own bandwidth limit holds the bytes back is neither silence nor part of the attempt.
 */
export const watched = <A>(
  attempt: (touch: (activity?: Activity) => void) => Effect.Effect<A, UploadError>,
  { stallMs, deadlineMs, context }: WatchdogOptions
): Effect.Effect<A, UploadError> =>
  Effect.flatMap(Clock.Clock, (clock) => {
    const started = clock.currentTimeMillisUnsafe()
    let heldMs = 0
    let heldSince: number | undefined
    const elapsed = (): number => (heldSince ?? clock.currentTimeMillisUnsafe()) - started - heldMs
    let alive = 0
    const touch = (activity: Activity = "moved"): void => {
      const now = clock.currentTimeMillisUnsafe()
      if (activity === "held") heldSince ??= now
      if (activity === "freed" && heldSince !== undefined) {
        heldMs += now - heldSince
        heldSince = undefined
      }
      alive = elapsed()
    }
    const watch: Effect.Effect<never, UploadError> = Effect.gen(function* () {
      while (true) {
        const now = elapsed()
        if (now >= deadlineMs) {
          return yield* stalled(`an attempt took longer than ${deadlineMs} ms`, context)
        }
        if (now - alive >= stallMs) {
          return yield* stalled(`the store took and gave nothing for ${stallMs} ms`, context)
        }
        const left = Math.min(stallMs - (now - alive), deadlineMs - now)
        yield* Effect.sleep(heldSince === undefined ? left : Math.max(left, heldLookMs))
      }
    })
    return Effect.raceFirst(attempt(touch), watch)
  })

const stalled = (message: string, context: ErrorContext): UploadError =>
  uploadError({ _tag: "Stalled", message: `${message}; the attempt was ended` }, context)
