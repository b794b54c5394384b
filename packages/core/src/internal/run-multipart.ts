/**
 * A multipart upload: create, parts in flight, gate, complete; or nothing left.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { combineCrc32 } from "../Checksum.ts"
import { missingParts, type PartReceipt, sortReceipts, storedSize } from "../Part.ts"
import type { SourceReader } from "../Source.ts"
import { isUploadError, type UploadError, uploadError } from "../UploadError.ts"
import { partAt } from "../UploadPlan.ts"
import { abortUpload } from "./abort-upload.ts"
import { contradiction, type Expected, expectedEtag, finishObject } from "./complete.ts"
import { checkCreatedEncryption } from "./encryption-echo.ts"
import type { FilledPart } from "./fill-part.ts"
import type { PartMemory } from "./part-memory.ts"
import type { Finished } from "./run-single.ts"
import { sealPart, sendPart } from "./send-part.ts"
import { slabsFor } from "./slab-pool.ts"
import { attempting, contextOf, guardedAttempt, type UploadRun } from "./upload-run.ts"

/** How long an interruption waits for a Create in flight, so that its upload can be aborted. */
const createGraceMs = 3_000

/**
 * Creates the upload. An interruption lets the request in flight finish first: an upload whose id nobody
 * has heard could not be aborted.
 */
const createUpload = (run: UploadRun): Effect.Effect<string, UploadError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { attributes, checksum, key } = run.session()
      const fiber = yield* Effect.forkDetach(
        Effect.interruptible(
          attempting(run, { operation: "CreateMultipartUpload" }, (_, touch) =>
            run.store.createMultipartUpload({ key, ...attributes, checksum, onActivity: touch })
          )
        )
      )
      const created = yield* restore(Fiber.join(fiber)).pipe(
        Effect.onInterrupt(() =>
          Effect.gen(function* () {
            const late = yield* Effect.timeoutOption(Fiber.join(fiber).pipe(Effect.option), createGraceMs)
            if (late._tag === "Some" && late.value._tag === "Some") yield* abortUpload(run, late.value.value.uploadId)
            yield* Fiber.interrupt(fiber)
          })
        )
      )
      yield* run.record({ uploadId: created.uploadId, state: "uploading" }).pipe(
        Effect.andThen(checkCreatedEncryption(run, created.uploadId, created.encryption)),
        Effect.onError(() => abortUpload(run, created.uploadId))
      )
      return created.uploadId
    })
  )

/** A stream that is longer than its caller promised was planned for another length: it ends here. */
export const withinMaxSize = (run: UploadRun, bytes: number): Effect.Effect<void, UploadError> =>
  run.maxSize === undefined || bytes <= run.maxSize
    ? Effect.void
    : Effect.fail(
        uploadError(
          { _tag: "TooLarge", message: `the stream is longer than maxSize, ${run.maxSize} bytes; raise it` },
          contextOf(run)
        )
      )

/** What is sent next: its bytes, or the end of the source. */
const nextPart = Effect.fnUntraced(function* (
  run: UploadRun,
  memory: PartMemory,
  reader: SourceReader,
  partNumber: number,
  size: number | undefined
): Effect.fn.Return<FilledPart, UploadError> {
  const { layout } = run.session()
  const at = partAt(layout, partNumber)
  const { maxParts } = run.store.capabilities.limits
  const tooMany = partNumber > maxParts || (layout._tag === "Doubling" && at.size > layout.maxPartSize)
  const wanted = size === undefined ? at.size : Math.min(at.size, size - at.offset)
  // Beyond the last part a single byte is asked for: the end must be there.
  const part = yield* memory.fill(reader, tooMany ? 1 : Math.max(1, wanted))
  if (size !== undefined && (wanted <= 0 ? part.size > 0 : part.size < wanted)) {
    return yield* uploadError({ _tag: "SizeMismatch", declared: size, actual: at.offset + part.size }, contextOf(run))
  }
  if (tooMany && part.size > 0) {
    return yield* uploadError(
      {
        _tag: "TooLarge",
        message: `the stream is longer than the ${at.offset} bytes that its parts can hold; declare maxSize so that larger parts are planned`
      },
      contextOf(run)
    )
  }
  yield* withinMaxSize(run, at.offset + part.size)
  return part
})

