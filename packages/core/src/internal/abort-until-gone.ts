/**
 * Aborts a multipart upload until the store shows that nothing of it is left.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { UploadError } from "../UploadError.ts"

/** Rounds of abort and proof; a part that was in flight may land after an abort, and a store may be in trouble. */
const rounds = 6
const pauseMs = 200

type Outcome = "gone" | "left"

const gone = (error: UploadError): boolean => error.reason._tag === "NoSuchUpload"

/** What is asked of the store about one upload. */
export interface AbortCalls {
  readonly abort: Effect.Effect<void, UploadError>
  readonly listParts: Effect.Effect<unknown, UploadError>
}

/** How it ended; `error` is the last one, where one kept it from ending. */
export interface Aborted {
  readonly gone: boolean
  readonly error: UploadError | undefined
}

/** One round. NoSuchUpload of an abort is success: it says what we want to hear. */
const oneRound = ({ abort, listParts }: AbortCalls): Effect.Effect<Outcome, UploadError> =>
  Effect.andThen(
    Effect.catchIf(abort, gone, () => Effect.void),
    // Only NoSuchUpload from ListParts proves it: after an abort, parts may still be listed (S3's AbortMultipartUpload).
    listParts.pipe(
      Effect.as<Outcome>("left"),
      Effect.catchIf(gone, () => Effect.succeed<Outcome>("gone"))
    )
  )

/** Aborts until ListParts says NoSuchUpload. Never fails: what went wrong is in the answer. */
export const abortUntilGone = Effect.fnUntraced(function* (calls: AbortCalls): Effect.fn.Return<Aborted> {
  let error: UploadError | undefined
  for (let round = 0; round < rounds; round++) {
    if (round > 0) yield* Effect.sleep(pauseMs * 2 ** (round - 1))
    const outcome = yield* Effect.result(oneRound(calls))
    if (outcome._tag === "Success" && outcome.success === "gone") return { gone: true, error: undefined }
    if (outcome._tag === "Failure") {
      error = outcome.failure
      if (error.retry === "permanent") break
    }
  }
  return { gone: false, error }
})
