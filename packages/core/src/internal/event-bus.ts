/**
 * The events of one upload: folded into its progress, handed to listeners and to the plugins that observe.
 *
 * @module
 */
import type { Done } from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { UploadEvent } from "../UploadEvent.ts"
import { warn } from "./warn.ts"

/** Events a slow observer may fall behind before it misses some. */
const observerBuffer = 1_024
/** How long the end of an upload waits for its observers, in milliseconds. */
const drainMs = 5_000
/** Shortest time between two BytesSent, in milliseconds. */
const bytesSentEveryMs = 100

type Distributed<T> = T extends UploadEvent ? Omit<T, "sessionId" | "bucket" | "key" | "at"> : never

/** An event without what the bus adds: whose it is, and when. */
export type Happening = Distributed<UploadEvent>

export interface Observer {
  readonly plugin: string
  readonly on: (event: UploadEvent) => Effect.Effect<void>
}

export interface EventBus {
  /** Tells everybody. Plain and quick: callable from a socket's callback. */
  readonly publish: (happening: Happening) => UploadEvent
  /** A socket took bytes of a part's current attempt. */
  readonly accepted: (partNumber: number, bytes: number) => void
  /** A part's attempt starts or its last one failed: what it had sent counts no more. */
  readonly restarted: (partNumber: number) => void
  /** The store has the part. False when it was told before: a part that Complete refused is sent twice. */
  readonly stored: (partNumber: number, bytes: number) => boolean
  /** No event follows: waits until the observers have seen all, or for five seconds. */
  readonly drain: Effect.Effect<void>
}

/** Makes the bus; the scope ends its observers. */
export const makeEventBus = Effect.fnUntraced(function* (options: {
  readonly identity: { readonly sessionId: string; readonly bucket: string; readonly key: () => string }
  readonly observers: ReadonlyArray<Observer>
  readonly listener: ((event: UploadEvent) => void) | undefined
}): Effect.fn.Return<EventBus, never, Scope.Scope> {
  const { identity, observers, listener } = options
  const clock = yield* Clock.Clock

  const queues = yield* Effect.forEach(
    observers,
    Effect.fnUntraced(function* ({ plugin, on }) {
      const queue = yield* Queue.dropping<UploadEvent, Done>(observerBuffer)
      let dropped = 0
      const fiber = yield* Effect.forkScoped(
        Effect.forever(
          Effect.flatMap(Queue.take(queue), (event) =>
            // Suspended: what `on` throws before it gives an effect is its own affair as well.
            Effect.catchCause(
              Effect.suspend(() => on(event)),
              (cause) => warn(`plugin "${plugin}" failed while observing ${event._tag}; the upload goes on`, cause)
            )
          )
        ).pipe(Effect.ignore)
      )
      return {
        fiber,
        queue,
        offer: (event: UploadEvent): void => {
          if (!Queue.offerUnsafe(queue, event)) dropped++
        },
        report: Effect.suspend(() =>
          dropped === 0 ? Effect.void : warn(`plugin "${plugin}" observed too slowly and missed ${dropped} events`)
        )
      }
    })
  )

  const sending = new Map<number, number>()
  const told = new Set<number>()
  let inFlight = 0
  let storedBytes = 0
  let lastBytesSent = 0

  const publish = (happening: Happening): UploadEvent => {
    const event: UploadEvent = {
      ...happening,
      sessionId: identity.sessionId,
      bucket: identity.bucket,
      key: identity.key(),
      at: clock.currentTimeMillisUnsafe()
    }
    for (const { offer } of queues) offer(event)
    try {
      listener?.(event)
    } catch {
      // A listener is a guest: what it throws is its own affair.
    }
    return event
  }

  const forget = (partNumber: number): void => {
    inFlight -= sending.get(partNumber) ?? 0
    sending.delete(partNumber)
  }

  return {
    publish,
    accepted: (partNumber, bytes) => {
      sending.set(partNumber, (sending.get(partNumber) ?? 0) + bytes)
      inFlight += bytes
      const now = clock.currentTimeMillisUnsafe()
      if (now - lastBytesSent < bytesSentEveryMs) return
      lastBytesSent = now
      publish({ _tag: "BytesSent", sent: storedBytes + inFlight, stored: storedBytes })
    },
    restarted: forget,
    stored: (partNumber, bytes) => {
      forget(partNumber)
      if (told.has(partNumber)) return false
      told.add(partNumber)
      storedBytes += bytes
      return true
    },
    drain: Effect.forEach(
      queues,
      ({ fiber, queue, report }) =>
        Queue.end(queue).pipe(
          Effect.andThen(Effect.timeoutOption(Fiber.await(fiber), drainMs)),
          Effect.andThen(report)
        ),
      { concurrency: "unbounded", discard: true }
    )
  }
})