/** Sends every part, `concurrency` at a time, and answers with all receipts in order. */
const sendParts = Effect.fnUntraced(function* (
  run: UploadRun,
  memory: PartMemory,
  uploadId: string,
  reader: SourceReader,
  size: number | undefined,
  first: FilledPart | undefined
): Effect.fn.Return<ReadonlyArray<PartReceipt>, UploadError> {
  const { concurrency } = run.options
  const { layout } = run.session()
  // The upload's share: what uniform parts would need. Larger parts go fewer at a time, at least two.
  const share = slabsFor(layout.partSize) * (concurrency + 1)
  const shareOf = (bytes: number): number => Math.min(slabsFor(bytes), Math.floor(share / 2))
  const inFlight = yield* Semaphore.make(concurrency)
  const room = yield* Semaphore.make(share)
  const failed = yield* Deferred.make<never, UploadError>()
  const receipts: Array<PartReceipt> = []

  const send = (scope: Scope.Scope, partNumber: number, weight: number, part: FilledPart): Effect.Effect<unknown> =>
    sealPart(run, partNumber, partAt(layout, partNumber).offset, part).pipe(
      Effect.flatMap((sealed) => sendPart(run, uploadId, sealed)),
      Effect.map((receipt) => receipts.push(receipt)),
      Effect.ensuring(memory.release(part)),
      Effect.ensuring(Semaphore.release(room, weight)),
      Effect.ensuring(Semaphore.release(inFlight, 1)),
      Effect.catchCause((cause) => Deferred.failCause(failed, cause)),
      Effect.forkIn(scope)
    )

  const feed = (scope: Scope.Scope) =>
    Effect.gen(function* () {
      for (let partNumber = 1; ; partNumber++) {
        yield* run.gate.await
        const weight = shareOf(partAt(layout, partNumber).size)
        yield* Semaphore.take(room, weight)
        const part =
          partNumber === 1 && first !== undefined ? first : yield* nextPart(run, memory, reader, partNumber, size)
        // An empty object still has one part, of no bytes; an empty part after others is the end.
        if (part.size === 0 && partNumber > 1) break
        yield* Semaphore.take(inFlight, 1)
        // Again: the wait for bytes and for room may have been long.
        yield* run.gate.await
        yield* send(scope, partNumber, weight, part)
        if (part.ended) break
      }
      // All permits back: every part is stored (or `failed` has won the race).
      yield* Semaphore.take(inFlight, concurrency)
    })

  yield* Effect.scopedWith((scope) => Effect.raceFirst(feed(scope), Deferred.await(failed)))
  return sortReceipts(receipts)
})

/** The whole object's size and CRC32 from its parts. */
const expectedOf = (run: UploadRun, receipts: ReadonlyArray<PartReceipt>): Expected => ({
  size: storedSize(receipts),
  crc32: receipts.reduce((crc, { stored }) => combineCrc32(crc, stored.crc32, stored.size), 0),
  etag: expectedEtag(
    run,
    receipts.map(({ stored }) => stored.etag)
  )
})

const complete = Effect.fnUntraced(function* (
  run: UploadRun,
  uploadId: string,
  receipts: ReadonlyArray<PartReceipt>
): Effect.fn.Return<Finished, UploadError> {
  const missing = missingParts(receipts, receipts.length)
  if (missing.length > 0) return yield* uploadError({ _tag: "MissingParts", partNumbers: missing }, contextOf(run))
  const expected = expectedOf(run, receipts)
  yield* run.hooks.finish(receipts)
  yield* run.record({ state: "completing", undelivered: run.hooks.deliveries.map(({ hook }) => hook.name) })
  run.bus.publish({ _tag: "Completing" })

  const { key, checksum, condition } = run.session()
  const operation = "CompleteMultipartUpload"
  const written = yield* finishObject(run, operation, expected, uploadId, () =>
    guardedAttempt(run, { operation, stallMs: run.options.completeIdleTimeoutMs }, (touch) =>
      run.store.completeMultipartUpload({
        key,
        uploadId,
        ...condition,
        checksum,
        crc32: expected.crc32,
        size: expected.size,
        parts: receipts.map(({ partNumber, stored }) => ({ partNumber, etag: stored.etag, crc32: stored.crc32 })),
        onActivity: touch
      })
    )
  )
  const wrong = contradiction(expected, written)
  if (wrong !== undefined) {
    return yield* uploadError({ _tag: "ChecksumMismatch", message: wrong, stored: true }, contextOf(run, operation))
  }
  return {
    written,
    expected,
    parts: receipts.length,
    proven: written.crc32 === expected.crc32 || receipts.every(({ stored }) => stored.confirmed)
  }
})

/** After these, the object may be in the store: aborting could destroy what was completed. */
const mustNotAbort = (error: unknown): boolean =>
  isUploadError(error) &&
  (error.reason._tag === "CompletionUnknown" ||
    (error.reason._tag === "ChecksumMismatch" && error.reason.stored === true))

/** Uploads the source in parts. On any other end than success, what is in flight is awaited and the upload aborted. */
export const runMultipart = (
  run: UploadRun,
  memory: PartMemory,
  reader: SourceReader,
  size: number | undefined,
  first: FilledPart | undefined
): Effect.Effect<Finished, UploadError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const uploadId = yield* restore(createUpload(run))
      const { layout } = run.session()
      run.bus.publish({ _tag: "UploadStarted", mode: "multipart", size, partSize: layout.partSize, uploadId })
      const exit = yield* Effect.exit(
        restore(
          Effect.flatMap(sendParts(run, memory, uploadId, reader, size, first), (receipts) =>
            complete(run, uploadId, receipts)
          )
        )
      )
      if (Exit.isSuccess(exit)) return exit.value
      const failure = Exit.findErrorOption(exit)
      if (failure._tag === "None" || !mustNotAbort(failure.value)) yield* abortUpload(run, uploadId)
      return yield* exit
    })
  )
