/**
 * Ends a multipart upload and proves that nothing of it is left.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { UploadError } from "../UploadError.ts"
import { guardedAttempt, type SessionRun } from "./upload-run.ts"
import { warn } from "./warn.ts"

/** Rounds of abort and proof; a part that was in flight may land after an abort, and a store may be in trouble. */
const rounds = 6
const pauseMs = 200

type Outcome = "gone" | "left"

const gone = (error: UploadError): boolean => error.reason._tag === "NoSuchUpload"

/** One abort. NoSuchUpload is success: it says what we want to hear. */
const abortOnce = (run: SessionRun, uploadId: string): Effect.Effect<void, UploadError> =>
  guardedAttempt(run, { operation: "AbortMultipartUpload" }, (touch) =>
    run.store.abortMultipartUpload({ key: run.session().key, uploadId, onActivity: touch })
  ).pipe(Effect.catchIf(gone, () => Effect.void))

/** Only NoSuchUpload from ListParts proves it: after an abort, parts may still be listed (S3's AbortMultipartUpload). */
const proveGone = (run: SessionRun, uploadId: string): Effect.Effect<Outcome, UploadError> =>
  guardedAttempt(run, { operation: "ListParts" }, (touch) =>
    run.store.listParts({ key: run.session().key, uploadId, onActivity: touch })
  ).pipe(
    Effect.as<Outcome>("left"),
    Effect.catchIf(gone, () => Effect.succeed<Outcome>("gone"))
  )

/**
 * Aborts until ListParts says NoSuchUpload. Uninterruptible; never fails, so that it cannot hide the error
 * that led here: what could not be ended is logged and stays in the journal, named.
 */
export const abortUpload = (run: SessionRun, uploadId: string): Effect.Effect<boolean> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      let last: UploadError | undefined
      for (let round = 0; round < rounds; round++) {
        if (round > 0) yield* Effect.sleep(pauseMs * 2 ** (round - 1))
        const outcome = yield* Effect.result(Effect.andThen(abortOnce(run, uploadId), proveGone(run, uploadId)))
        if (outcome._tag === "Success" && outcome.success === "gone") {
          // Suspects have other ids than the session; one whose record was lost has none that this run knows.
          if ((run.session().uploadId ?? uploadId) === uploadId)
            yield* Effect.ignore(run.record({ uploadId: undefined }))
          return true
        }
        if (outcome._tag === "Failure") {
          last = outcome.failure
          if (last.retry === "permanent") break
        }
      }
      yield* Effect.ignore(run.record({ uploadId }))
      const { bucket, key } = run.session()
      yield* warn(
        `the multipart upload ${uploadId} of s3://${bucket}/${key} could not be aborted and may still hold parts: ${last?.message ?? "parts stay listed"}`
      )
      return false
    })
  )
