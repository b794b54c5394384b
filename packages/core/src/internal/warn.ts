import type { Cause } from "effect/Cause"
import * as Effect from "effect/Effect"

/** Logs a warning. A logger is a guest: what it throws neither ends an upload nor keeps it from being ended. */
export const warn = (message: string, cause?: Cause<unknown>): Effect.Effect<void> =>
  Effect.catchCause(
    cause === undefined ? Effect.logWarning(message) : Effect.logWarning(message, cause),
    () => Effect.void
  )
