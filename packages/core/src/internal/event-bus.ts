/**
 * The events of one upload: folded into its progress, handed to listeners and to the plugins that observe.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { UploadEvent } from "../UploadEvent.ts"
import { type Observer, observe } from "./observe.ts"

/** Shortest time between two BytesSent, in milliseconds. */
const bytesSentEveryMs = 100

type Distributed<T> = T extends UploadEvent ? Omit<T, "sessionId" | "bucket" | "key" | "at"> : never

/** An event without what the bus adds: whose it is, and when. */
export type Happening = Distributed<UploadEvent>

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

  const observations = yield* Effect.forEach(observers, observe)

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
    for (const { tell } of observations) tell(event)
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
    drain: Effect.forEach(observations, ({ drain }) => drain, { concurrency: "unbounded", discard: true })
  }
})
