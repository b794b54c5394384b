/**
 * CreateMultipartUpload, which is not idempotent: what a lost answer may have left is named in the journal.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { JournalApi } from "../Journal.ts"
import type { ListedUpload, UploadsMarker } from "../ObjectStore.ts"
import type { UploadError } from "../UploadError.ts"
import { abortUpload } from "./abort-upload.ts"
import { mayHaveBeenApplied } from "./complete.ts"
import { checkCreatedEncryption } from "./encryption-echo.ts"
import { attempting, guardedAttempt, retried, type SessionRun, type UploadRun } from "./upload-run.ts"
import { warn } from "./warn.ts"

/** How long an interruption waits for a Create in flight, so that its upload can be aborted. */
const createGraceMs = 3_000

/** How long is looked for an upload whose id nobody heard. */
const lookGraceMs = 1_000

/** The store's clock and ours may differ so much before SigV4 refuses (Amazon S3 API Reference, "RequestTimeTooSkewed"). */
const clockSkewMs = 15 * 60_000

/** What it takes to create an upload. */
export type CreateRun = SessionRun & Pick<UploadRun, "journal" | "resumed">

/** Open multipart uploads of exactly this key. */
export const uploadsOfKey = Effect.fnUntraced(function* (
  run: SessionRun
): Effect.fn.Return<ReadonlyArray<ListedUpload>, UploadError> {
  const { key } = run.session()
  const found: Array<ListedUpload> = []
  let after: UploadsMarker | undefined
  do {
    const marker = after
    const page = yield* attempting(run, { operation: "ListMultipartUploads" }, (_, touch) =>
      run.store.listMultipartUploads({ prefix: key, after: marker, onActivity: touch })
    )
    found.push(...page.uploads.filter((upload) => upload.key === key))
    // Sorted by key: behind the exact one come only longer ones.
    after = page.uploads.some((upload) => upload.key !== key) ? undefined : page.next
  } while (after !== undefined)
  return found
})

/**
 * What a Create without an answer may have left: uploads of this key that began since the session did and that no
 * session knows.
 */
export const findSuspects = Effect.fnUntraced(function* (
  run: SessionRun,
  journal: JournalApi,
  ours?: string
): Effect.fn.Return<ReadonlyArray<ListedUpload>, UploadError> {
  const { bucket, createdAt, key } = run.session()
  const sessions = yield* journal.listByKey(bucket, key)
  const known = new Set([ours, ...sessions.flatMap(({ uploadId, suspects }) => [uploadId, ...suspects])])
  return (yield* uploadsOfKey(run))
    .filter(({ initiated }) => initiated === undefined || initiated.getTime() >= createdAt - clockSkewMs)
    .filter(({ uploadId }) => !known.has(uploadId))
})

/** What is left by a Create without an answer, as far as it shows in a moment. Never fails: it is beside the upload. */
const lookForSuspects = (run: CreateRun, ours: string | undefined): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const { bucket, key } = run.session()
    const suspects = (yield* findSuspects(run, run.journal, ours)).map(({ uploadId }) => uploadId)
    if (suspects.length > 0) {
      yield* warn(
        `CreateMultipartUpload for s3://${bucket}/${key} was answered late or not at all and may have left ${suspects.join(", ")}; the Janitor ends what stays empty`
      )
    }
    return suspects
  }).pipe(
    Effect.catch((error) => Effect.as(notSeen(error), [])),
    Effect.timeoutOption(lookGraceMs),
    Effect.map(Option.getOrElse((): ReadonlyArray<string> => []))
  )

const notSeen = (error: UploadError): Effect.Effect<void> =>
  warn(`whether a lost CreateMultipartUpload left an upload could not be seen: ${error.message}`)

/**
 * Names suspects in the journal. Whose they are cannot be proven, and empty ones cost nothing, so the
 * Janitor ends them by age and only if they are empty still (`docs/decisions/0032`).
 */
const nameSuspects = (run: CreateRun): Effect.Effect<void> =>
  Effect.flatMap(lookForSuspects(run, undefined), (suspects) =>
    suspects.length === 0
      ? Effect.void
      : Effect.catch(run.record({ suspects: [...run.session().suspects, ...suspects] }), notSeen)
  )

/** What makes a part of an uninterruptible effect interruptible again. */
export type Restore = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>

/**
 * Creates the upload. An interruption lets the request in flight finish first: an upload whose id nobody
 * has heard could not be aborted. Once it is heard, nothing comes between it and the caller.
 */
export const createUpload = (run: CreateRun, restore: Restore): Effect.Effect<string, UploadError> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const { attributes, checksum, checksumAlgorithm, key } = run.session()
      // An earlier run may have died between the store's answer and its record.
      let unheard = run.resumed
      const call = { operation: "CreateMultipartUpload", stalls: { count: 0 } }
      const request = retried(run, call, () =>
        guardedAttempt(run, call, (touch) =>
          run.store.createMultipartUpload({ key, ...attributes, checksum, checksumAlgorithm, onActivity: touch })
        ).pipe(
          // Outside of the watchdog: what it ends in silence may have been applied as well.
          Effect.tapError((error) =>
            Effect.sync(() => {
              unheard = unheard || mayHaveBeenApplied(error)
            })
          )
        )
      )
      const fiber = yield* Effect.forkDetach(Effect.interruptible(request))
      const created = yield* restore(Fiber.join(fiber)).pipe(
        Effect.onInterrupt(() =>
          Effect.gen(function* () {
            const late = yield* Effect.timeoutOption(Fiber.join(fiber).pipe(Effect.option), createGraceMs)
            if (late._tag === "Some" && late.value._tag === "Some") yield* abortUpload(run, late.value.value.uploadId)
            yield* Fiber.interrupt(fiber)
            if (late._tag === "None" || unheard) yield* nameSuspects(run)
          })
        ),
        Effect.onError(() => (unheard ? nameSuspects(run) : Effect.void))
      )
      const suspects = unheard ? yield* lookForSuspects(run, created.uploadId) : []
      // In one record with the upload's id: with that one alone, a run after a kill would look for nothing.
      const named = { suspects: [...run.session().suspects, ...suspects] }
      yield* run.record({ uploadId: created.uploadId, state: "uploading", mode: "multipart", ...named }).pipe(
        Effect.andThen(restore(checkCreatedEncryption(run, created.uploadId, created.encryption))),
        Effect.onError(() => abortUpload(run, created.uploadId))
      )
      return created.uploadId
    })
  )
