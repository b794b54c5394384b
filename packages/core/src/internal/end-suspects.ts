import * as Effect from "effect/Effect"
import type { JournalApi } from "../Journal.ts"
import type { UploadError } from "../UploadError.ts"
import { abortUpload } from "./abort-upload.ts"
import { attempting, type SessionRun } from "./upload-run.ts"

/** How many parts an upload has on its first page, or undefined where it is gone. */
const partsOf = (run: SessionRun, uploadId: string): Effect.Effect<number | undefined, UploadError> =>
  attempting(run, { operation: "ListParts" }, (_, touch) =>
    run.store.listParts({ key: run.session().key, uploadId, onActivity: touch })
  ).pipe(
    Effect.map(({ parts }) => parts.length),
    Effect.catchReason("UploadError", "NoSuchUpload", () => Effect.succeed(undefined))
  )

/**
 * Ends uploads that a lost answer to Create may have left. Nothing proves that they are ours, so only those end
 * that are empty still and that no other session names. One that the store does not end stays in the record.
 */
export const endSuspects = Effect.fnUntraced(function* (
  run: SessionRun,
  journal: JournalApi
): Effect.fn.Return<void, UploadError> {
  const { bucket, key, sessionId, suspects } = run.session()
  if (suspects.length === 0) return
  // Its failure is told by the list of suspects, not by the session's own upload.
  const beside: SessionRun = { ...run, record: () => Effect.void }
  const left: Array<string> = []
  for (const suspect of suspects) {
    const others = (yield* journal.listByKey(bucket, key)).filter((session) => session.sessionId !== sessionId)
    if (others.some(({ uploadId }) => uploadId === suspect)) continue
    // Somebody else's, if it holds bytes: ours never got a part. And what is gone is gone.
    if ((yield* partsOf(run, suspect)) !== 0) continue
    if (!(yield* abortUpload(beside, suspect))) left.push(suspect)
  }
  // Unchanged, it stays as old as it is.
  if (left.length < suspects.length) yield* run.record({ suspects: left })
})
