/**
 * One upload from request to stored object: plugins, plan, journal, bytes, gates, events.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import { type EngineOptions, engineOptions } from "../Defaults.ts"
import type { JournalApi } from "../Journal.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import type { Plugin, UploadContext } from "../Plugin.ts"
import { isSettled, metadataToken, type Session } from "../Session.ts"
import type { SourceReader } from "../Source.ts"
import type { StoredObject } from "../StoredObject.ts"
import { attributes, metrics, noStack, spans } from "../Telemetry.ts"
import { describeReason, invalidRequest, isUploadError, type UploadError, uploadError } from "../UploadError.ts"
import type { UploadEvent } from "../UploadEvent.ts"
import type { UploadControl, UploadRequest } from "../Uploader.ts"
import { plan as decide, recheck, type UploadPlan } from "../UploadPlan.ts"
import { contentTypeOf } from "./content-type.ts"
import { deliver, wanting } from "./deliver.ts"
import { hasEchoed } from "./encryption-echo.ts"
import { makeEventBus } from "./event-bus.ts"
import { guardedCall } from "./guarded-call.ts"
import { holdingLease } from "./hold-lease.ts"
import { keepsSize, openSource, replays } from "./open-source.ts"
import { makePartMemory, type PartMemory } from "./part-memory.ts"
import { randomToken, SecureRandom } from "./random-token.ts"
import { type OpenedHooks, openHooks, partOverhead } from "./run-hooks.ts"
import { runMultipart, withinMaxSize } from "./run-multipart.ts"
import { type Finished, runSingle } from "./run-single.ts"
import { SlabPool } from "./slab-pool.ts"
import { contextOf, type UploadRun } from "./upload-run.ts"

/** What all uploads of one uploader share. */
export interface Engine<R> {
  readonly store: ObjectStoreApi
  readonly journal: JournalApi
  readonly options: EngineOptions
  readonly plugins: ReadonlyArray<Plugin<R>>
  /** Lives as long as the uploader: deliveries go on after their upload has ended. */
  readonly scope: Scope.Scope
}

const contextFor =
  <R>(engine: Engine<R>, request: UploadRequest, sessionId: string, saved: Map<string, unknown>) =>
  (plugin: string): UploadContext => ({
    sessionId,
    bucket: engine.store.bucket,
    key: request.key,
    source: request.source,
    capabilities: engine.store.capabilities,
    annotations: request.annotations ?? {},
    resumed: false,
    saved: undefined,
    save: (state) => Effect.sync(() => saved.set(plugin, state)),
    exists: (key) =>
      guardedCall(engine.options, "HeadObject", engine.store.headObject({ key })).pipe(
        Effect.as(true),
        Effect.catchReason("UploadError", "NoSuchKey", () => Effect.succeed(false))
      )
  })

/** Request → plan → the `plan` hooks' plan, checked again. */
const makePlan = Effect.fnUntraced(function* (
  store: ObjectStoreApi,
  options: EngineOptions,
  request: UploadRequest,
  hooks: OpenedHooks,
  maxPartInMemory: number
): Effect.fn.Return<UploadPlan, UploadError> {
  const { source } = request
  const { capabilities } = store
  const planned = yield* Effect.fromResult(
    decide(
      {
        key: request.key,
        size: keepsSize(hooks.body) ? source.size : undefined,
        maxSize: request.maxSize,
        partSize: options.partSize,
        multipartThreshold: options.multipartThreshold,
        multipart: options.multipart,
        maxPartInMemory,
        attributes: {
          contentType: request.contentType ?? source.contentType ?? contentTypeOf(source.name ?? request.key),
          cacheControl: request.cacheControl,
          contentDisposition: request.contentDisposition,
          contentEncoding: request.contentEncoding,
          contentLanguage: request.contentLanguage,
          metadata: request.metadata,
          tags: request.tags,
          storageClass: request.storageClass,
          encryption: request.encryption
        },
        condition: { ifNoneMatch: request.ifNoneMatch, ifMatch: request.ifMatch },
        replayable: source.replayable && replays(hooks.body)
      },
      capabilities
    )
  )
  const hooked = yield* hooks.plan(planned)
  yield* Effect.fromResult(recheck(hooked, capabilities, partOverhead(hooks.part, hooked.layout.partSize)))
  // Until the store has echoed the encryption once, Create must show it before any byte leaves (DESIGN §5).
  const mode = hooked.attributes.encryption?.mode
  if (mode === undefined || hasEchoed(store, mode)) return hooked
  if (options.multipart === "never") {
    return yield* invalidRequest(
      `whether the store applies ${mode} is shown by a multipart upload before any byte leaves; allow multipart, or remove the encryption`,
      { key: hooked.key }
    )
  }
  return { ...hooked, mode: "multipart" }
})

