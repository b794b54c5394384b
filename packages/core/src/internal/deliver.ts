/**
 * At-least-once delivery of terminal events: owed in the journal until it has happened.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { EngineOptions } from "../Defaults.ts"
import type { JournalApi } from "../Journal.ts"
import type { DeliverHook } from "../Plugin.ts"
import { sha256Hex } from "../platform/hash.ts"
import { retrying } from "../RetryPolicy.ts"
import { isSettled } from "../Session.ts"
import { type UploadError, uploadError } from "../UploadError.ts"
import type { UploadEvent } from "../UploadEvent.ts"
import { inTime } from "./in-time.ts"
import type { Named } from "./run-hooks.ts"
import { warn } from "./warn.ts"

/** hash(session, transition): stable over tries, and tells nothing of the session id, which is a capability. */
const deliveryId = (event: UploadEvent): Effect.Effect<string> =>
  Effect.promise(async () => sha256Hex(new TextEncoder().encode(`${event.sessionId}:${event._tag}`)))

/** Which deliveries want this event. */
export const wanting = (
  deliveries: ReadonlyArray<Named<DeliverHook>>,
  tag: UploadEvent["_tag"]
): ReadonlyArray<Named<DeliverHook>> => deliveries.filter(({ hook }) => hook.events.includes(tag))

const failed = (plugin: string, cause: unknown): UploadError =>
  uploadError({ _tag: "PluginFailed", plugin, hook: "deliver", cause }, { cause, retry: "temporary" })

/**
 * Sends one event to every delivery that wants it, each with retries. What is delivered is struck from the
 * session; what is not stays owed there. Never fails: a delivery cannot fail an upload that has ended.
 */
export const deliver = Effect.fnUntraced(function* (
  journal: JournalApi,
  options: EngineOptions,
  deliveries: ReadonlyArray<Named<DeliverHook>>,
  event: UploadEvent
): Effect.fn.Return<void> {
  const id = yield* deliveryId(event)
  const strike = (name: string) =>
    retrying(
      () =>
        Effect.flatMap(journal.get(event.sessionId), (session) =>
          journal.update({ ...session, undelivered: session.undelivered.filter((owed) => owed !== name) })
        ),
      options,
      { onRetry: () => Effect.void }
    )
  yield* Effect.forEach(
    deliveries,
    ({ plugin, hook }) =>
      retrying(
        () =>
          Effect.catchCause(
            inTime(
              { plugin, hook: "deliver", timeoutMs: hook.timeoutMs ?? options.hookTimeoutMs },
              Effect.suspend(() => hook.send({ id, event }))
            ),
            (cause) => Effect.fail(failed(plugin, Cause.squash(cause)))
          ),
        options,
        { onRetry: () => Effect.void }
      ).pipe(
        Effect.andThen(strike(hook.name)),
        Effect.catch((error) =>
          warn(`plugin "${plugin}" could not deliver ${event._tag} of session; it stays owed: ${error.message}`)
        )
      ),
    { concurrency: "unbounded", discard: true }
  )
  const session = yield* Effect.option(journal.get(event.sessionId))
  if (session._tag === "Some" && isSettled(session.value)) yield* Effect.ignore(journal.delete(event.sessionId))
})
