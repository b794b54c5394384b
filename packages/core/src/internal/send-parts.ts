/**
 * Every part of the source, in order into memory, `concurrency` at a time to the store.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { type PartReceipt, sortReceipts } from "../Part.ts"
import type { PartBytes } from "../Plugin.ts"
import type { SourceReader } from "../Source.ts"
import { type UploadError, uploadError } from "../UploadError.ts"
import { partAt } from "../UploadPlan.ts"
import type { FilledPart } from "./fill-part.ts"
import { lastPartBegan } from "./hedge.ts"
import { type KnownParts, recognise } from "./known-parts.ts"
import { isLast } from "./look-ahead.ts"
import type { PartMemory } from "./part-memory.ts"
import { sealPart, sendPart } from "./send-part.ts"
import { slabsFor } from "./slab-pool.ts"
import { inTwoPasses } from "./two-passes.ts"
import { contextOf, type UploadRun } from "./upload-run.ts"

/** A stream that is longer than its caller promised was planned for another length: it ends here. */
export const withinMaxSize = (run: UploadRun, bytes: number): Effect.Effect<void, UploadError> =>
  bytes <= (run.session().maxSize ?? Number.POSITIVE_INFINITY)
    ? Effect.void
    : Effect.fail(
        uploadError(
          { _tag: "TooLarge", message: `the stream is longer than maxSize, ${run.session().maxSize} bytes; raise it` },
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
  const most = tooMany ? 1 : Math.max(1, wanted)
  const part = yield* inTwoPasses(run, layout.partSize)
    ? memory.fillAt(run.source, at.offset, most)
    : memory.fill(reader, most)
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

const sourceChanged = (run: UploadRun, partNumber: number, how: string): UploadError =>
  uploadError(
    {
      _tag: "SourceChanged",
      message: `the source is not the one this upload began with: ${how}; nothing was completed, upload it anew`
    },
    contextOf(run, "UploadPart", partNumber)
  )

/** Where the parts come from, and what is known of them. */
export interface PartsInput {
  readonly uploadId: string
  readonly reader: SourceReader
  readonly size: number | undefined
  /** Part 1, where it was read already to see how long the source is. */
  readonly first: FilledPart | undefined
  /** What an earlier run left. */
  readonly known: KnownParts | undefined
}

/**
 * Sends every part that the store does not have, and answers with all receipts in order. What an earlier run
 * stored is read again and compared, not sent again.
 */
export const sendParts = Effect.fnUntraced(function* (
  run: UploadRun,
  memory: PartMemory,
  { uploadId, reader, size, first, known }: PartsInput
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

  const send = (
    scope: Scope.Scope,
    at: Omit<PartBytes, "bytes">,
    weight: number,
    part: FilledPart
  ): Effect.Effect<unknown> =>
    sealPart(run, at, part).pipe(
      Effect.flatMap((sealed) => sendPart(run, uploadId, sealed)),
      Effect.map((receipt) => receipts.push(receipt)),
      Effect.ensuring(memory.release(part)),
      Effect.ensuring(Semaphore.release(room, weight)),
      Effect.ensuring(Semaphore.release(inFlight, 1)),
      Effect.catchCause((cause) => Deferred.failCause(failed, cause)),
      Effect.forkIn(scope)
    )

  /** Whether the store has the part from an earlier run. */
  const isStored = Effect.fnUntraced(function* (
    parts: KnownParts,
    partNumber: number,
    part: FilledPart
  ): Effect.fn.Return<boolean, UploadError> {
    const { offset } = partAt(layout, partNumber)
    const verdict = recognise(run, parts, partNumber, offset, part)
    if (verdict._tag === "Changed") return yield* sourceChanged(run, partNumber, `part ${partNumber} differs`)
    if (verdict._tag === "Send") return false
    const { receipt } = verdict
    if (receipt !== parts.journalled.get(partNumber)) {
      yield* run.journal.putReceipt(run.session().sessionId, receipt)
    }
    receipts.push(receipt)
    if (run.bus.stored(partNumber, part.size)) {
      run.bus.publish({ _tag: "PartVerified", partNumber, offset, size: part.size })
    }
    return true
  })

  const feed = (scope: Scope.Scope) =>
    Effect.gen(function* () {
      let partNumber = 1
      for (; ; partNumber++) {
        yield* run.gate.await
        const weight = shareOf(partAt(layout, partNumber).size)
        yield* Semaphore.take(room, weight)
        const part =
          partNumber === 1 && first !== undefined ? first : yield* nextPart(run, memory, reader, partNumber, size)
        // An empty object still has one part, of no bytes; an empty part after others is the end.
        if (part.size === 0 && partNumber > 1) break
        let last = false
        if (known !== undefined && (yield* isStored(known, partNumber, part))) {
          yield* memory.release(part)
          yield* Semaphore.release(room, weight)
        } else {
          yield* Semaphore.take(inFlight, 1)
          // Again: the wait for bytes and for room may have been long.
          yield* run.gate.await
          const { offset } = partAt(layout, partNumber)
          last = yield* isLast(run, reader, offset, part)
          yield* send(scope, { partNumber, offset, last }, weight, part)
        }
        // Where the length is known, one byte more is asked for: the end must be there.
        if (part.ended || (last && size === undefined)) {
          partNumber++
          break
        }
      }
      if (known !== undefined && known.last >= partNumber) {
        return yield* sourceChanged(run, partNumber, `it ends before part ${known.last}`)
      }
      yield* lastPartBegan(run)
      // All permits back: every part is stored (or `failed` has won the race).
      yield* Semaphore.take(inFlight, concurrency)
    })

  yield* Effect.scopedWith((scope) => Effect.raceFirst(feed(scope), Deferred.await(failed)))
  return sortReceipts(receipts)
})
