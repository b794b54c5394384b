import * as Effect from "effect/Effect"
import type { JournalApi } from "../Journal.ts"
import type { UploadError } from "../UploadError.ts"

/**
 * Runs `work` as the session's only writer. The lease is renewed three times in its life; a holder that
 * cannot renew is interrupted (its sockets first) and fails with the renewal's error.
 */
export const holdingLease = <A, R>(
  journal: JournalApi,
  sessionId: string,
  ttlMs: number,
  work: Effect.Effect<A, UploadError, R>
): Effect.Effect<A, UploadError, R> =>
  Effect.acquireUseRelease(
    journal.acquire(sessionId, ttlMs),
    (lease) => {
      const renewing: Effect.Effect<never, UploadError> = Effect.forever(
        Effect.andThen(Effect.sleep(ttlMs / 3), lease.renew)
      )
      return Effect.raceFirst(work, renewing)
    },
    (lease) => lease.release
  )
