/**
 * One part on its way: changed once, sent until the store has it, recorded.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { crc32OfSlices } from "../Checksum.ts"
import type { OtherChecksum, PartBody, StoredPart } from "../ObjectStore.ts"
import type { PartReceipt } from "../Part.ts"
import type { PartBytes, SendPart } from "../Plugin.ts"
import { attributes, noStack, partStored, spans } from "../Telemetry.ts"
import { type UploadError, uploadError } from "../UploadError.ts"
import type { FilledPart } from "./fill-part.ts"
import { hedged } from "./hedge.ts"
import { joinSlices, lengthOf } from "./join-slices.ts"
import { otherChecksum } from "./other-checksum.ts"
import { transformPart } from "./run-hooks.ts"
import { contextOf, guardedAttempt, retried, type UploadRun, watchedBody } from "./upload-run.ts"

/** A part's bytes as the store will count them. */
export interface SealedPart {
  readonly partNumber: number
  readonly offset: number
  readonly source: FilledPart
  readonly slices: ReadonlyArray<Uint8Array>
  readonly size: number
  readonly crc32: number
  /** Goes to the store instead. */
  readonly checksum: OtherChecksum | undefined
}

/**
 * The `part` hooks' output, made once: every retry sends the same bytes. While it lives, the part's slabs
 * stay taken, so the output is paid for by the budget.
 */
export const sealPart = Effect.fnUntraced(function* (
  run: UploadRun,
  at: Omit<PartBytes, "bytes">,
  source: FilledPart
): Effect.fn.Return<SealedPart, UploadError> {
  const { offset, partNumber } = at
  if (run.hooks.part.length === 0) {
    const { crc32, size, slices } = source
    return { partNumber, offset, source, slices, size, crc32, checksum: yield* otherChecksum(run, slices) }
  }
  const slices = yield* transformPart(
    run.hooks.part,
    { ...at, bytes: joinSlices(source.slices) },
    run.options.hookTimeoutMs
  )
  const checksum = yield* otherChecksum(run, slices)
  return { partNumber, offset, source, slices, size: lengthOf(slices), crc32: crc32OfSlices(slices), checksum }
})

/** A store that says what it has stored must say what we sent; else the part is sent again. */
const checkStored = (run: UploadRun, sent: SendPart, stored: StoredPart): Effect.Effect<StoredPart, UploadError> =>
  (stored.crc32 === undefined || stored.crc32 === sent.crc32) &&
  (stored.checksum === undefined || stored.checksum === sent.checksum?.value)
    ? Effect.succeed(stored)
    : Effect.fail(
        uploadError(
          { _tag: "ChecksumMismatch", message: "the store has other bytes than were sent; the part is sent again" },
          { ...contextOf(run, "UploadPart", sent.partNumber), retry: "temporary" }
        )
      )

/** Whether a digest of the sent bytes was compared with one of the store's. */
const isConfirmed = (stored: Pick<StoredPart, "crc32" | "checksum" | "confirmed">): boolean =>
  stored.crc32 !== undefined || stored.checksum !== undefined || stored.confirmed === true

/** The body of one attempt, which tells the bus and the watchdog what the socket took. */
export const trackedBody = (run: UploadRun, part: SealedPart): PartBody => ({
  slices: part.slices,
  size: part.size,
  open: part.source.open,
  onAccepted: (bytes) => run.bus.accepted(part.partNumber, bytes)
})

/** Sends one sealed part until the store has it, and writes its receipt. */
export const sendPart = Effect.fnUntraced(
  function* (run: UploadRun, uploadId: string, part: SealedPart): Effect.fn.Return<PartReceipt, UploadError> {
    const { partNumber, offset, source, crc32, checksum } = part
    const started = yield* Clock.currentTimeMillis
    let attempts = 0
    const call = { operation: "UploadPart", partNumber, bytes: part.size, placeWait: { ms: 0 }, stalls: { count: 0 } }
    // The watchdog stands inside the `send` hooks: a plugin that makes a part wait is no stall of the store.
    const stored = yield* retried(run, call, (attempt) => {
      attempts = attempt
      run.bus.restarted(partNumber)
      return run.hooks.send({ partNumber, attempt, body: trackedBody(run, part), crc32, checksum }, (sent) =>
        hedged(run, partNumber, (second) =>
          guardedAttempt(run, call, (touch, took) =>
            run.store.uploadPart({
              key: run.session().key,
              uploadId,
              partNumber,
              // What a second attempt sends beside the first is no progress.
              body: watchedBody(second ? { ...sent.body, onAccepted: undefined } : sent.body, took),
              crc32: sent.crc32,
              checksum: sent.checksum,
              attempt: sent.attempt + (second ? 1 : 0),
              onActivity: touch
            })
          ).pipe(Effect.flatMap((stored) => checkStored(run, sent, stored)))
        )
      )
    })
    const receipt: PartReceipt = {
      partNumber,
      source: { offset, size: source.size, crc32: source.crc32 },
      stored: {
        size: part.size,
        crc32,
        etag: stored.etag,
        ...(checksum === undefined ? {} : { checksum: checksum.value }),
        confirmed: isConfirmed(stored)
      }
    }
    yield* run.journal.putReceipt(run.session().sessionId, receipt)
    if (run.bus.stored(partNumber, source.size)) {
      run.bus.publish({ _tag: "PartStored", partNumber, offset, size: source.size, attempts })
    }
    yield* Effect.annotateCurrentSpan({ [attributes.partAttempts]: attempts, [attributes.partOutcome]: "uploaded" })
    yield* partStored(source.size, (yield* Clock.currentTimeMillis) - started, attempts)
    return receipt
  },
  (effect, _run, _uploadId, part) =>
    Effect.withSpan(effect, spans.part, {
      ...noStack,
      attributes: {
        [attributes.partNumber]: part.partNumber,
        [attributes.partOffset]: part.offset,
        [attributes.partSize]: part.size
      }
    })
)
