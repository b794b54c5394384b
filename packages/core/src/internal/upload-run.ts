/**
 * What every step of one running upload shares.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Latch from "effect/Latch"
import type { EngineOptions } from "../Defaults.ts"
import type { JournalApi } from "../Journal.ts"
import type { ObjectStoreApi, PartBody } from "../ObjectStore.ts"
import { budgetOf } from "../RetryBudget.ts"
import { retrying } from "../RetryPolicy.ts"
import type { Session } from "../Session.ts"
import type { Source } from "../Source.ts"
import { retryEvent } from "../Telemetry.ts"
import { type ErrorContext, type UploadError, withContext } from "../UploadError.ts"
import { windowOf } from "./congestion-window.ts"
import type { EventBus } from "./event-bus.ts"
import type { PackagedChecksum } from "./packaged-checksum.ts"
import type { OpenedHooks } from "./run-hooks.ts"
import type { SlabPool } from "./slab-pool.ts"
import type { Priority } from "./turn-queue.ts"
import { deadlineFor, patienceAfter, type SignsOfLife, watched } from "./watchdog.ts"

/** What it takes to speak to the store on behalf of a session. */
export interface SessionRun {
  readonly store: ObjectStoreApi
  readonly options: EngineOptions
  /** The newest head that the journal has. */
  readonly session: () => Session
  /** Writes a change of the head through the journal. */
  readonly record: (change: Partial<Session>) => Effect.Effect<void, UploadError>
  /** Told of retries, where an upload runs. */
  readonly bus?: EventBus | undefined
  /** Of its bytes, where attempts wait for each other. */
  readonly priority?: Priority | undefined
}

export interface UploadRun extends SessionRun {
  readonly journal: JournalApi
  readonly source: Source
  readonly hooks: OpenedHooks
  readonly bus: EventBus
  readonly pool: SlabPool
  /** Takes the checksum that the store is told instead of CRC32. */
  readonly packaged?: PackagedChecksum | undefined
  /** Closed while the upload is paused. */
  readonly gate: Latch.Latch
  /** This run continues an earlier one. */
  readonly resumed: boolean
  /** A Complete (or the single PUT) of an earlier run was sent, and nobody saw its answer. */
  readonly mayBeCompleted: boolean
  /** Whether what is in the store stays there when the run ends so (`onFailure`). */
  readonly keeps: (exit: Exit.Exit<unknown, UploadError>) => boolean
}

/** Where in this upload an error happened. */
export const contextOf = (run: SessionRun, operation?: string, partNumber?: number): ErrorContext => {
  const { sessionId, bucket, key, uploadId } = run.session()
  return { sessionId, bucket, key, uploadId, operation, partNumber }
}

/** A call to the store, as errors, events and the watchdog name it. */
export interface StoreCall {
  readonly operation: string
  readonly partNumber?: number
  /** Bytes that each attempt sends; default 0. */
  readonly bytes?: number
  /** Silence that ends an attempt, where it is not the usual one. In milliseconds. */
  readonly stallMs?: number
  readonly placeWait?: PlaceWait
  readonly stalls?: Stalls
}

/** How many of a request's attempts stalled: the next ones get more time. */
export interface Stalls {
  count: number
}

/** Milliseconds that a request's attempts waited for their place: no trouble, so not of `retryWithinMs`. */
export interface PlaceWait {
  ms: number
}

/** Complete may work for minutes and say so in white space: 15 of them at least. */
const patientMs = 900_000

/** Attempts under the engine's one retry layer: each retry is an event and a span event. */
export const retried = <A>(
  run: SessionRun,
  call: StoreCall,
  attempt: (attempt: number) => Effect.Effect<A, UploadError>
): Effect.Effect<A, UploadError> => {
  const context = contextOf(run, call.operation, call.partNumber)
  return retrying(attempt, run.options, {
    budget: budgetOf(run.store),
    bytes: call.bytes,
    waitedMs: () => call.placeWait?.ms ?? 0,
    onRetry: ({ error, attempt, delayMs }) => onRetry(run, call, error, attempt, delayMs)
  }).pipe(Effect.mapError((error) => withContext(error, context)))
}

/** A call to the store that is retried, each attempt under the watchdog. */
export const attempting = <A>(
  run: SessionRun,
  call: StoreCall,
  attempt: (attempt: number, touch: () => void) => Effect.Effect<A, UploadError>
): Effect.Effect<A, UploadError> =>
  Effect.suspend(() => {
    const counted = { ...call, stalls: { count: 0 } }
    return retried(run, counted, (n) => guardedAttempt(run, counted, (touch) => attempt(n, touch)))
  })

/**
 * One attempt under the watchdog: silence, a trickle and overlong attempts end it. One that sends a part's
 * bytes waits for its place in the store's window first.
 */
export const guardedAttempt = <A>(
  run: SessionRun,
  { operation, partNumber, bytes = 0, stallMs, placeWait, stalls = { count: 0 } }: StoreCall,
  attempt: (touch: SignsOfLife["touch"], took: SignsOfLife["took"]) => Effect.Effect<A, UploadError>
): Effect.Effect<A, UploadError> => {
  const { attemptTimeoutMs, stallTimeoutMs, minThroughput, minThroughputWindowMs } = run.options
  const window = windowOf(run.store)
  const inPlace = partNumber === undefined ? window.beside : window.within(run.priority ?? "normal")
  const patience = patienceAfter(stalls.count)
  const usualMs =
    stallMs === undefined ? deadlineFor(attemptTimeoutMs, bytes, minThroughput) : Math.max(attemptTimeoutMs, patientMs)
  const guarded = watched(attempt, {
    stallMs: patience * (stallMs ?? stallTimeoutMs),
    deadlineMs: patience * usualMs,
    floor: { bytes, bytesPerSecond: minThroughput, windowMs: patience * minThroughputWindowMs },
    context: contextOf(run, operation, partNumber)
  }).pipe(
    Effect.tapError(({ reason }) =>
      Effect.sync(() => {
        if (reason._tag === "Stalled") stalls.count++
      })
    )
  )
  if (placeWait === undefined) return inPlace(guarded)
  return Effect.flatMap(Clock.Clock, (clock) => {
    const asked = clock.currentTimeMillisUnsafe()
    return inPlace(
      Effect.suspend(() => {
        placeWait.ms += clock.currentTimeMillisUnsafe() - asked
        return guarded
      })
    )
  })
}

/** A body that tells the watchdog as well what the socket took. */
export const watchedBody = (body: PartBody, took: SignsOfLife["took"]): PartBody => ({
  ...body,
  onAccepted: (bytes) => {
    took(bytes)
    body.onAccepted?.(bytes)
  }
})

/** Tells events and the current span that another attempt follows. */
export const onRetry = (
  run: SessionRun,
  call: StoreCall,
  error: UploadError,
  attempt: number,
  delayMs: number
): Effect.Effect<void> =>
  Effect.gen(function* () {
    run.bus?.publish({
      _tag: "Retrying",
      operation: call.operation,
      partNumber: call.partNumber,
      attempt,
      delayMs,
      error
    })
    const span = yield* Effect.option(Effect.currentSpan)
    if (span._tag === "Some") {
      span.value.event(retryEvent, yield* Clock.currentTimeNanos, {
        attempt,
        delay_ms: delayMs,
        "error.type": error.reason._tag
      })
    }
  })
