/**
 * What a sweep does with one session, and why it may.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EngineOptions } from "../Defaults.ts"
import type { JournalApi } from "../Journal.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import { sortReceipts } from "../Part.ts"
import type { DeliverHook, Plugin } from "../Plugin.ts"
import { isSettled, metadataToken, type Session, type SessionNews } from "../Session.ts"
import type { StoredObject } from "../StoredObject.ts"
import type { UploadError } from "../UploadError.ts"
import { abortUpload } from "./abort-upload.ts"
import { completionUnknown, expectedOf, isAlive, lookForOurs, showsChecksum } from "./complete.ts"
import { continueDeliveries, openDeliveries, owedFor } from "./continue-deliveries.ts"
import { findSuspects } from "./create-upload.ts"
import { endSuspects } from "./end-suspects.ts"
import { holdingLease } from "./hold-lease.ts"
import { allReceipts } from "./known-parts.ts"
import { failureNews } from "./news.ts"
import type { Named } from "./run-hooks.ts"
import { sessionRun } from "./session-run.ts"
import { ownWay } from "./store-ways.ts"
import { storedObject } from "./stored-object.ts"
import { attempting, type SessionRun } from "./upload-run.ts"
import { warn } from "./warn.ts"

/**
 * What became of a session.
 *
 * - `abandoned`: nobody came back for it: its upload was aborted, proven gone, and the session forgotten.
 * - `completed`: its Complete had been applied, although nobody saw the answer.
 * - `lost`: its Complete was sent; neither the upload nor its object is there.
 * - `cleaned`: an upload that had ended without being aborted is gone now.
 * - `delivered`: whoever was still owed the news has them.
 * - `owed`: somebody is owed them still: the plugin is not configured here, or its receiver does not answer.
 * - `left`: the store or the journal refused; the next sweep tries again.
 * - `busy`: somebody works on it.
 */
export type SweepOutcome = "abandoned" | "completed" | "lost" | "cleaned" | "delivered" | "owed" | "left" | "busy"

/** What one sweep goes by. */
export interface Sweep<R> {
  readonly store: ObjectStoreApi
  readonly journal: JournalApi
  readonly options: EngineOptions
  readonly plugins: ReadonlyArray<Plugin<R>>
  /** When it began, in milliseconds since the epoch. */
  readonly now: number
  /** Sessions that nobody has updated or held since before this time are abandoned. */
  readonly oldBefore: number
  /** Their ids. */
  readonly abandoned: ReadonlySet<string>
}

const hasEnded = ({ state }: Session): boolean => state === "completed" || state === "failed" || state === "cancelled"

/** An upload of its own may be left in the store. */
const hasUpload = ({ state, uploadId }: Session): boolean => uploadId !== undefined && state !== "completed"

/** Something may be left in the store that the session names, and that may be ended now. */
const mayBeCleaned = <R>({ oldBefore }: Sweep<R>, session: Session): boolean =>
  hasUpload(session) || (session.suspects.length > 0 && session.updatedAt < oldBefore)

/** Whether there is anything to do, as far as the head tells. Without the lease, so it is asked again with it. */
export const isDue = <R>(sweep: Sweep<R>, session: Session): boolean => {
  const { abandoned, now, options } = sweep
  const quietMs = now - session.updatedAt
  if (session.bucket !== sweep.store.bucket) return false
  // Its holder may just be between two steps.
  if (session.state === "completing") return quietMs >= options.leaseMs
  if (!hasEnded(session)) return abandoned.has(session.sessionId)
  // Deliveries of the process that ran it may be at work for so long.
  const unheard = session.undelivered.length > 0 && quietMs >= options.retryWithinMs
  return mayBeCleaned(sweep, session) || unheard || isSettled(session)
}

/** What a HEAD shows of a session whose Complete, or single PUT, was sent. */
const lookForObject = Effect.fnUntraced(function* (
  run: SessionRun,
  journal: JournalApi
): Effect.fn.Return<{ readonly object: StoredObject | undefined } | undefined, UploadError> {
  const { key, sessionId, writeToken } = run.session()
  const receipts = sortReceipts((yield* allReceipts(journal, sessionId)).values())
  if (receipts.length > 0) {
    const expected = expectedOf(run, receipts)
    const written = yield* lookForOurs(run, expected)
    if (written === undefined) return undefined
    const proven = showsChecksum(expected, written) || receipts.every(({ stored }) => stored.confirmed)
    return { object: storedObject(run, { written, expected, parts: receipts.length, proven }) }
  }
  // A single PUT leaves its receipt after its answer. It is whole or not there, so the token alone shows it.
  const head = yield* attempting(run, { operation: "HeadObject" }, () => run.store.headObject({ key })).pipe(
    Effect.catchReason("UploadError", "NoSuchKey", () => Effect.succeed(undefined))
  )
  if (head === undefined || writeToken === undefined || head.metadata?.[metadataToken] !== writeToken) return undefined
  const { crc32, etag, serverSideEncryption: encryption, size, versionId } = head
  if (crc32 === undefined) return { object: undefined }
  const written = { etag, versionId, encryption, crc32 }
  return { object: storedObject(run, { written, expected: { size, crc32, etag: undefined }, parts: 1, proven: false }) }
})

/** The event that tells of each end. */
const endTags = { completed: "UploadCompleted", failed: "UploadFailed", cancelled: "UploadCancelled" } as const

