/**
 * Ends an attempt that shows no sign of life, or that takes too long.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type ErrorContext, type UploadError, uploadError } from "../UploadError.ts"

export interface WatchdogOptions {
  /** Silence that ends the attempt, in milliseconds. */
  readonly stallMs: number
  /** Longest attempt, in milliseconds. */
  readonly deadlineMs: number
  readonly context: ErrorContext
}

/**
 * Runs an attempt that reports signs of life through `touch`. `touch` only reads the clock: no effect a
 * chunk. The attempt is interrupted (and with it its socket, which is awaited) before `Stalled` is raised.
 */
export const watched = <A>(
  attempt: (touch: () => void) => Effect.Effect<A, UploadError>,
  { stallMs, deadlineMs, context }: WatchdogOptions
): Effect.Effect<A, UploadError> =>
  Effect.flatMap(Clock.Clock, (clock) => {
    const started = clock.currentTimeMillisUnsafe()
    let alive = started
    const touch = (): void => {
      alive = clock.currentTimeMillisUnsafe()
    }
    const watch: Effect.Effect<never, UploadError> = Effect.gen(function* () {
      while (true) {
        const now = clock.currentTimeMillisUnsafe()
        if (now - started >= deadlineMs) {
          return yield* stalled(`an attempt took longer than ${deadlineMs} ms`, context)
        }
        if (now - alive >= stallMs) {
          return yield* stalled(`the store took and gave nothing for ${stallMs} ms`, context)
        }
        yield* Effect.sleep(Math.min(stallMs - (now - alive), deadlineMs - (now - started)))
      }
    })
    return Effect.raceFirst(attempt(touch), watch)
  })

const stalled = (message: string, context: ErrorContext): UploadError =>
  uploadError({ _tag: "Stalled", message: `${message}; the attempt was ended` }, context)
