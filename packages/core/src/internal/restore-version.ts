/**
 * An older version made the newest again.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { EngineOptions } from "../Defaults.ts"
import type { JournalApi } from "../Journal.ts"
import { type ObjectStoreApi, uriOf } from "../ObjectStore.ts"
import type { ObjectsApi, ReadControl, RestoredObject, RestoreRequest } from "../Objects.ts"
import { invalidRequest, type UploadError } from "../UploadError.ts"
import { attributesOf, copyNear } from "./copy-near.ts"
import { makeReadProgress } from "./read-progress.ts"

interface RestoreEngine extends Pick<ObjectsApi, "head"> {
  readonly store: ObjectStoreApi
  readonly journal: JournalApi
  readonly options: EngineOptions
}

/** How S3 names what was written while the bucket kept no versions. */
const unversioned = "null"

/** See `Objects.restore`. What plugins made stays as they made it: the stored bytes are copied as they are. */
export const restoreVersion = Effect.fnUntraced(function* (
  { head, journal, options, store }: RestoreEngine,
  { key, versionId, ...sizes }: RestoreRequest,
  { onProgress }: ReadControl = {}
): Effect.fn.Return<RestoredObject, UploadError> {
  const { bucket, copyObject, uploadPartCopy } = store
  const at = { bucket, key }
  if (copyObject === undefined || uploadPartCopy === undefined) {
    return yield* invalidRequest("this store cannot copy, so that it can restore no version", at)
  }
  const progress = makeReadProgress(onProgress)
  const found = yield* head({ key, versionId }).pipe(
    // HEAD of a delete marker is 405 (API Reference, HeadObject).
    Effect.catchReason("UploadError", "InvalidRequest", () =>
      Effect.fail(
        invalidRequest(
          `"${versionId}" names no version that can be restored: it is a delete marker, or no version id at all`,
          at
        )
      )
    )
  )
  progress.expect(found.size)
  const newest = yield* Effect.catchReason(head({ key }), "UploadError", "NoSuchKey", () => Effect.succeed(undefined))
  if (newest !== undefined && (newest.versionId ?? unversioned) === versionId) {
    progress.ended()
    const { etag, size } = newest
    return {
      ...at,
      uri: uriOf(store, key),
      etag,
      size,
      versionId,
      proof: "source",
      from: versionId,
      written: false
    }
  }
  const { by: _, ...restored } = yield* copyNear(
    { store, journal, options },
    { copyObject, uploadPartCopy },
    {
      ...sizes,
      source: { bucket, key: `${store.folder ?? ""}${key}`, versionId, ifMatch: found.etag },
      head: found,
      to: { key, ...attributesOf(found), storageClass: found.storageClass },
      onCopied: progress.received
    }
  )
  progress.ended()
  return { ...restored, from: versionId, written: true }
})
