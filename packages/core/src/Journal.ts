/**
 * The durable record of uploads: one head a session, receipts by part, leases.
 *
 * @module
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { PartReceipt } from "./Part.ts"
import type { Session } from "./Session.ts"
import type { UploadError } from "./UploadError.ts"

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
  /** Fails with `SessionBusy` when the session exists. */
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
  /** Fails with `SessionBusy` while another lease holds. */
  readonly acquire: (sessionId: string, ttlMs: number) => Effect.Effect<Lease, UploadError>
  /** Asks the holder to let go. */
  readonly requestStop: (sessionId: string) => Effect.Effect<void, UploadError>
  /** Sessions not updated since `before` (milliseconds since the epoch). */
  readonly listExpired: (before: number) => Effect.Effect<ReadonlyArray<Session>, UploadError>
  readonly listByKey: (bucket: string, key: string) => Effect.Effect<ReadonlyArray<Session>, UploadError>
  /** Ended sessions whose deliveries are still open. */
  readonly listUndelivered: () => Effect.Effect<ReadonlyArray<Session>, UploadError>
  readonly delete: (sessionId: string) => Effect.Effect<void, UploadError>
}

/** Keeps sessions. Layers: memory (`Journal/memory`); file, Redis, Postgres and others by plugins. */
export class Journal extends Context.Service<Journal, JournalApi>()("@sluice/core/Journal") {}
