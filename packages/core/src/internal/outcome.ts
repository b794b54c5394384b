/**
 * How an upload ended: for its last event, the journal and the metrics.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import { metrics } from "../Telemetry.ts"
import { isUploadError, type UploadError, uploadError } from "../UploadError.ts"

/** The error of an upload that failed, or that it was interrupted. */
export const outcomeOf = <A>(exit: Exit.Exit<A, UploadError>): UploadError | "cancelled" | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  if (Cause.hasInterruptsOnly(exit.cause)) return "cancelled"
  const squashed = Cause.squash(exit.cause)
  return isUploadError(squashed)
    ? squashed
    : uploadError(
        { _tag: "UnknownStoreError", code: "Defect", status: 0, message: String(squashed) },
        { cause: squashed }
      )
}

/** The session's last state, and the outcome that metrics count. */
export const endOf = <A>(exit: Exit.Exit<A, UploadError>): "completed" | "cancelled" | "failed" =>
  Exit.isSuccess(exit) ? "completed" : outcomeOf(exit) === "cancelled" ? "cancelled" : "failed"

/** Counts the upload and its time by outcome. */
export const measured = <A, R>(upload: Effect.Effect<A, UploadError, R>): Effect.Effect<A, UploadError, R> =>
  Effect.flatMap(Clock.currentTimeMillis, (started) =>
    Effect.onExit(
      upload,
      Effect.fnUntraced(function* (exit) {
        const outcome = endOf(exit)
        const seconds = ((yield* Clock.currentTimeMillis) - started) / 1_000
        yield* Metric.update(Metric.withAttributes(metrics.uploads, { outcome }), 1)
        yield* Metric.update(Metric.withAttributes(metrics.uploadDuration, { outcome }), seconds)
      })
    )
  )
