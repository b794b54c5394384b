/**
 * Deliveries of an upload that has ended, in a process that did not run it.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EngineOptions } from "../Defaults.ts"
import type { JournalApi } from "../Journal.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import type { DeliverHook, Plugin, UploadContext } from "../Plugin.ts"
import type { Session } from "../Session.ts"
import type { UploadEventTag } from "../UploadEvent.ts"
import { asStored } from "./as-stored.ts"
import { deliver, wanting } from "./deliver.ts"
import { objectExists } from "./guarded-call.ts"
import { endEvent } from "./news.ts"
import { type Named, openHooks } from "./run-hooks.ts"
import { warn } from "./warn.ts"

interface Around<R> {
  readonly store: ObjectStoreApi
  readonly journal: JournalApi
  readonly options: EngineOptions
  readonly plugins: ReadonlyArray<Plugin<R>>
}

/** The upload as far as the session knows it: the source is not at hand, and annotations were never kept. */
const contextOf =
  <R>({ options, store }: Around<R>, session: Session) =>
  (plugin: string): UploadContext => ({
    sessionId: session.sessionId,
    bucket: session.bucket,
    key: session.key,
    source: {
      size: session.size,
      name: session.source?.name,
      contentType: session.attributes.contentType,
      replayable: session.resumable,
      identity: session.source
    },
    capabilities: store.capabilities,
    annotations: {},
    resumed: true,
    saved: session.pluginState[plugin],
    save: () => Effect.void,
    exists: (key) => objectExists(store, options, key),
    stored: (key) => asStored({ store, options }, key)
  })

/** The session's `deliver` hooks, of those of its plugins that are configured here. */
export const openDeliveries = <R>(
  around: Around<R>,
  session: Session
): Effect.Effect<ReadonlyArray<Named<DeliverHook>>, never, R | Scope.Scope> =>
  Effect.map(
    Effect.forEach(
      around.plugins.filter(({ name }) => session.plugins.includes(name)),
      (plugin) =>
        openHooks([plugin], contextOf(around, session), around.options.hookTimeoutMs).pipe(
          Effect.map(({ deliveries }) => deliveries),
          Effect.catch((error) => Effect.as(warn(`deliveries are not continued now: ${error.message}`), []))
        )
    ),
    (opened) => opened.flat()
  )

/** Who is owed an event: those here who want it, and those whom only another process could ask. */
export const owedFor = (
  session: Session,
  deliveries: ReadonlyArray<Named<DeliverHook>>,
  tag: UploadEventTag
): ReadonlyArray<string> => {
  const here = new Set(deliveries.map(({ hook }) => hook.name))
  const elsewhere = session.undelivered.filter((name) => !here.has(name))
  return [...wanting(deliveries, tag).map(({ hook }) => hook.name), ...elsewhere]
}

/** A sweep tries twice; the next one is the backoff. */
const attemptsOf = (options: EngineOptions): EngineOptions => ({ ...options, maxAttempts: 2 })

/** Sends the end of the session to all whom it is owed, and who can be asked here. */
export const continueDeliveries = <R>(
  { journal, options }: Around<R>,
  session: Session,
  deliveries: ReadonlyArray<Named<DeliverHook>>
): Effect.Effect<void> => {
  const event = endEvent(session)
  if (event === undefined) return Effect.void
  const owed = deliveries.filter(({ hook }) => session.undelivered.includes(hook.name))
  return deliver(journal, attemptsOf(options), owed, event)
}
