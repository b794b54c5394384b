/**
 * The durable record of uploads: one head a session, receipts by part, leases.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { PartReceipt } from "./Part.ts"
import type { Session } from "./Session.ts"
import { invalidRequest, type UploadError, uploadError } from "./UploadError.ts"

/** One writer at a time. S3 does not check fences, so no attempt outlives its lease (DESIGN §8). */
export interface Lease {
  readonly sessionId: string
  /** Grows with every acquisition of the session. */
  readonly fence: number
  /** Milliseconds since the epoch, by the journal's clock. */
  readonly expiresAt: number
  /** Prolongs the lease, or fails with `SessionBusy` when it was lost. */
  readonly renew: Effect.Effect<Lease, UploadError>
  readonly release: Effect.Effect<void>
  /** Whether somebody asked the holder to let go. */
  readonly stopRequested: Effect.Effect<boolean, UploadError>
}

export interface JournalApi {
  /** Whether sessions survive this process. */
  readonly durable: boolean
  /** Fails with `SessionBusy` when the session exists, with `InvalidRequest` when its id is a lock's name. */
  readonly create: (session: Session) => Effect.Effect<void, UploadError>
  /** Fails with `SessionNotFound`. */
  readonly get: (sessionId: string) => Effect.Effect<Session, UploadError>
  /** Writes when the stored version is `session.version`, and answers with the next version; else `SessionBusy`. */
  readonly update: (session: Session) => Effect.Effect<Session, UploadError>
  /** Idempotent upsert by part number, without version check. */
  readonly putReceipt: (sessionId: string, receipt: PartReceipt) => Effect.Effect<void, UploadError>
  /** One page of receipts above `after`, ascending by part number; at most `limit` (default 1,000). */
  readonly receipts: (
    sessionId: string,
    page?: { readonly after?: number; readonly limit?: number }
  ) => Effect.Effect<ReadonlyArray<PartReceipt>, UploadError>
  /**
   * Fails with `SessionBusy` while another lease holds, and with `SessionNotFound` without a session. Locks need
   * none: see `isLockName`.
   */
  readonly acquire: (sessionId: string, ttlMs: number) => Effect.Effect<Lease, UploadError>
  /** Asks the holder to let go. */
  readonly requestStop: (sessionId: string) => Effect.Effect<void, UploadError>
  /** Sessions that nobody has updated or held since `before` (milliseconds since the epoch). */
  readonly listExpired: (before: number) => Effect.Effect<ReadonlyArray<Session>, UploadError>
  readonly listByKey: (bucket: string, key: string) => Effect.Effect<ReadonlyArray<Session>, UploadError>
  /** Ended sessions whose deliveries are still open. */
  readonly listUndelivered: () => Effect.Effect<ReadonlyArray<Session>, UploadError>
  readonly delete: (sessionId: string) => Effect.Effect<void, UploadError>
}

/** Keeps sessions. `layerMemory` forgets them with the process. */
export class Journal extends Context.Service<Journal, JournalApi>()("@sluice/core/Journal") {}

/** Whether `acquire` takes a lock of the journal's users among themselves, which belongs to no session: `@janitor`. */
export const isLockName = (sessionId: string): boolean => sessionId.startsWith("@")

interface Entry {
  session: Session
  readonly receipts: Map<number, PartReceipt>
  readonly lock: Lock
}

/** What leases are taken on. */
interface Lock {
  fence: number
  /** When the newest lease ended or will end. Milliseconds since the epoch. */
  heldUntil: number
  lease: { readonly fence: number; expiresAt: number; stop: boolean } | undefined
}

const newLock = (): Lock => ({ fence: 0, heldUntil: 0, lease: undefined })

const pageSize = 1_000

