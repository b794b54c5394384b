/**
 * A multipart upload: create or take up again, parts in flight, gate, complete; or nothing left.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { missingParts, type PartReceipt, sortReceipts } from "../Part.ts"
import type { SourceReader } from "../Source.ts"
import { isUploadError, type UploadError, uploadError } from "../UploadError.ts"
import { abortUpload } from "./abort-upload.ts"
import {
  completionUnknown,
  contradiction,
  type Expected,
  expectedOf,
  finishObject,
  lookForOurs,
  mayHaveBeenApplied,
  mayNotLook,
  showsChecksum
} from "./complete.ts"
import { createUpload } from "./create-upload.ts"
import type { FilledPart } from "./fill-part.ts"
import { allReceipts, type KnownParts, knownParts } from "./known-parts.ts"
import { openSource } from "./open-source.ts"
import { wholeChecksum } from "./other-checksum.ts"
import type { PartMemory } from "./part-memory.ts"
import type { Finished } from "./run-single.ts"
import { sendParts } from "./send-parts.ts"
import { contextOf, guardedAttempt, onRetry, type UploadRun } from "./upload-run.ts"

/** The end of an upload whose Complete may have been applied without our hearing of it. */
interface Completion {
  /** Set when Complete is about to be sent. */
  expected: Expected | undefined
  /** Its answer, or one before, was lost. */
  lost: boolean
}

const finishedBy = (
  run: UploadRun,
  written: Finished["written"],
  expected: Expected,
  receipts: ReadonlyArray<PartReceipt>
): Effect.Effect<Finished, UploadError> => {
  const wrong = contradiction(expected, written)
  return wrong === undefined
    ? Effect.succeed({
        written,
        expected,
        parts: receipts.length,
        proven: showsChecksum(expected, written) || receipts.every(({ stored }) => stored.confirmed)
      })
    : Effect.fail(
        uploadError(
          { _tag: "ChecksumMismatch", message: wrong, stored: true },
          contextOf(run, "CompleteMultipartUpload")
        )
      )
}

const complete = Effect.fnUntraced(function* (
  run: UploadRun,
  uploadId: string,
  receipts: ReadonlyArray<PartReceipt>,
  completion: Completion
): Effect.fn.Return<Finished, UploadError> {
  const missing = missingParts(receipts, receipts.length)
  if (missing.length > 0) return yield* uploadError({ _tag: "MissingParts", partNumbers: missing }, contextOf(run))
  const otherChecksum = wholeChecksum(run, receipts)
  const expected = { ...expectedOf(run, receipts), checksum: otherChecksum }
  yield* run.hooks.finish(receipts)
  yield* run.record({ state: "completing", undelivered: run.hooks.deliveries.map(({ hook }) => hook.name) })
  run.bus.publish({ _tag: "Completing" })

  completion.expected = expected
  const { key, checksum, condition } = run.session()
  const call = { operation: "CompleteMultipartUpload", stallMs: run.options.completeIdleTimeoutMs }
  const written = yield* finishObject(run, call, expected, uploadId, () =>
    guardedAttempt(run, call, (touch) =>
      run.store.completeMultipartUpload({
        key,
        uploadId,
        ...condition,
        checksum,
        crc32: expected.crc32,
        otherChecksum,
        size: expected.size,
        parts: receipts.map(({ partNumber, stored }) => ({ partNumber, ...stored })),
        onActivity: touch
      })
    ).pipe(
      Effect.tapError((error) =>
        Effect.sync(() => {
          completion.lost = completion.lost || mayHaveBeenApplied(error)
        })
      )
    )
  )
  return yield* finishedBy(run, written, expected, receipts)
})

/**
 * The multipart upload of an earlier run is gone. If its Complete may have been applied, the journal's receipts
 * say what the object must be: it is looked up, never guessed.
 */
