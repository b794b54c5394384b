import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { retrying } from "../RetryPolicy.ts"
import { isSettled, type Session } from "../Session.ts"
import type { StoredObject } from "../StoredObject.ts"
import type { UploadError } from "../UploadError.ts"
import { deliver, wanting } from "./deliver.ts"
import type { Engine } from "./engine.ts"
import type { EventBus } from "./event-bus.ts"
import { newsOf } from "./news.ts"
import { endOf, outcomeOf } from "./outcome.ts"
import type { OpenedHooks } from "./run-hooks.ts"
import { warn } from "./warn.ts"

/** How long the end of an upload waits for a journal that is away, in milliseconds. */
const recordWithinMs = 10_000

/** What an upload leaves behind. */
export interface Ended {
  readonly exit: Exit.Exit<StoredObject, UploadError>
  readonly hooks: OpenedHooks
  readonly bus: EventBus
  /** Undefined when it ended before it was journalled. */
  readonly session: Session | undefined
  /** It can be resumed: the journal keeps the session as it is. */
  readonly kept: boolean
}

/** The object stands, or the upload was ended in the store: what the journal still names is left over. */
const closed = (session: Session, exit: Exit.Exit<StoredObject, UploadError>): Session => {
  const outcome = outcomeOf(exit)
  const stands =
    outcome !== undefined &&
    outcome !== "cancelled" &&
    outcome.reason._tag === "ChecksumMismatch" &&
    outcome.reason.stored === true
  return { ...session, state: endOf(exit), ...(stands ? { uploadId: undefined } : {}) }
}

/**
 * The terminal event, its observers and its deliveries; the journal forgets what is owed to nobody. An upload
 * that is kept has only ended its run: nothing is delivered, nothing is forgotten.
 */
export const settle = Effect.fnUntraced(function* <R>(
  engine: Engine<R>,
  { bus, exit, hooks, kept, session }: Ended
): Effect.fn.Return<void> {
  const outcome = outcomeOf(exit)
  const event = bus.publish(
    Exit.isSuccess(exit)
      ? { _tag: "UploadCompleted", object: exit.value }
      : outcome === "cancelled" || outcome === undefined
        ? { _tag: "UploadCancelled", kept }
        : { _tag: "UploadFailed", error: outcome, kept }
  )
  yield* bus.drain
  if (session === undefined || kept) return
  const owed = wanting(hooks.deliveries, event._tag)
  const end = {
    ...closed(session, exit),
    undelivered: owed.map(({ hook }) => hook.name),
    news: owed.length === 0 ? undefined : newsOf(event)
  }
  const { journal, options, scope } = engine
  // What is owed to nobody is forgotten at once, without a last record that could outlive this process.
  if (isSettled(end)) {
    return yield* Effect.catch(journal.delete(end.sessionId), (error) =>
      warn(`the journal could not forget a session: ${error.message}`)
    )
  }
  // Once another object stands at the key, this record alone can tell how the upload ended: it is worth a while.
  const patience = { ...options, retryWithinMs: Math.min(options.retryWithinMs, recordWithinMs) }
  yield* retrying(() => journal.update(end), patience, { onRetry: () => Effect.void }).pipe(
    Effect.catch((error) => warn(`the journal could not close a session: ${error.message}`))
  )
  if (owed.length > 0) yield* Effect.forkIn(deliver(journal, options, owed, event), scope)
})