const newSession = (
  plan: UploadPlan,
  at: {
    readonly sessionId: string
    readonly writeToken: string
    readonly bucket: string
    readonly now: number
    readonly plugins: ReadonlyArray<string>
    readonly source: Session["source"]
    readonly maxSize: number | undefined
    readonly saved: ReadonlyMap<string, unknown>
  }
): Session => ({
  format: 1,
  sessionId: at.sessionId,
  version: 1,
  state: "created",
  bucket: at.bucket,
  key: plan.key,
  mode: plan.mode,
  uploadId: undefined,
  writeToken: at.writeToken,
  size: plan.size,
  layout: plan.layout,
  attributes: { ...plan.attributes, metadata: { ...plan.attributes.metadata, [metadataToken]: at.writeToken } },
  condition: plan.condition,
  checksum: plan.checksum,
  resumable: plan.resumable,
  source: at.source,
  maxSize: at.maxSize,
  suspects: [],
  plugins: at.plugins,
  pluginState: Object.fromEntries(at.saved),
  undelivered: [],
  createdAt: at.now,
  updatedAt: at.now
})

/** One PUT or parts, as planned or as the first part shows. */
const send = Effect.fnUntraced(function* (
  run: UploadRun,
  memory: PartMemory,
  reader: SourceReader
): Effect.fn.Return<Finished, UploadError> {
  const { mode, size, layout } = run.session()
  if (mode === "multipart") return yield* runMultipart(run, memory, reader, size, undefined)

  const started = (bytes: number): unknown =>
    run.bus.publish({
      _tag: "UploadStarted",
      mode: "single",
      size: size ?? bytes,
      partSize: layout.partSize,
      uploadId: undefined
    })
  yield* run.gate.await
  const most = mode === "single" ? (size ?? Math.floor(run.pool.capacity() / 2)) : layout.partSize
  // One byte more than a known size is asked for: a source that is longer than it says is found out here.
  const first = yield* memory.fill(reader, size === undefined ? most : size + 1)
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
        message: `the stream is longer than the ${most} bytes one PUT may buffer; allow multipart`
      },
      contextOf(run)
    )
  }
  return yield* runMultipart(run, memory, reader, size, first)
})

const storedObject = (run: UploadRun, { written, expected, parts, proven }: Finished): StoredObject => {
  const { bucket, key } = run.session()
  return {
    bucket,
    key,
    uri: `s3://${bucket}/${key}`,
    location: run.store.location(key),
    size: expected.size,
    etag: written.etag,
    versionId: written.versionId,
    crc32: expected.crc32,
    proof: proven ? "source" : "transport",
    parts
  }
}

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

const outcomeOf = <A>(exit: Exit.Exit<A, UploadError>): UploadError | "cancelled" | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  if (Cause.hasInterruptsOnly(exit.cause)) return "cancelled"
  const squashed = Cause.squash(exit.cause)
  return isUploadError(squashed)
    ? squashed
    : uploadError(
        { _tag: "UnknownStoreError", code: "Defect", status: 0, message: String(squashed) },
        { cause: squashed }
      )
}

/** The session's last state, and the outcome that metrics count. */
const endOf = <A>(exit: Exit.Exit<A, UploadError>): "completed" | "cancelled" | "failed" =>
  Exit.isSuccess(exit) ? "completed" : outcomeOf(exit) === "cancelled" ? "cancelled" : "failed"

/** Counts the upload and its time by outcome. */
const measured = <A, R>(upload: Effect.Effect<A, UploadError, R>): Effect.Effect<A, UploadError, R> =>
  Effect.flatMap(Clock.currentTimeMillis, (started) =>
    Effect.onExit(
      upload,
      Effect.fnUntraced(function* (exit) {
        const outcome = endOf(exit)
        const seconds = ((yield* Clock.currentTimeMillis) - started) / 1_000
        yield* Metric.update(Metric.withAttributes(metrics.uploads, { outcome }), 1)
        yield* Metric.update(Metric.withAttributes(metrics.uploadDuration, { outcome }), seconds)
      })
    )
  )

