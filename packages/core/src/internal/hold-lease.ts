import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { JournalApi } from "../Journal.ts"
import { type UploadError, uploadError } from "../UploadError.ts"

/** The session's only writer, as long as it is not lost. */
export interface HeldLease {
  /** Why it is lost: another process may hold the session now, and nothing of it may be touched any more. */
  readonly lost: () => UploadError | undefined
  /** The work has ended and its end is about to be told: from now on losing the lease changes nothing about it. */
  readonly conclude: () => void
}

/** Sockets are closed this long before the lease ends: S3 does not check fences (DESIGN §8). In milliseconds. */
const marginOf = (ttlMs: number): number => Math.min(5_000, ttlMs / 6)

/** Pause before a renewal that failed is tried again, in milliseconds. */
const renewAgainMs = 1_000

/**
 * Runs `work` as the session's only writer.
 *
 * The lease is renewed three times in its life. A holder that cannot renew is interrupted (and with it its
 * sockets) before the lease ends, by the monotonic clock, and fails with the renewal's error. Somebody who
 * asks for the session through `requestStop` interrupts it as well.
 */
export const holdingLease = <A, R>(
  journal: JournalApi,
  sessionId: string,
  ttlMs: number,
  work: (lease: HeldLease) => Effect.Effect<A, UploadError, R>
): Effect.Effect<A, UploadError, R> =>
  // By the time at which it was asked for: the answer may have come late.
  Effect.flatMap(nowMs, (askedAt) =>
    Effect.acquireUseRelease(
      journal.acquire(sessionId, ttlMs),
      (lease) => {
        let lost: UploadError | undefined
        let concluded = false
        const held: HeldLease = {
          lost: () => lost,
          conclude: () => {
            concluded = true
          }
        }
        const deadlineOf = (renewedAt: number): number => renewedAt + ttlMs - marginOf(ttlMs)

        /** Until it is renewed, or until the lease may end. Answers with the time at which it was asked for. */
        const renew = Effect.fnUntraced(function* (deadline: number): Effect.fn.Return<number, UploadError> {
          let error: UploadError | undefined
          while (true) {
            const renewedAt = yield* nowMs
            const left = Math.max(0, deadline - renewedAt)
            const outcome = Option.getOrUndefined(yield* Effect.timeoutOption(Effect.result(lease.renew), left))
            if (outcome?._tag === "Success") return renewedAt
            if (concluded) return yield* Effect.never
            error = outcome?.failure ?? error ?? uploadError({ _tag: "JournalFailed", message: silent }, { sessionId })
            const over = outcome === undefined || (yield* nowMs) >= deadline
            if (over || error.retry === "permanent" || error.reason._tag === "SessionBusy") {
              lost = error
              return yield* error
            }
            yield* Effect.sleep(renewAgainMs)
          }
        })
        const renewing = Effect.fnUntraced(function* (began: number): Effect.fn.Return<never, UploadError> {
          let renewedAt = began
          while (true) {
            yield* Effect.sleep(Math.max(0, renewedAt + ttlMs / 3 - (yield* nowMs)))
            renewedAt = yield* renew(deadlineOf(renewedAt))
            // Who asks may wait; the next renewal may not.
            const stop = yield* Effect.timeoutOption(Effect.result(lease.stopRequested), ttlMs / 6)
            if (!concluded && Option.isSome(stop) && Result.getOrElse(stop.value, () => false)) {
              return yield* Effect.interrupt
            }
          }
        })
        return Effect.gen(function* () {
          const late = (yield* nowMs) >= deadlineOf(askedAt)
          const began = late ? yield* renew(deadlineOf(yield* nowMs)) : askedAt
          return yield* Effect.raceFirst(work(held), renewing(began))
        })
      },
      (lease) => lease.release
    )
  )

const nowMs = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

const silent = "the journal did not answer, so the session may be another's by now; resume it when the journal is back"
