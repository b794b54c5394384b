import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Session } from "../Session.ts"
import { isSettled } from "../Session.ts"
import type { StoredObject } from "../StoredObject.ts"
import type { UploadError } from "../UploadError.ts"
import { deliver, wanting } from "./deliver.ts"
import type { Engine } from "./engine.ts"
import type { EventBus } from "./event-bus.ts"
import { newsOf } from "./news.ts"
import { endOf, outcomeOf } from "./outcome.ts"
import type { OpenedHooks } from "./run-hooks.ts"
import { warn } from "./warn.ts"

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
  // What is owed to nobody is forgotten at once, without a last record that could outlive this process.
  const close = isSettled(end)
    ? engine.journal.delete(end.sessionId)
    : Effect.andThen(
        engine.journal.update(end),
        owed.length === 0
          ? Effect.void
          : Effect.forkIn(deliver(engine.journal, engine.options, owed, event), engine.scope)
      )
  yield* close.pipe(Effect.catch((error) => warn(`the journal could not close session: ${error.message}`)))
})
