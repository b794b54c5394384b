/**
 * Ends what nobody came back for: abandoned uploads, uploads that could not be aborted, news that nobody told.
 *
 * It ends only what its journal names. Why it may, case by case: docs/journal.md.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type EngineOptions, engineOptions } from "./Defaults.ts"
import { holdingLease } from "./internal/hold-lease.ts"
import { checkedPlugins } from "./internal/hook-shape.ts"
import { isDue, type Sweep, type SweepOutcome, sweepSession } from "./internal/sweep-session.ts"
import { warn } from "./internal/warn.ts"
import { Journal, type JournalApi } from "./Journal.ts"
import { ObjectStore, type ObjectStoreApi } from "./ObjectStore.ts"
import type { Plugin } from "./Plugin.ts"
import type { Session } from "./Session.ts"
import { attributes, noStack, spans, traced } from "./Telemetry.ts"
import { invalidRequest, type UploadError } from "./UploadError.ts"

export type { SweepOutcome } from "./internal/sweep-session.ts"

/** Sessions that a sweep works on at a time. */
const concurrency = 4
/** The lock that lets one node sweep at a time. */
const lock = "@janitor"

/** One session that a sweep had to do with. */
export interface SweptSession {
  readonly sessionId: string
  readonly key: string
  readonly outcome: SweepOutcome
  /** Why it was `left`, where an error says so. */
  readonly error?: UploadError | undefined
}

export interface SweepReport {
  /** Another node sweeps this moment, so nothing was done here. */
  readonly elsewhere: boolean
  /** Those that there was something to do about; all others are as they were. */
  readonly sessions: ReadonlyArray<SweptSession>
  /** How many of each outcome. */
  readonly counts: Readonly<Record<SweepOutcome, number>>
}

export interface SweepOptions {
  /** An upload that nobody has worked on for so long is abandoned. In milliseconds; default 7 days. */
  readonly olderThanMs: number
}

/** Options of a janitor: how often, how old, and what an uploader is given as well. */
export interface JanitorOptions extends Partial<EngineOptions>, Partial<SweepOptions> {
  /** Pause between the end of one sweep and the beginning of the next, for `run`. In milliseconds; default 1 hour. */
  readonly everyMs?: number | undefined
}

export interface JanitorApi {
  /**
   * Looks through the journal once. One node does so at a time; sessions that somebody holds are left alone.
   *
   * Fails when the journal cannot be listed. What goes wrong with one session is in the report.
   */
  readonly sweep: (options?: Partial<SweepOptions>) => Effect.Effect<SweepReport, UploadError>
  /** Sweeps now, and again and again. Failures are logged. */
  readonly run: Effect.Effect<never>
}

const dayMs = 86_400_000
const defaultOlderThanMs = 7 * dayMs
const defaultEveryMs = 3_600_000

const count = (sessions: ReadonlyArray<SweptSession>): SweepReport["counts"] => {
  const counts = { abandoned: 0, completed: 0, lost: 0, cleaned: 0, delivered: 0, owed: 0, left: 0, busy: 0 }
  for (const { outcome } of sessions) counts[outcome]++
  return counts
}

const reportOf = (sessions: ReadonlyArray<SweptSession>, elsewhere: boolean): SweepReport => ({
  elsewhere,
  sessions,
  counts: count(sessions)
})

const sweepOne = <R>(sweep: Sweep<R>, session: Session): Effect.Effect<ReadonlyArray<SweptSession>, never, R> => {
  const { key, sessionId } = session
  return sweepSession(sweep, session).pipe(
    Effect.map((outcome) => (outcome === undefined ? [] : [{ sessionId, key, outcome }])),
    Effect.catch((error) =>
      Effect.as(warn(`a session of s3://${session.bucket}/${key} could not be swept: ${error.message}`), [
        { sessionId, key, outcome: "left" as const, error }
      ])
    ),
    Effect.tap(([swept]) =>
      swept === undefined ? Effect.void : Effect.annotateCurrentSpan({ [attributes.sweepOutcome]: swept.outcome })
    ),
    Effect.withSpan(
      spans.sweepSession,
      { attributes: { [attributes.bucket]: session.bucket, [attributes.key]: key } },
      noStack
    )
  )
}

interface Parts<R> {
  readonly store: ObjectStoreApi
  readonly journal: JournalApi
  readonly options: EngineOptions
  readonly plugins: ReadonlyArray<Plugin<R>>
}