/** Runs one upload. See `UploaderApi.upload`. */
export const runUpload = Effect.fnUntraced(
  function* <R>(
    engine: Engine<R>,
    request: UploadRequest,
    control: UploadControl
  ): Effect.fn.Return<StoredObject, UploadError, R | Scope.Scope> {
    const { store, journal } = engine
    const options = yield* Effect.fromResult(
      engineOptions({
        ...engine.options,
        ...(request.partSize === undefined ? {} : { partSize: request.partSize, multipartThreshold: request.partSize }),
        ...(request.multipartThreshold === undefined ? {} : { multipartThreshold: request.multipartThreshold }),
        ...(request.concurrency === undefined ? {} : { concurrency: request.concurrency }),
        ...(request.multipart === undefined ? {} : { multipart: request.multipart })
      })
    )
    const pool = yield* SlabPool
    const random = yield* SecureRandom
    const sessionId = randomToken(random)
    const saved = new Map<string, unknown>()
    const hooks = yield* openHooks(engine.plugins, contextFor(engine, request, sessionId, saved))

    let session: Session | undefined
    const bus = yield* makeEventBus({
      identity: { sessionId, bucket: store.bucket, key: () => session?.key ?? request.key },
      observers: hooks.observers,
      listener: control.onEvent
    })

    const body = Effect.gen(function* () {
      const plan = yield* makePlan(store, options, request, hooks, Math.floor(pool.capacity() / 2))
      const head = newSession(plan, {
        sessionId,
        writeToken: randomToken(random),
        bucket: store.bucket,
        now: yield* Clock.currentTimeMillis,
        plugins: engine.plugins.map(({ name }) => name),
        source: request.source.identity,
        maxSize: request.maxSize,
        saved
      })
      session = head
      let current = head
      const run: UploadRun = {
        store,
        journal,
        options,
        hooks,
        bus,
        pool,
        maxSize: request.maxSize,
        gate: control.gate ?? Latch.makeUnsafe(true),
        session: () => current,
        record: (change) =>
          Effect.map(journal.update({ ...current, ...change, pluginState: Object.fromEntries(saved) }), (next) => {
            current = next
            session = next
          })
      }
      yield* Effect.annotateCurrentSpan({
        [attributes.key]: plan.key,
        [attributes.mode]: plan.mode,
        [attributes.partSize]: plan.layout.partSize
      })
      yield* journal.create(head)
      const work = Effect.scoped(
        Effect.gen(function* () {
          const memory = yield* makePartMemory(pool)
          const reader = yield* openSource(request.source, hooks.body)
          return yield* send(run, memory, reader)
        })
      )
      const finished = yield* holdingLease(journal, sessionId, options.leaseMs, work)
      const object = storedObject(run, finished)
      yield* verify(run, object, request.requireProof)
      return object
    })

    return yield* Effect.onExit(body, (exit) => settle(engine, hooks, session, bus, exit))
  },
  (effect, engine, request) =>
    measured(Effect.scoped(effect)).pipe(
      Effect.withSpan(
        spans.upload,
        {
          attributes: {
            [attributes.bucket]: engine.store.bucket,
            [attributes.key]: request.key,
            ...(request.source.size === undefined ? {} : { [attributes.sourceSize]: request.source.size })
          }
        },
        noStack
      )
    )
)

/** The terminal event, its observers and its deliveries; the journal forgets what is owed to nobody. */
const settle = Effect.fnUntraced(function* <R>(
  engine: Engine<R>,
  hooks: OpenedHooks,
  session: Session | undefined,
  bus: { readonly publish: (event: Terminal) => UploadEvent; readonly drain: Effect.Effect<void> },
  exit: Exit.Exit<StoredObject, UploadError>
): Effect.fn.Return<void> {
  const outcome = outcomeOf(exit)
  const event = bus.publish(
    Exit.isSuccess(exit)
      ? { _tag: "UploadCompleted", object: exit.value }
      : outcome === "cancelled" || outcome === undefined
        ? { _tag: "UploadCancelled", kept: false }
        : { _tag: "UploadFailed", error: outcome, kept: false }
  )
  yield* bus.drain
  if (session === undefined) return
  const owed = wanting(hooks.deliveries, event._tag)
  yield* engine.journal.update({ ...session, state: endOf(exit), undelivered: owed.map(({ hook }) => hook.name) }).pipe(
    Effect.flatMap((ended): Effect.Effect<unknown, UploadError> => {
      if (isSettled(ended)) return engine.journal.delete(ended.sessionId)
      return owed.length === 0
        ? Effect.void
        : Effect.forkIn(deliver(engine.journal, engine.options, owed, event), engine.scope)
    }),
    Effect.catch((error) => Effect.logWarning(`the journal could not close session: ${error.message}`))
  )
})

type Terminal =
  | { readonly _tag: "UploadCompleted"; readonly object: StoredObject }
  | { readonly _tag: "UploadFailed"; readonly error: UploadError; readonly kept: boolean }
  | { readonly _tag: "UploadCancelled"; readonly kept: boolean }
