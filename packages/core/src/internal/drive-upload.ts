/**
 * One run of an upload, new or resumed: plugins, session, bytes, gates, events, and what is left behind.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type { EngineOptions } from "../Defaults.ts"
import type { JournalApi } from "../Journal.ts"
import type { UploadContext } from "../Plugin.ts"
import { canRun } from "../Route.ts"
import type { Session } from "../Session.ts"
import type { Source, SourceReader } from "../Source.ts"
import type { StoredObject } from "../StoredObject.ts"
import { attributes } from "../Telemetry.ts"
import { describeReason, type UploadError, uploadError } from "../UploadError.ts"
import type { UploadControl, UploadRequest } from "../Uploader.ts"
import { asStored } from "./as-stored.ts"
import type { Engine } from "./engine.ts"
import { makeEventBus } from "./event-bus.ts"
import { objectExists } from "./guarded-call.ts"
import { type HeldLease, holdingLease } from "./hold-lease.ts"
import { keepsUpload } from "./keep-or-abort.ts"
import { openSource } from "./open-source.ts"
import { packagedChecksum } from "./packaged-checksum.ts"
import { makePartMemory, type PartMemory } from "./part-memory.ts"
import { type OpenedHooks, openHooks } from "./run-hooks.ts"
import { runMultipart } from "./run-multipart.ts"
import { type Finished, runSingle } from "./run-single.ts"
import { withinMaxSize } from "./send-parts.ts"
import { settle } from "./settle.ts"
import { SlabPool } from "./slab-pool.ts"
import { storedObject } from "./stored-object.ts"
import { inTwoPasses, largestInMemory } from "./two-passes.ts"
import { contextOf, type UploadRun } from "./upload-run.ts"

/** A run to come. */
export interface Upcoming {
  readonly sessionId: string
  readonly key: string
  readonly source: Source
  readonly annotations: UploadRequest["annotations"]
  readonly requireProof: UploadRequest["requireProof"]
  readonly priority: UploadRequest["priority"]
  readonly options: EngineOptions
  /** The session to continue, and its lease. */
  readonly earlier: { readonly session: Session; readonly lease: HeldLease } | undefined
}

const contextFor =
  <R>(engine: Engine<R>, { annotations, earlier, key, sessionId, source }: Upcoming, saved: Map<string, unknown>) =>
  (plugin: string): UploadContext => ({
    sessionId,
    bucket: engine.store.bucket,
    key,
    source,
    capabilities: engine.store.capabilities,
    annotations: annotations ?? {},
    resumed: earlier !== undefined,
    saved: earlier?.session.pluginState[plugin],
    save: (state) => Effect.sync(() => saved.set(plugin, state)),
    exists: (key) => objectExists(engine.store, engine.options, key),
    stored: (key) => asStored(engine, key)
  })

/** What is too long for one PUT, and whose hook is why no plan could tell. */
const longStream = ({ hooks, source }: Pick<UploadRun, "hooks" | "source">): string => {
  const unknown = hooks.body.flatMap(({ hook, plugin }) => (hook.size === "unknown" ? [`"${plugin}"`] : []))
  return source.size === undefined || unknown.length === 0
    ? "the stream"
    : `what the body hook of ${unknown.join(" and ")} makes of ${source.size} bytes`
}

/** One PUT or parts, as planned or as the first part shows. */
const send = Effect.fnUntraced(function* (
  run: UploadRun,
  memory: PartMemory,
  reader: SourceReader
): Effect.fn.Return<Finished, UploadError> {
  const { mode, size, layout } = run.session()
  if (mode === "multipart") return yield* runMultipart(run, memory, { reader, first: undefined })

  const started = (bytes: number): unknown =>
    run.bus.publish({
      _tag: "UploadStarted",
      mode: "single",
      size: size ?? bytes,
      partSize: layout.partSize,
      uploadId: undefined
    })
  yield* run.gate.await
  const most = mode === "single" ? (size ?? largestInMemory(run.pool)) : layout.partSize
  // One byte more than a known size is asked for: a source that is longer than it says is found out here.
  const first = yield* size !== undefined && inTwoPasses(run, size + 1)
    ? memory.fillAt(run.source, 0, size + 1)
    : memory.fill(reader, size === undefined ? most : size + 1)
  if (size !== undefined && first.size !== size) {
    return yield* uploadError({ _tag: "SizeMismatch", declared: size, actual: first.size }, contextOf(run))
  }
  yield* withinMaxSize(run, first.size)
  if (first.ended && (mode === "single" || first.size < run.options.multipartThreshold)) {
    // Again: the wait for bytes may have been long.
    yield* run.gate.await
    started(first.size)
    return yield* runSingle(run, first)
  }
  if (mode === "single") {
    return yield* uploadError(
      {
        _tag: "TooLarge",
        message: `${longStream(run)} is longer than the ${most} bytes one PUT may buffer; allow multipart`
      },
      contextOf(run)
    )
  }
  return yield* runMultipart(run, memory, { reader, first })
})

/** After Complete nothing can be taken back: a gate that fails says so, and that the object stands. */
const verify = (
  run: UploadRun,
  object: StoredObject,
  required: UploadRequest["requireProof"]
): Effect.Effect<void, UploadError> =>
  required === "source" && object.proof !== "source"
    ? Effect.fail(
        uploadError(
          {
            _tag: "ChecksumMismatch",
            message:
              "the store showed no digest of its bytes, and requireProof asks for one; the object is stored unproven",
            stored: true
          },
          contextOf(run)
        )
      )
    : Effect.mapError(run.hooks.verify(object), (error) =>
        error.reason._tag === "PluginFailed"
          ? error
          : uploadError(
              { _tag: "ChecksumMismatch", message: describeReason(error.reason, error), stored: true },
              { ...contextOf(run), cause: error }
            )
      )

