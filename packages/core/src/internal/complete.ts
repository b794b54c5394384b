/**
 * Completion that never guesses: a lost answer is looked up, not assumed.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { combineCrc32, normalizeEtag, predictEtag } from "../Checksum.ts"
import type { ObjectHead, OtherChecksum, WrittenObject } from "../ObjectStore.ts"
import { type PartReceipt, storedSize } from "../Part.ts"
import { budgetOf } from "../RetryBudget.ts"
import { delayBefore } from "../RetryPolicy.ts"
import { metadataToken } from "../Session.ts"
import { persistent, type UploadError, uploadError, withContext } from "../UploadError.ts"
import {
  contextOf,
  guardedAttempt,
  onRetry,
  retried,
  type SessionRun,
  type StoreCall,
  type UploadRun
} from "./upload-run.ts"

/** What the finished object must be. */
export interface Expected {
  /** Bytes as stored. */
  readonly size: number
  /** CRC32 of the whole as stored. */
  readonly crc32: number
  /** ETag computed from the receipts; undefined where the store's ETags say nothing. */
  readonly etag: string | undefined
  /** What the store was told instead of the CRC32, of the whole. */
  readonly checksum?: OtherChecksum | undefined
}

/** What is known of it; of a copy that the store made, nobody here has taken a CRC32. */
export type Known = Omit<Expected, "crc32"> & { readonly crc32?: number | undefined }

/** The ETag the store must answer with, where its ETags are MD5 (unencrypted or SSE-S3). */
const expectedEtag = (run: SessionRun, partEtags: ReadonlyArray<string>): string | undefined =>
  run.store.capabilities.etag === "md5" ? predictEtag(partEtags) : undefined

/** That of a single PUT is its one receipt's: no MD5 over MD5s. */
const ownEtag = (run: SessionRun, [only]: ReadonlyArray<PartReceipt>): string | undefined =>
  run.store.capabilities.etag === "md5" ? only?.stored.etag : undefined

/** The whole object's size and CRC32 from its parts, which are all there and in order. */
export const expectedOf = (run: SessionRun, receipts: ReadonlyArray<PartReceipt>): Expected => ({
  size: storedSize(receipts),
  crc32: receipts.reduce((crc, { stored }) => combineCrc32(crc, stored.crc32, stored.size), 0),
  etag:
    run.session().mode === "multipart"
      ? expectedEtag(
          run,
          receipts.map(({ stored }) => stored.etag)
        )
      : ownEtag(run, receipts)
})

/** A CRC32 or an ETag that differs: the object is there, and it is not ours. */
export const contradiction = (
  expected: Known,
  answer: Pick<WrittenObject, "etag" | "crc32" | "checksum">
): string | undefined => {
  if (expected.etag !== undefined && normalizeEtag(answer.etag) !== expected.etag) {
    return `the store answers with ETag ${answer.etag}, the parts' receipts give ${expected.etag}`
  }
  if (answer.crc32 !== undefined && expected.crc32 !== undefined && answer.crc32 !== expected.crc32) {
    return `the store's CRC32 of the object is ${answer.crc32.toString(16)}, ours is ${expected.crc32.toString(16)}`
  }
  const [theirs, ours] = [answer.checksum, expected.checksum]
  if (theirs !== undefined && theirs.algorithm === ours?.algorithm && theirs.value !== ours.value) {
    return `the store's ${ours.algorithm} of the object is ${theirs.value}, ours is ${ours.value}`
  }
  return undefined
}

/** Whether a checksum of the whole is the one that the store shows. */
export const showsChecksum = (expected: Known, answer: Pick<WrittenObject, "crc32" | "checksum">): boolean =>
  (expected.crc32 !== undefined && answer.crc32 === expected.crc32) ||
  (expected.checksum !== undefined && answer.checksum?.value === expected.checksum.value)

/** Errors after which the request may or may not have been applied. */
export const mayHaveBeenApplied = (error: UploadError): boolean =>
  error.reason._tag === "Unavailable" || error.reason._tag === "InvalidResponse" || error.reason._tag === "Stalled"

/** Whether a digest of the object shows its bytes to be ours; stronger than that none contradicts. */
const isShown = (expected: Known, head: ObjectHead): boolean =>
  showsChecksum(expected, head) || (expected.etag !== undefined && normalizeEtag(head.etag) === expected.etag)

/**
 * Whether the object at the key is the one this session wrote: its write token and size, and no digest
 * that contradicts. That some object stands there proves nothing. An upload found without a journal has no
 * known token: its digests must show it.
 */
export const isOurs = (run: SessionRun, head: ObjectHead, expected: Known): boolean => {
  const { writeToken } = run.session()
  const claimed = writeToken === undefined ? isShown(expected, head) : head.metadata?.[metadataToken] === writeToken
  return claimed && head.size === expected.size && contradiction(expected, head) === undefined
}