const lookWithoutUpload = Effect.fnUntraced(function* (
  run: UploadRun,
  gone: UploadError
): Effect.fn.Return<Finished, UploadError> {
  if (!run.mayBeCompleted) return yield* gone
  const receipts = sortReceipts((yield* allReceipts(run.journal, run.session().sessionId)).values())
  const expected = { ...expectedOf(run, receipts), checksum: wholeChecksum(run, receipts) }
  const found = yield* Effect.result(lookForOurs(run, expected))
  if (found._tag === "Success" && found.success !== undefined) {
    return yield* finishedBy(run, found.success, expected, receipts)
  }
  return yield* completionUnknown(
    run,
    found._tag === "Success" ? "the multipart upload is gone without our object at the key" : mayNotLook(found.failure)
  )
})

/** After this, the object may be in the store: aborting could destroy what was completed. */
const stands = (error: UploadError): boolean =>
  error.reason._tag === "CompletionUnknown" ||
  (error.reason._tag === "ChecksumMismatch" && error.reason.stored === true)

/** The source from its start, and what was read of it already. */
export interface OpenedSource {
  readonly reader: SourceReader
  readonly first: FilledPart | undefined
}

/**
 * Uploads the source in parts, or those that an earlier run did not store. On any other end than success, what is
 * in flight is awaited; then the upload is kept for resume, as the policy says, or aborted.
 */
export const runMultipart = (
  run: UploadRun,
  memory: PartMemory,
  { reader, first }: OpenedSource
): Effect.Effect<Finished, UploadError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { layout, size, uploadId: earlier } = run.session()
      const uploadId = earlier ?? (yield* createUpload(run, restore))
      run.bus.publish({ _tag: "UploadStarted", mode: "multipart", size, partSize: layout.partSize, uploadId })
      const completion: Completion = { expected: undefined, lost: run.mayBeCompleted }

      const transfer = (opened: OpenedSource, known: KnownParts | undefined): Effect.Effect<Finished, UploadError> =>
        Effect.gen(function* () {
          const receipts = yield* sendParts(run, memory, { ...opened, uploadId, size, known })
          yield* run.source.unchanged ?? Effect.void
          return yield* complete(run, uploadId, receipts, completion)
        })

      /** Complete found parts that are not ours: what differs is sent again, once. */
      const repair = (conflict: UploadError): Effect.Effect<Finished, UploadError, Scope.Scope> =>
        run.source.replayable
          ? Effect.gen(function* () {
              yield* onRetry(run, { operation: "CompleteMultipartUpload" }, conflict, 1, 0)
              const known = yield* knownParts(run, uploadId)
              const reader = yield* openSource(run.source, run.hooks, run.options.hookTimeoutMs)
              return yield* transfer({ reader, first: undefined }, known)
            })
          : Effect.fail(conflict)

      const work = Effect.gen(function* () {
        const known = earlier === undefined ? undefined : yield* Effect.result(knownParts(run, uploadId))
        if (known?._tag === "Failure") {
          const { failure } = known
          if (failure.reason._tag === "NoSuchUpload") return yield* lookWithoutUpload(run, failure)
          return yield* run.mayBeCompleted ? completionUnknown(run, mayNotLook(failure), { cause: failure }) : failure
        }
        return yield* transfer({ reader, first }, known?.success).pipe(
          Effect.catchIf(
            (error) => error.reason._tag === "PartConflict",
            (conflict) => Effect.scoped(repair(conflict))
          )
        )
      })

      const exit = yield* Effect.exit(restore(work))
      if (Exit.isSuccess(exit) || run.keeps(exit)) return yield* exit
      const failure = Exit.findErrorOption(exit)
      if (failure._tag === "Some" && isUploadError(failure.value) && stands(failure.value)) return yield* exit
      yield* abortUpload(run, uploadId)
      // A Complete that was still at work when its answer was lost may have won against the abort.
      if (completion.lost && completion.expected !== undefined) {
        const { expected } = completion
        const found = yield* Effect.result(lookForOurs(run, expected))
        if (found._tag === "Success" && found.success !== undefined) {
          const receipts = [...(yield* allReceipts(run.journal, run.session().sessionId)).values()]
          return yield* finishedBy(run, found.success, expected, receipts)
        }
      }
      return yield* exit
    })
  )
