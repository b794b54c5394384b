import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { type UploadError, uploadError } from "../UploadError.ts"
import { abortUpload } from "./abort-upload.ts"
import type { Engine } from "./engine.ts"
import { holdingLease } from "./hold-lease.ts"
import { sessionRun } from "./session-run.ts"
import { ownWay } from "./store-ways.ts"
import { contextOf } from "./upload-run.ts"

/** Pause between two tries for a lease that somebody holds, in milliseconds. */
const askAgainMs = 500

/**
 * Ends an upload for good, whether it runs here, elsewhere or not at all: what is in flight is awaited, the
 * multipart upload aborted and proven gone, the session forgotten. An object that a lost
 * Complete made stands. See `UploaderApi.cancel`.
 */
export const cancelUpload = Effect.fnUntraced(function* <R>(
  engine: Engine<R>,
  sessionId: string
): Effect.fn.Return<void, UploadError> {
  const { journal, options } = engine
  const here = engine.running.get(sessionId)
  if (here !== undefined) return yield* here.cancel

  const end = holdingLease(
    journal,
    sessionId,
    options.leaseMs,
    Effect.fnUntraced(function* () {
      const session = yield* journal.get(sessionId)
      const run = sessionRun({ ...engine, store: yield* ownWay(engine.store, session) }, session)
      const { suspects, uploadId } = run.session()
      // Named as ended first: should this process die now, the Janitor goes on.
      yield* run.record({ state: "cancelled" })
      const gone = uploadId === undefined || (yield* abortUpload(run, uploadId))
      if (!gone) {
        return yield* uploadError(
          {
            _tag: "Unavailable",
            message: "the store did not show that the upload is gone; the journal still names it, cancel it again"
          },
          { ...contextOf(run), retry: "persistent" }
        )
      }
      if (suspects.length === 0) yield* journal.delete(sessionId)
    })
  )
  // A holder elsewhere lets go at its next renewal.
  yield* journal.requestStop(sessionId)
  yield* end.pipe(
    Effect.retry({
      while: (error) => error.reason._tag === "SessionBusy",
      times: Math.ceil((2 * options.leaseMs) / askAgainMs),
      schedule: Schedule.spaced(askAgainMs)
    })
  )
})
