/**
 * One plugin that looks on: events in order, one at a time, never in the upload's way.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { UploadEvent } from "../UploadEvent.ts"
import { warn } from "./warn.ts"

/** Events a slow observer may fall behind before it misses some. */
const backlogLimit = 1_024
/** How long the end of an upload waits for an observer, in milliseconds. */
const drainMs = 5_000

/** A plugin's `on`, and whose it is. */
export interface Observer {
  readonly plugin: string
  readonly on: (event: UploadEvent) => Effect.Effect<void>
}

export interface Observation {
  /** Hands over an event. Plain and quick: what takes time goes on in a fiber of its own. */
  readonly tell: (event: UploadEvent) => void
  /** No event follows: waits until all are seen, or for five seconds. */
  readonly drain: Effect.Effect<void>
}

/** Begins to observe; the scope ends it. */
export const observe = Effect.fnUntraced(function* ({
  plugin,
  on
}: Observer): Effect.fn.Return<Observation, never, Scope.Scope> {
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const backlog: Array<UploadEvent> = []
  let dropped = 0
  let failures = 0
  /** Sees one event, and then what came meanwhile. */
  let busy: Fiber.Fiber<void> | undefined

  const see = (event: UploadEvent): Effect.Effect<void> => {
    // Whoever fails at one event mostly fails at all: once in full, the others counted.
    const failed = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
      Effect.suspend(() =>
        failures++ === 0
          ? warn(`plugin "${plugin}" failed while observing ${event._tag}; the upload goes on`, cause)
          : Effect.void
      )
    try {
      const work = on(event)
      // Most events are none of most observers' business. A fiber for each would cost more than they do.
      return Exit.isExit(work) && Exit.isSuccess(work) ? Effect.void : Effect.catchCause(work, failed)
    } catch (thrown) {
      return failed(Cause.die(thrown))
    }
  }
  const catchUp: Effect.Effect<void> = Effect.suspend(() => {
    const event = backlog.shift()
    return event === undefined ? Effect.void : Effect.andThen(see(event), catchUp)
  })

  yield* Effect.addFinalizer(() => (busy === undefined ? Effect.void : Fiber.interrupt(busy)))
  return {
    tell: (event) => {
      if (busy !== undefined) {
        if (backlog.length < backlogLimit) backlog.push(event)
        else dropped++
        return
      }
      const work = see(event)
      if (work === Effect.void) return
      busy = fork(Effect.andThen(work, catchUp))
      busy.addObserver(() => {
        busy = undefined
      })
    },
    drain: Effect.suspend(() =>
      busy === undefined ? Effect.void : Effect.asVoid(Effect.timeoutOption(Fiber.await(busy), drainMs))
    ).pipe(
      Effect.andThen(
        Effect.suspend(() =>
          failures < 2 ? Effect.void : warn(`plugin "${plugin}" failed while observing ${failures - 1} events more`)
        )
      ),
      Effect.andThen(
        Effect.suspend(() =>
          dropped === 0 ? Effect.void : warn(`plugin "${plugin}" observed too slowly and missed ${dropped} events`)
        )
      )
    )
  }
})