/**
 * Writes the head. Under the lease nobody else does: another version than ours is our own write, whose answer was lost.
 */
const recordHead = (
  journal: JournalApi,
  head: Session,
  lost: () => UploadError | undefined
): Effect.Effect<Session, UploadError> =>
  journal
    .update(head)
    .pipe(
      Effect.catchReason("UploadError", "SessionBusy", (_, error) =>
        lost() === undefined
          ? Effect.flatMap(journal.get(head.sessionId), ({ version }) => journal.update({ ...head, version }))
          : Effect.fail(error)
      )
    )

/** What a new session is planned with, once the plugins are open. */
export interface Planning {
  readonly hooks: OpenedHooks
  readonly pool: SlabPool
  readonly saved: ReadonlyMap<string, unknown>
}

/**
 * Runs the upload and leaves behind what its end asks for: the object, a session that can be resumed, or nothing.
 *
 * @param plan makes the head of a new session; not asked when one is continued
 */
export const driveUpload = Effect.fnUntraced(function* <R>(
  engine: Engine<R>,
  upcoming: Upcoming,
  control: UploadControl,
  plan: (planning: Planning) => Effect.Effect<Session, UploadError>
): Effect.fn.Return<StoredObject, UploadError, R | Scope.Scope> {
  const { journal, store } = engine
  const { earlier, options, priority, requireProof, sessionId, source } = upcoming
  const pool = yield* SlabPool
  const saved = new Map<string, unknown>(Object.entries(earlier?.session.pluginState ?? {}))
  const hooks = yield* openHooks(engine.plugins, contextFor(engine, upcoming, saved), options.hookTimeoutMs)
  engine.seen.last = hooks.seen
  const { onFailure } = options
  const refused = canRun(hooks.seen, { _tag: "Upload", onFailure, resumed: earlier !== undefined, partsInMemory: true })
  if (refused !== undefined) return yield* refused

  let session = earlier?.session
  let lease = earlier?.lease
  let cancelled = false
  const bus = yield* makeEventBus({
    identity: { sessionId, bucket: store.bucket, key: () => session?.key ?? upcoming.key },
    observers: hooks.observers,
    listener: control.onEvent
  })
  const keeps = (exit: Exit.Exit<unknown, UploadError>): boolean =>
    session !== undefined &&
    keepsUpload({
      exit,
      policy: options.onFailure,
      durable: journal.durable,
      resumable: session.resumable,
      resumed: earlier !== undefined,
      cancelled: cancelled || control.cancelled?.() === true,
      leaseLost: lease?.lost() !== undefined
    })

  const work = Effect.fnUntraced(function* (head: Session): Effect.fn.Return<StoredObject, UploadError> {
    let current = head
    const run: UploadRun = {
      store,
      journal,
      options,
      source,
      hooks,
      bus,
      pool,
      packaged: head.checksumAlgorithm && (yield* packagedChecksum(head.checksumAlgorithm)),
      priority,
      gate: control.gate ?? Latch.makeUnsafe(true),
      resumed: earlier !== undefined,
      mayBeCompleted: earlier?.session.state === "completing",
      keeps,
      session: () => current,
      record: (change) =>
        Effect.map(
          recordHead(journal, { ...current, ...change, pluginState: Object.fromEntries(saved) }, () => lease?.lost()),
          (next) => {
            current = next
            session = next
          }
        ).pipe(
          // Written or not, what is in the store is there: a session that may lead to it is not forgotten.
          Effect.onError(() =>
            Effect.sync(() => {
              if (change.uploadId !== undefined) session = { ...current, uploadId: change.uploadId }
            })
          ),
          Effect.uninterruptible
        )
    }
    yield* Effect.annotateCurrentSpan({
      [attributes.key]: head.key,
      [attributes.mode]: head.mode,
      [attributes.partSize]: head.layout.partSize
    })
    const finished = yield* Effect.scoped(
      Effect.gen(function* () {
        const memory = yield* makePartMemory(pool, priority === undefined ? {} : { priority })
        const reader = yield* openSource(source, hooks, options.hookTimeoutMs)
        return yield* send(run, memory, reader)
      })
    )
    const object = storedObject(run, finished)
    yield* verify(run, object, requireProof)
    return object
  })

  let ended = false
  /** Once, and under the lease where there is one. */
  const end = (exit: Exit.Exit<StoredObject, UploadError>): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (ended) return Effect.void
      ended = true
      const lost = lease?.lost()
      lease?.conclude()
      const seen = lost === undefined ? exit : Exit.fail(lost)
      return settle(engine, { exit: seen, hooks, bus, session, kept: keeps(seen) })
    })

  const body = Effect.gen(function* () {
    if (earlier !== undefined) return yield* work(earlier.session)
    const head = yield* plan({ hooks, pool, saved })
    // What the journal was told, this run must know: neither write is interrupted.
    yield* Effect.uninterruptible(
      Effect.map(journal.create(head), () => {
        session = head
      })
    )
    return yield* holdingLease(journal, sessionId, options.leaseMs, (held) => {
      lease = held
      return Effect.onExit(work(head), end)
    })
  })

  const stop = yield* Deferred.make<never>()
  const over = yield* Deferred.make<void>()
  engine.running.set(sessionId, {
    cancel: Effect.suspend(() => {
      cancelled = true
      return Effect.andThen(Deferred.interrupt(stop), Deferred.await(over))
    })
  })
  return yield* Effect.raceFirst(body, Deferred.await(stop)).pipe(
    Effect.onExit(end),
    Effect.ensuring(
      Effect.suspend(() => {
        engine.running.delete(sessionId)
        return Deferred.succeed(over, undefined)
      })
    )
  )
})
