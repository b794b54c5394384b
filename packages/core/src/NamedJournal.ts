/**
 * One journal for several stores: each sees its own sessions, and no other's.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { isLockName, Journal, type JournalApi } from "./Journal.ts"
import type { Session } from "./Session.ts"
import { type UploadError, uploadError } from "./UploadError.ts"

/**
 * `journal` as the store of that name sees it. Its sessions carry the name, so that whoever resumes, cancels or sweeps
 * does so at the store that the upload went to; those of others, and those without a name, are `SessionNotFound`.
 */
export const named = (journal: JournalApi, store: string): JournalApi => {
  const isOurs = (session: Session): boolean => session.store === store
  const ours = (sessions: Effect.Effect<ReadonlyArray<Session>, UploadError>) =>
    Effect.map(sessions, (all) => all.filter(isOurs))
  const get: JournalApi["get"] = (sessionId) =>
    Effect.flatMap(journal.get(sessionId), (session) =>
      isOurs(session) ? Effect.succeed(session) : Effect.fail(uploadError({ _tag: "SessionNotFound" }, { sessionId }))
    )
  /** What is done with a session, if it is ours. */
  const own = <A>(sessionId: string, then: Effect.Effect<A, UploadError>): Effect.Effect<A, UploadError> =>
    isLockName(sessionId) ? then : Effect.andThen(get(sessionId), then)
  return {
    ...journal,
    create: (session) => journal.create({ ...session, store }),
    get,
    update: (session) => journal.update({ ...session, store }),
    acquire: (sessionId, ttlMs) => own(sessionId, journal.acquire(sessionId, ttlMs)),
    requestStop: (sessionId) => own(sessionId, journal.requestStop(sessionId)),
    listExpired: (before) => ours(journal.listExpired(before)),
    listByKey: (bucket, key) => ours(journal.listByKey(bucket, key)),
    listUndelivered: () => ours(journal.listUndelivered())
  }
}

/**
 * The journal of one store of several.
 *
 * ```ts
 * import * as Layer from "effect/Layer"
 * import * as FileJournal from "@sluice/core/FileJournal"
 * import * as NamedJournal from "@sluice/core/NamedJournal"
 * import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
 * import { Uploader } from "@sluice/core/Uploader"
 *
 * const journal = FileJournal.layer("/var/lib/sluice/journal")
 * const Media = Uploader.layer().pipe(
 *   Layer.provide([S3ObjectStore.layer({ bucket: "media" }), NamedJournal.layer("media", journal)])
 * )
 * ```
 */
export const layer = <E, R>(store: string, journal: Layer.Layer<Journal, E, R>): Layer.Layer<Journal, E, R> =>
  Layer.provide(
    Layer.effect(
      Journal,
      Effect.map(Journal, (shared) => named(shared, store))
    ),
    journal
  )