/** A HEAD of the key: our object, or nothing that proves it. Fails when the store does not let us look. */
const lookOnce = (run: SessionRun, expected: Known): Effect.Effect<WrittenObject | undefined, UploadError> =>
  guardedAttempt(run, { operation: "HeadObject" }, () => run.store.headObject({ key: run.session().key })).pipe(
    Effect.map((head) =>
      isOurs(run, head, expected)
        ? {
            etag: head.etag,
            versionId: head.versionId,
            encryption: head.serverSideEncryption,
            crc32: head.crc32,
            checksum: head.checksum
          }
        : undefined
    ),
    Effect.catchReason("UploadError", "NoSuchKey", () => Effect.succeed(undefined))
  )

/** The same, tried again where the trouble may pass: what it says is a verdict. */
export const lookForOurs = (run: SessionRun, expected: Known): Effect.Effect<WrittenObject | undefined, UploadError> =>
  retried(run, { operation: "HeadObject" }, () => lookOnce(run, expected))

/** Whether the multipart upload still exists, which proves that Complete was not applied. */
export const isAlive = (run: SessionRun, uploadId: string): Effect.Effect<boolean, UploadError> =>
  guardedAttempt(run, { operation: "ListParts" }, (touch) =>
    run.store.listParts({ key: run.session().key, uploadId, onActivity: touch })
  ).pipe(
    Effect.as(true),
    Effect.catchReason("UploadError", "NoSuchUpload", () => Effect.succeed(false))
  )

/** The finishing request was sent, and what became of it cannot be known. The caller must not abort then. */
export const completionUnknown = (
  run: SessionRun,
  why: string,
  {
    cause,
    operation = "CompleteMultipartUpload"
  }: { readonly cause?: UploadError | undefined; readonly operation?: string } = {}
): UploadError => {
  const lost = cause === undefined ? "" : ` (${cause.message})`
  return uploadError(
    {
      _tag: "CompletionUnknown",
      message: `${operation} was sent but its answer was lost${lost} and ${why}; look at the key before uploading again`
    },
    { ...contextOf(run, operation), cause }
  )
}

/** Why nobody can know, in words for `completionUnknown`. */
export const mayNotLook = (error: UploadError): string => `the store does not let us look (${error.reason._tag})`

/**
 * Runs a finishing request (Complete, or the single PUT) until the object is known to be there or known
 * not to be.
 *
 * - An answer that may be lost is looked up by the write token, then the request is repeated.
 * - `NoSuchUpload` and `PreconditionFailed` after a lost answer may be our own success: looked up too.
 * - What stays open ends as `CompletionUnknown`: the caller must not abort then.
 */
export const finishObject = Effect.fnUntraced(function* (
  run: SessionRun & Pick<UploadRun, "mayBeCompleted">,
  call: StoreCall,
  expected: Known,
  uploadId: string | undefined,
  request: (attempt: number) => Effect.Effect<WrittenObject, UploadError>
): Effect.fn.Return<WrittenObject, UploadError> {
  const { operation, bytes, placeWait } = call
  const budget = budgetOf(run.store)
  const backoff = yield* delayBefore(run.options, { budget, bytes, waitedMs: () => placeWait?.ms ?? 0 })
  let lost = run.mayBeCompleted
  let cause: UploadError | undefined
  for (let attempt = 1; ; attempt++) {
    const outcome = yield* Effect.result(request(attempt))
    if (outcome._tag === "Success") {
      budget.succeeded(0)
      return outcome.success
    }
    const error = withContext(outcome.failure, contextOf(run, operation))
    const ambiguous = mayHaveBeenApplied(error)
    if (ambiguous || lost) {
      const found = yield* Effect.result(lookOnce(run, expected))
      if (found._tag === "Success" && found.success !== undefined) return found.success
    }
    if (ambiguous) {
      lost = true
      cause = error
    }
    const delayMs = yield* backoff(error, attempt)
    if (delayMs !== undefined) {
      yield* onRetry(run, { operation }, error, attempt, delayMs)
      yield* Effect.sleep(delayMs)
      continue
    }
    if (!lost) return yield* persistent(error, attempt)
    if (!ambiguous) {
      // A refusal (412, 403, NoSuchUpload) may mean that our own object stands there already.
      const found = yield* Effect.result(lookForOurs(run, expected))
      if (found._tag === "Success" && found.success !== undefined) return found.success
      if (found._tag === "Failure" && uploadId === undefined) {
        return yield* completionUnknown(run, mayNotLook(found.failure), { cause, operation })
      }
    }
    if (uploadId === undefined) return yield* persistent(error, attempt)
    const alive = yield* Effect.result(isAlive(run, uploadId))
    if (alive._tag === "Success" && alive.success) return yield* persistent(error, attempt)
    return yield* completionUnknown(
      run,
      alive._tag === "Success"
        ? "the multipart upload is gone without our object at the key"
        : mayNotLook(alive.failure),
      { cause }
    )
  }
})
