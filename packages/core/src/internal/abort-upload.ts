/**
 * Ends a multipart upload of a session and proves that nothing of it is left.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { abortUntilGone } from "./abort-until-gone.ts"
import { guardedAttempt, type SessionRun } from "./upload-run.ts"
import { warn } from "./warn.ts"

/**
 * Aborts until ListParts says NoSuchUpload. Uninterruptible; never fails, so that it cannot hide the error
 * that led here: what could not be ended is logged and stays in the journal, named.
 */
export const abortUpload = (run: SessionRun, uploadId: string): Effect.Effect<boolean> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const { bucket, key } = run.session()
      const { error, gone } = yield* abortUntilGone({
        abort: guardedAttempt(run, { operation: "AbortMultipartUpload" }, (touch) =>
          run.store.abortMultipartUpload({ key, uploadId, onActivity: touch })
        ),
        listParts: guardedAttempt(run, { operation: "ListParts" }, (touch) =>
          run.store.listParts({ key, uploadId, onActivity: touch })
        )
      })
      if (gone) {
        // Suspects have other ids than the session; one whose record was lost has none that this run knows.
        if ((run.session().uploadId ?? uploadId) === uploadId) yield* Effect.ignore(run.record({ uploadId: undefined }))
        return true
      }
      yield* Effect.ignore(run.record({ uploadId }))
      yield* warn(
        `the multipart upload ${uploadId} of s3://${bucket}/${key} could not be aborted and may still hold parts: ${error?.message ?? "parts stay listed"}`
      )
      return false
    })
  )