/** A journal in this process's memory. */
export const makeMemory: Effect.Effect<JournalApi> = Effect.sync(() => {
  const entries = new Map<string, Entry>()
  const locks = new Map<string, Lock>()

  const entry = (sessionId: string): Effect.Effect<Entry, UploadError> =>
    Effect.suspend(() => {
      const found = entries.get(sessionId)
      return found === undefined
        ? Effect.fail(uploadError({ _tag: "SessionNotFound" }, { sessionId }))
        : Effect.succeed(found)
    })
  const lockOf = (sessionId: string): Effect.Effect<Lock, UploadError> =>
    isLockName(sessionId)
      ? Effect.sync(() => {
          const lock = locks.get(sessionId) ?? newLock()
          locks.set(sessionId, lock)
          return lock
        })
      : Effect.map(entry(sessionId), ({ lock }) => lock)
  const busy = (sessionId: string): UploadError => uploadError({ _tag: "SessionBusy" }, { sessionId })
  const all = (wanted: (entry: Entry) => boolean): Effect.Effect<ReadonlyArray<Session>> =>
    Effect.sync(() => [...entries.values()].filter(wanted).map(({ session }) => session))

  const leaseOf = (sessionId: string, lock: Lock, held: NonNullable<Lock["lease"]>, ttlMs: number): Lease => ({
    sessionId,
    fence: held.fence,
    expiresAt: held.expiresAt,
    renew: Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (lock.lease !== held || held.expiresAt <= now) return Effect.fail(busy(sessionId))
      held.expiresAt = now + ttlMs
      lock.heldUntil = held.expiresAt
      return Effect.succeed(leaseOf(sessionId, lock, held, ttlMs))
    }),
    release: Effect.map(Clock.currentTimeMillis, (now) => {
      if (lock.lease !== held) return
      lock.lease = undefined
      lock.heldUntil = now
    }),
    stopRequested: Effect.sync(() => held.stop)
  })

  return {
    durable: false,
    create: (session) =>
      Effect.suspend(() => {
        const { sessionId } = session
        if (isLockName(sessionId))
          return Effect.fail(invalidRequest(`"${sessionId}" is the name of a lock, not of a session`))
        if (entries.has(sessionId)) return Effect.fail(busy(sessionId))
        entries.set(sessionId, { session, receipts: new Map(), lock: newLock() })
        return Effect.void
      }),
    get: (sessionId) => Effect.map(entry(sessionId), ({ session }) => session),
    update: Effect.fnUntraced(function* (session) {
      const found = yield* entry(session.sessionId)
      if (found.session.version !== session.version) return yield* busy(session.sessionId)
      const now = yield* Clock.currentTimeMillis
      found.session = { ...session, version: session.version + 1, updatedAt: now }
      return found.session
    }),
    putReceipt: (sessionId, receipt) =>
      Effect.map(entry(sessionId), ({ receipts }) => {
        receipts.set(receipt.partNumber, receipt)
      }),
    receipts: (sessionId, { after = 0, limit = pageSize } = {}) =>
      Effect.map(entry(sessionId), ({ receipts }) =>
        [...receipts.values()]
          .filter(({ partNumber }) => partNumber > after)
          .sort((a, b) => a.partNumber - b.partNumber)
          .slice(0, limit)
      ),
    acquire: Effect.fnUntraced(function* (sessionId, ttlMs) {
      const lock = yield* lockOf(sessionId)
      const now = yield* Clock.currentTimeMillis
      if (lock.lease !== undefined && lock.lease.expiresAt > now) return yield* busy(sessionId)
      const held = { fence: ++lock.fence, expiresAt: now + ttlMs, stop: false }
      lock.lease = held
      lock.heldUntil = held.expiresAt
      return leaseOf(sessionId, lock, held, ttlMs)
    }),
    requestStop: (sessionId) =>
      Effect.map(lockOf(sessionId), ({ lease }) => {
        if (lease !== undefined) lease.stop = true
      }),
    listExpired: (before) => all(({ lock, session }) => Math.max(session.updatedAt, lock.heldUntil) < before),
    listByKey: (bucket, key) => all(({ session }) => session.bucket === bucket && session.key === key),
    listUndelivered: () => all(({ session }) => session.undelivered.length > 0),
    delete: (sessionId) =>
      Effect.sync(() => {
        entries.delete(sessionId)
      })
  }
})

/** Sessions in this process's memory: gone with it, so uploads abort rather than keep. */
export const layerMemory: Layer.Layer<Journal> = Layer.effect(Journal, makeMemory)
