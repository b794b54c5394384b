/**
 * One PutObject: the whole object is part 1 of 1.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { WrittenObject } from "../ObjectStore.ts"
import { type UploadError, uploadError } from "../UploadError.ts"
import { contradiction, type Expected, finishObject, lookForOurs, showsChecksum } from "./complete.ts"
import { checkEncryption } from "./encryption-echo.ts"
import type { FilledPart } from "./fill-part.ts"
import { sealPart, trackedBody } from "./send-part.ts"
import { contextOf, guardedAttempt, type UploadRun, watchedBody } from "./upload-run.ts"

/** What an upload ends with, before the `verify` hooks have seen it. */
export interface Finished {
  readonly written: WrittenObject
  readonly expected: Expected
  readonly parts: number
  /** Whether the store showed a digest of its bytes that equals ours. */
  readonly proven: boolean
}

/** Uploads the bytes of one filled part as the whole object. */
export const runSingle = Effect.fnUntraced(function* (
  run: UploadRun,
  source: FilledPart
): Effect.fn.Return<Finished, UploadError> {
  const { attributes, condition, key } = run.session()
  const part = yield* sealPart(run, { partNumber: 1, offset: 0, last: true }, source)
  const { checksum, crc32, size } = part
  const expected: Expected = { size, crc32, etag: undefined, checksum }
  yield* run.source.unchanged ?? Effect.void
  yield* run.hooks.finish([])
  yield* run.record({ state: "completing", undelivered: run.hooks.deliveries.map(({ hook }) => hook.name) })

  let attempts = 1
  const call = { operation: "PutObject", partNumber: 1, bytes: part.size, placeWait: { ms: 0 }, stalls: { count: 0 } }
  // An earlier run may have sent it already.
  const earlier = run.mayBeCompleted ? yield* Effect.result(lookForOurs(run, expected)) : undefined
  const send = finishObject(run, call, expected, undefined, (attempt) => {
    attempts = attempt
    run.bus.restarted(1)
    let answer: WrittenObject | undefined
    return run.hooks
      .send({ partNumber: 1, attempt, body: trackedBody(run, part), crc32, checksum }, (sent) =>
        guardedAttempt(run, call, (touch, took) =>
          run.store.putObject({
            key,
            ...attributes,
            ...condition,
            body: watchedBody(sent.body, took),
            crc32: sent.crc32,
            checksum: sent.checksum,
            attempt: sent.attempt,
            onActivity: touch
          })
        ).pipe(
          Effect.map((stored) => {
            answer = stored
            const { etag, crc32, confirmed, encryption } = stored
            return { etag, crc32, checksum: stored.checksum?.value, confirmed, encryption }
          })
        )
      )
      .pipe(
        Effect.map((stored) => ({
          ...(answer ?? { etag: stored.etag, crc32: stored.crc32, versionId: undefined, encryption: undefined }),
          confirmed: stored.confirmed
        })),
        // A hook that finds the answer to be another's says so of an object that stands already.
        Effect.mapError((error) =>
          answer !== undefined && error.reason._tag === "ChecksumMismatch"
            ? uploadError(
                { ...error.reason, stored: true },
                { ...contextOf(run, "PutObject"), retry: error.retry, cause: error }
              )
            : error
        )
      )
  })
  const written = earlier?._tag === "Success" && earlier.success !== undefined ? earlier.success : yield* send
  yield* checkEncryption(run, written.encryption, true)
  const wrong = contradiction(expected, written)
  if (wrong !== undefined) {
    return yield* uploadError({ _tag: "ChecksumMismatch", message: wrong, stored: true }, contextOf(run, "PutObject"))
  }
  const proven = showsChecksum(expected, written) || written.confirmed === true
  yield* run.journal.putReceipt(run.session().sessionId, {
    partNumber: 1,
    source: { offset: 0, size: source.size, crc32: source.crc32 },
    stored: {
      size,
      crc32,
      etag: written.etag,
      ...(checksum === undefined ? {} : { checksum: checksum.value }),
      confirmed: proven
    }
  })
  run.bus.stored(1, source.size)
  run.bus.publish({ _tag: "PartStored", partNumber: 1, offset: 0, size: source.size, attempts })
  run.bus.publish({ _tag: "Completing" })
  return { written, expected, parts: 1, proven }
})
