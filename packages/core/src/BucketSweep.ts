/**
 * Ends old multipart uploads of a whole bucket, whoever began them. The Janitor ends only what its journal names; this
 * ends what no journal names as well, so it is asked for by name and only tells what it would do unless told otherwise.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { Bucket } from "./Bucket.ts"
import { type EngineOptions, engineOptions } from "./Defaults.ts"
import { abortUntilGone } from "./internal/abort-until-gone.ts"
import { guardedCall } from "./internal/guarded-call.ts"
import { Journal, type JournalApi } from "./Journal.ts"
import { type ListedUpload, ObjectStore, type ObjectStoreApi, type UploadsMarker } from "./ObjectStore.ts"
import type { Session } from "./Session.ts"
import { traced } from "./Telemetry.ts"
import { invalidRequest, type UploadError } from "./UploadError.ts"

/** Uploads that are looked at, and ended, at a time. */
const concurrency = 4

/**
 * What became of an upload.
 *
 * - `young`: younger than asked for by the store's clock, or of an age that the store does not tell; nothing was done.
 * - `live`: the journal has an open session for it; nothing was done.
 * - `old`: would have been ended, had this been no dry run.
 * - `ended`: aborted, and ListParts says that nothing is left.
 * - `left`: the store or the journal refused; its `error` says why.
 */
export type BucketSweepOutcome = "young" | "live" | "old" | "ended" | "left"

/** One open upload of the bucket. */
export interface SweptUpload extends ListedUpload {
  readonly outcome: BucketSweepOutcome
  readonly error?: UploadError | undefined
}

export interface BucketSweepOptions extends Partial<EngineOptions> {
  /** Uploads that began so long ago, by the store's clock, are ended. In milliseconds. */
  readonly olderThanMs: number
  /** Of keys that begin so. Default: of all. */
  readonly prefix?: string | undefined
  /** Tells, and ends nothing. Default true. */
  readonly dryRun?: boolean | undefined
  /** Told of every upload below the prefix as it is dealt with. */
  readonly onUpload?: ((upload: SweptUpload) => void) | undefined
}

export interface BucketSweepReport {
  /** The store's time, which the ages are counted to. */
  readonly now: Date
  readonly dryRun: boolean
  /** How many of each outcome. */
  readonly counts: Readonly<Record<BucketSweepOutcome, number>>
  /**
   * The store lists uploads by whole keys only (MinIO): asked for all, it answers with those that the node asked knows,
   * so others may be open. MinIO itself ends them a day after their last part.
   */
  readonly listsWholeKeysOnly: boolean
}

const isOpen = ({ state }: Session): boolean => state === "created" || state === "uploading" || state === "completing"

/** Whether an open session may need the upload: it names it, or it has not heard the answer to its Create yet. */
const needs = (session: Session, uploadId: string): boolean =>
  isOpen(session) && (session.uploadId === undefined || session.uploadId === uploadId)

interface Sweeping {
  readonly store: ObjectStoreApi
  readonly journal: JournalApi
  readonly options: EngineOptions
  readonly dryRun: boolean
  /** Uploads that began before are old. In milliseconds since the epoch, by the store's clock. */
  readonly oldBefore: number
}

const endUpload = ({ options, store }: Sweeping, { key, uploadId }: ListedUpload) =>
  // One that is begun is seen to its end: an abort without its proof proves nothing.
  Effect.uninterruptible(
    abortUntilGone({
      abort: guardedCall(options, "AbortMultipartUpload", store.abortMultipartUpload({ key, uploadId })),
      listParts: guardedCall(options, "ListParts", store.listParts({ key, uploadId }))
    })
  )

/** The journal is asked when the upload's turn comes, not once for all: a sweep of a large bucket takes hours. */
const sweepOne = Effect.fnUntraced(
  function* (sweeping: Sweeping, upload: ListedUpload): Effect.fn.Return<SweptUpload, UploadError> {
    const { dryRun, journal, oldBefore, store } = sweeping
    const { initiated, key, uploadId } = upload
    if (initiated === undefined || initiated.getTime() >= oldBefore) return { ...upload, outcome: "young" }
    const sessions = yield* journal.listByKey(store.bucket, key)
    if (sessions.some((session) => needs(session, uploadId))) return { ...upload, outcome: "live" }
    if (dryRun) return { ...upload, outcome: "old" }
    const { error, gone } = yield* endUpload(sweeping, upload)
    return { ...upload, outcome: gone ? "ended" : "left", ...(error === undefined ? {} : { error }) }
  },
  (effect, _, upload) => Effect.catch(effect, (error) => Effect.succeed({ ...upload, outcome: "left" as const, error }))
)

/**
 * Looks at every open multipart upload below `prefix` and ends the old ones that no open session of the journal needs.
 * It keeps nothing between runs: killed anywhere, the next run goes on with what is still listed. Sessions of another
 * journal are not known to it, so `olderThanMs` must be longer than any upload that may still be running elsewhere.
 *
 * Fails when the bucket cannot be listed or does not tell its time. What goes wrong with one upload is in its outcome.
 *
 * ```ts
 * import { sweepBucket } from "@sluice/core/BucketSweep"
 * import * as FileJournal from "@sluice/core/FileJournal"
 * import * as S3Bucket from "@sluice/core/s3/S3Bucket"
 * import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
 * import * as Effect from "effect/Effect"
 *
 * const at = { bucket: "media" }
 * const program = sweepBucket({ prefix: "incoming/", olderThanMs: 24 * 3_600_000, dryRun: false }).pipe(
 *   Effect.provide([S3ObjectStore.layer(at), S3Bucket.layer(at), FileJournal.layer("/var/lib/sluice/journal")])
 * )
 * ```
 */
export const sweepBucket = Effect.fn("BucketSweep.sweepBucket")(function* ({
  dryRun = true,
  olderThanMs,
  onUpload,
  prefix = "",
  ...given
}: BucketSweepOptions): Effect.fn.Return<BucketSweepReport, UploadError, ObjectStore | Journal | Bucket> {
  if (!(Number.isSafeInteger(olderThanMs) && olderThanMs >= 0)) {
    return yield* invalidRequest(
      `olderThanMs must be a whole number of milliseconds from 0 on, not ${String(olderThanMs)}`
    )
  }
  const options = yield* Effect.fromResult(engineOptions(given))
  const store = traced(yield* ObjectStore)
  const { date: now, server = "" } = yield* guardedCall(options, "HeadBucket", (yield* Bucket).about)
  const listsWholeKeysOnly = store.capabilities.provider === "minio" || /minio/i.test(server)
  const oldBefore = now.getTime() - olderThanMs
  const sweeping: Sweeping = { store, journal: yield* Journal, options, dryRun, oldBefore }
  const counts = { young: 0, live: 0, old: 0, ended: 0, left: 0 }

  let after: UploadsMarker | undefined
  do {
    const page = yield* guardedCall(
      options,
      "ListMultipartUploads",
      store.listMultipartUploads({ prefix: listsWholeKeysOnly ? "" : prefix, after })
    )
    const below = page.uploads.filter(({ key }) => key.startsWith(prefix))
    yield* Effect.forEach(
      below,
      (upload) =>
        Effect.map(sweepOne(sweeping, upload), (swept) => {
          counts[swept.outcome]++
          onUpload?.(swept)
        }),
      { concurrency, discard: true }
    )
    // Markers are places in the order of keys: what has been ended meanwhile moves none.
    after = page.next
  } while (after !== undefined)
  return { now, dryRun, counts, listsWholeKeysOnly }
})