interface Ending {
  readonly state: keyof typeof endTags
  readonly outcome: SweepOutcome
  readonly news?: SessionNews | undefined
}

const abandonment: Ending = { state: "cancelled", outcome: "abandoned" }

/** How a session ends whose Complete was sent; undefined while it may still be resumed. */
const endOfCompleting = Effect.fnUntraced(function* <R>(
  { journal, oldBefore }: Sweep<R>,
  run: SessionRun
): Effect.fn.Return<Ending | undefined, UploadError> {
  const found = yield* lookForObject(run, journal)
  if (found !== undefined) {
    const { object } = found
    return { state: "completed", outcome: "completed", news: object && { _tag: "Completed", object } }
  }
  const { updatedAt, uploadId } = run.session()
  if (updatedAt >= oldBefore) return undefined
  // Not ours at the key, and the upload lives: Complete was not applied, and nobody is left who could send it.
  if (uploadId !== undefined && (yield* isAlive(run, uploadId))) return abandonment
  const unknown = completionUnknown(
    run,
    uploadId === undefined
      ? "our object is not at the key"
      : "the multipart upload is gone without our object at the key"
  )
  yield* warn(unknown.message)
  return { state: "failed", outcome: "lost", news: failureNews(unknown) }
})

/** Writes the end down before anything is done about it: should this process die now, the next sweep goes on. */
const recordEnd = (
  run: SessionRun,
  ending: Ending,
  deliveries: ReadonlyArray<Named<DeliverHook>>,
  suspects: ReadonlyArray<string>
): Effect.Effect<void, UploadError> => {
  const { state, news } = ending
  const session = run.session()
  // What cannot be told is owed to nobody.
  const undelivered = state === "cancelled" || news !== undefined ? owedFor(session, deliveries, endTags[state]) : []
  const uploadId = state === "cancelled" ? session.uploadId : undefined
  return run.record({ state, news: undelivered.length === 0 ? undefined : news, undelivered, uploadId, suspects })
}

/** What a process has left that was killed between the store's answer to Create and its record. */
const unheardCreates = Effect.fnUntraced(function* <R>(
  { journal, oldBefore }: Sweep<R>,
  run: SessionRun
): Effect.fn.Return<ReadonlyArray<string>, UploadError> {
  const { mode, uploadId } = run.session()
  // Of a session whose Complete was sent as well: where its upload was aborted since, a resumed run begins another.
  if (uploadId !== undefined || mode === "single") return []
  return (yield* findSuspects(run, journal))
    .filter(({ initiated }) => initiated !== undefined && initiated.getTime() < oldBefore)
    .map(({ uploadId }) => uploadId)
})

/** Works on one session as its only writer. Undefined: there was nothing to do after all. */
const sweepHeld = Effect.fnUntraced(function* <R>(
  given: Sweep<R>,
  seen: Session
): Effect.fn.Return<SweepOutcome | undefined, UploadError, R | Scope.Scope> {
  const { journal } = given
  const found = yield* journal.get(seen.sessionId)
  const sweep = { ...given, store: yield* ownWay(given.store, found) }
  const run = sessionRun(sweep, found)
  const session = run.session()
  if (session.version !== seen.version) return undefined
  const old = session.updatedAt < sweep.oldBefore

  let outcome: SweepOutcome = session.undelivered.length > 0 && !mayBeCleaned(sweep, session) ? "delivered" : "cleaned"
  let deliveries: ReadonlyArray<Named<DeliverHook>> = []
  if (!hasEnded(session)) {
    const ending = session.state === "completing" ? yield* endOfCompleting(sweep, run) : abandonment
    if (ending === undefined) return undefined
    outcome = ending.outcome
    deliveries = yield* openDeliveries(sweep, session)
    const unheard = yield* unheardCreates(sweep, run)
    yield* recordEnd(run, ending, deliveries, [...session.suspects, ...unheard])
  } else if (session.undelivered.length > 0) {
    deliveries = yield* openDeliveries(sweep, session)
  }

  const { uploadId } = run.session()
  if (uploadId !== undefined && run.session().state !== "completed") yield* abortUpload(run, uploadId)
  if (old) yield* endSuspects(run, journal)
  yield* continueDeliveries(sweep, run.session(), deliveries)

  const rest = yield* Effect.option(journal.get(seen.sessionId))
  if (rest._tag === "None") return outcome
  if (isSettled(rest.value)) {
    yield* journal.delete(seen.sessionId)
    return outcome
  }
  const refused = hasUpload(rest.value) || (old && rest.value.suspects.length > 0)
  return refused ? "left" : rest.value.undelivered.length > 0 ? "owed" : outcome
})

/** Sweeps one session under its lease; somebody else who works on it is left alone. */
export const sweepSession = <R>(
  sweep: Sweep<R>,
  session: Session
): Effect.Effect<SweepOutcome | undefined, UploadError, R> =>
  Effect.scoped(
    holdingLease(sweep.journal, session.sessionId, sweep.options.leaseMs, () => sweepHeld(sweep, session))
  ).pipe(
    Effect.catchReason("UploadError", "SessionBusy", () => Effect.succeed<SweepOutcome>("busy")),
    Effect.catchReason("UploadError", "SessionNotFound", () => Effect.succeed(undefined)),
    // Somebody asked for the session (`requestStop`), and now has it.
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.succeed<SweepOutcome>("busy") : Effect.failCause(cause)
    )
  )
