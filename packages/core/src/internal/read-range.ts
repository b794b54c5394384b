/**
 * One range of an object, from the store to whoever takes it: retried from the byte where it broke.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { EngineOptions } from "../Defaults.ts"
import { KiB } from "../Limits.ts"
import type { ObjectContent, ObjectHead, ObjectStoreApi } from "../ObjectStore.ts"
import { budgetOf } from "../RetryBudget.ts"
import { type Retrying, retrying } from "../RetryPolicy.ts"
import { type ErrorContext, isUploadError, type UploadError, uploadError } from "../UploadError.ts"
import { windowOf } from "./congestion-window.ts"
import { fromAbortable } from "./from-abortable.ts"
import type { Range } from "./plan-ranges.ts"
import { deadlineFor, patienceAfter, type SignsOfLife, watched } from "./watchdog.ts"

/** What it takes to read one object. */
export interface ReadRun {
  readonly store: ObjectStoreApi
  readonly options: EngineOptions
  /** The object as it was first looked at: every byte is of this one. */
  readonly head: ObjectHead
  /** As the caller named it. Without it the newest is read, as long as it is the one of `head`. */
  readonly versionId: string | undefined
  readonly onRetry: (retry: Retrying) => void
}

/**
 * Is given a chunk, and answers with a promise while no other may come. A chunk is the taker's own. What it throws ends
 * the range; on `signal` it settles soon.
 */
export type Take = (chunk: Uint8Array, signal: AbortSignal) => void | Promise<void>

/** An attempt that came so far, in bytes, is a success: what follows it has all its attempts again. */
const worthwhile = 256 * KiB

const changed = (at: ErrorContext): UploadError =>
  uploadError(
    {
      _tag: "PreconditionFailed",
      message: "the object was written again while it was read; what was read is of the earlier one, read it again"
    },
    at
  )

const broke = (at: ErrorContext, why: string, cause?: unknown): UploadError =>
  uploadError(
    { _tag: "Unavailable", message: `the connection broke while the object was read: ${why}` },
    { ...at, cause }
  )

const foreign = (at: ErrorContext): UploadError =>
  uploadError(
    {
      _tag: "InvalidResponse",
      message: "the store answered with other bytes than the range that was asked for; does something cache in between?"
    },
    at
  )

/** The answer's bytes to the taker. Cancels what is left of them, whatever the end. */
const pump = async (
  body: ObjectContent["body"],
  { size }: Range,
  at: ErrorContext,
  { touch, took }: SignsOfLife,
  take: Take,
  signal: AbortSignal
): Promise<void> => {
  const reader = body.getReader()
  let cancelled: Promise<void> | undefined
  // Once: only the first cancellation waits until the connection is gone.
  const cancel = (): Promise<void> => {
    cancelled ??= reader.cancel().catch(() => undefined)
    return cancelled
  }
  const onAbort = (): void => void cancel()
  signal.addEventListener("abort", onAbort)
  const next = () =>
    reader.read().catch((cause: unknown) => {
      throw isUploadError(cause) ? cause : broke(at, cause instanceof Error ? cause.message : String(cause), cause)
    })
  try {
    let left = size
    for (let { done, value } = await next(); !done; { done, value } = await next()) {
      if (signal.aborted || value === undefined) break
      touch()
      took(value.length)
      left -= value.length
      if (left < 0) throw foreign(at)
      const taken = take(value, signal)
      if (taken === undefined) continue
      touch("held")
      await taken
      touch("freed")
    }
    if (left > 0 && !signal.aborted) throw broke(at, `${left} of ${size} bytes are missing`)
  } finally {
    signal.removeEventListener("abort", onAbort)
    await cancel()
  }
}

/** One request for what is left of the range. */
const readOnce = (run: ReadRun, range: Range, patience: number, take: Take): Effect.Effect<void, UploadError> => {
  const { head, options, store, versionId } = run
  const { offset, size } = range
  const at = { operation: "GetObject", bucket: store.bucket, key: head.key }
  const request = (touch: SignsOfLife["touch"]) =>
    // The place is for the asking: a reader that takes its time holds nobody up.
    windowOf(store).within("normal")(
      store.getObject({
        key: head.key,
        versionId,
        range: { start: offset, end: offset + size - 1 },
        ifMatch: head.etag,
        onActivity: touch
      })
    )
  return watched(
    (touch, took) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(request(touch)), (content) => {
          const answers = fromAbortable(
            async (signal) => {
              const right = content.contentLength === size && content.size === head.size
              const error = content.etag !== head.etag ? changed(at) : right ? undefined : foreign(at)
              if (error !== undefined) {
                await content.body.cancel().catch(() => undefined)
                throw error
              }
              await pump(content.body, range, at, { touch, took }, take, signal)
            },
            (cause) => cause
          )
          // Interrupted before it began, nobody has the bytes.
          return Effect.ensuring(
            restore(answers),
            Effect.promise(async () => (content.body.locked ? undefined : content.body.cancel().catch(() => undefined)))
          )
        })
      ).pipe(Effect.catch((cause) => (isUploadError(cause) ? Effect.fail(cause) : Effect.die(cause)))),
    {
      stallMs: patience * options.stallTimeoutMs,
      deadlineMs: patience * deadlineFor(options.attemptTimeoutMs, size, options.minThroughput),
      floor: {
        bytes: size,
        bytesPerSecond: options.minThroughput,
        windowMs: patience * options.minThroughputWindowMs
      },
      context: at
    }
  ).pipe(Effect.catchReason("UploadError", "PreconditionFailed", () => Effect.fail(changed(at))))
}

/**
 * Reads a range, once and in order, whatever breaks in between: each request asks for what did not come yet. An object
 * that is replaced meanwhile fails with `PreconditionFailed`.
 */
export const readRange = Effect.fnUntraced(function* (
  run: ReadRun,
  range: Range,
  take: Take
): Effect.fn.Return<void, UploadError> {
  const clock = yield* Clock.Clock
  const end = range.offset + range.size
  let at = range.offset
  let heldMs = 0
  let stalls = 0
  const counted: Take = (chunk, signal) => {
    at += chunk.length
    const taken = take(chunk, signal)
    if (taken === undefined) return undefined
    const since = clock.currentTimeMillisUnsafe()
    return taken.then(() => {
      heldMs += clock.currentTimeMillisUnsafe() - since
    })
  }
  const attempt = (): Effect.Effect<void, UploadError> => {
    const from = at
    return readOnce(run, { offset: at, size: end - at }, patienceAfter(stalls), counted).pipe(
      Effect.tapError(({ reason }) =>
        Effect.sync(() => {
          if (reason._tag === "Stalled") stalls++
        })
      ),
      Effect.catchIf(
        (error) => error.retry === "temporary" && (at === end || at - from >= worthwhile),
        (error) => Effect.sync(() => run.onRetry({ error, attempt: 1, delayMs: 0 }))
      )
    )
  }
  while (at < end) {
    yield* retrying(attempt, run.options, {
      budget: budgetOf(run.store),
      bytes: range.size,
      waitedMs: () => heldMs,
      onRetry: (retry) => Effect.sync(() => run.onRetry(retry))
    })
  }
})