const sweepAll = Effect.fnUntraced(function* <R>(
  parts: Parts<R>,
  olderThanMs: number
): Effect.fn.Return<SweepReport, UploadError, R> {
  const { journal } = parts
  const now = yield* Clock.currentTimeMillis
  const oldBefore = now - olderThanMs
  const all = yield* journal.listExpired(Number.POSITIVE_INFINITY)
  const abandoned = new Set((yield* journal.listExpired(oldBefore)).map(({ sessionId }) => sessionId))
  const sweep: Sweep<R> = { ...parts, now, oldBefore, abandoned }
  const due = all.filter((session) => isDue(sweep, session))
  const swept = yield* Effect.forEach(due, (session) => sweepOne(sweep, session), { concurrency })
  return reportOf(swept.flat(), false)
})

const withinBounds = (name: string, ms: number): Effect.Effect<number, UploadError> =>
  Number.isSafeInteger(ms) && ms >= 0
    ? Effect.succeed(ms)
    : Effect.fail(invalidRequest(`${name} must be a whole number of milliseconds from 0 on, not ${String(ms)}`))

const make = Effect.fnUntraced(function* <R>({
  everyMs = defaultEveryMs,
  olderThanMs = defaultOlderThanMs,
  plugins: listed,
  ...given
}: JanitorOptions & { readonly plugins?: ReadonlyArray<Plugin<R>> | undefined }): Effect.fn.Return<
  JanitorApi,
  UploadError,
  ObjectStore | Journal | R
> {
  yield* withinBounds("everyMs", everyMs)
  yield* withinBounds("olderThanMs", olderThanMs)
  const options = yield* Effect.fromResult(engineOptions(given))
  const plugins = yield* Effect.fromResult(checkedPlugins(listed))
  const context = yield* Effect.context<R>()
  const parts: Parts<R> = { store: traced(yield* ObjectStore), journal: yield* Journal, options, plugins }

  const sweep: JanitorApi["sweep"] = (asked = {}) =>
    Effect.flatMap(withinBounds("olderThanMs", asked.olderThanMs ?? olderThanMs), (olderThanMs) =>
      holdingLease(parts.journal, lock, options.leaseMs, () => sweepAll(parts, olderThanMs))
    ).pipe(
      Effect.catchReason("UploadError", "SessionBusy", () => Effect.succeed(reportOf([], true))),
      Effect.provideContext(context),
      Effect.withSpan(spans.sweep, { attributes: { [attributes.bucket]: parts.store.bucket } }, noStack)
    )

  return {
    sweep,
    run: Effect.forever(
      sweep().pipe(
        Effect.catch((error) => warn(`the journal could not be swept: ${error.message}`)),
        Effect.andThen(Effect.sleep(everyMs))
      )
    )
  }
})

/** Ends what nobody came back for. */
export class Janitor extends Context.Service<Janitor, JanitorApi>()("@sluice/core/Janitor") {
  /**
   * A janitor over the store and the journal at hand. Give it the uploader's plugins: deliveries that are still owed
   * are continued by the plugin that has them.
   *
   * Fails with `InvalidRequest`, naming what makes no sense.
   *
   * ```ts
   * import * as Effect from "effect/Effect"
   * import * as Layer from "effect/Layer"
   * import * as FileJournal from "@sluice/core/FileJournal"
   * import { Janitor } from "@sluice/core/Janitor"
   * import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
   *
   * const Live = Janitor.layer({ olderThanMs: 24 * 3_600_000 }).pipe(
   *   Layer.provide([S3ObjectStore.layer({ bucket: "media" }), FileJournal.layer("/var/lib/sluice/journal")])
   * )
   *
   * const program = Effect.gen(function* () {
   *   const janitor = yield* Janitor
   *   const { counts } = yield* janitor.sweep()
   *   yield* Effect.log(`${counts.abandoned} abandoned uploads are gone`)
   * }).pipe(Effect.provide(Live))
   * ```
   */
  static readonly layer = <const Needs extends ReadonlyArray<unknown> = []>(
    options: JanitorOptions & {
      readonly plugins?: { readonly [K in keyof Needs]: Plugin<Needs[K]> } | undefined
    } = {}
  ): Layer.Layer<Janitor, UploadError, ObjectStore | Journal | Exclude<Needs[number], Scope.Scope>> =>
    Layer.effect(Janitor, make<Needs[number]>(options))

  /** Sweeps as long as the layer lives. */
  static readonly layerRun: Layer.Layer<never, never, Janitor> = Layer.effectDiscard(
    Effect.flatMap(Janitor, (janitor) => Effect.forkScoped(janitor.run))
  )
}
