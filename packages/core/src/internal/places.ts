import * as Effect from "effect/Effect"
import { makeTurnQueue, type Priority } from "./turn-queue.ts"

/** Room for so many at once. Who finds none waits for a turn. */
export interface Places {
  /** Runs the effect in a place, which it gives back however it ends. Interrupted while it waits, it never began. */
  readonly within: (priority: Priority) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly held: () => number
  readonly waiting: () => number
}

interface Guest {
  seated: boolean
  call: () => void
}

/** Places as many as `limit` says whenever one is given; a lower limit takes none away. */
export const makePlaces = (limit: () => number): Places => {
  const queue = makeTurnQueue<Guest>()
  let held = 0

  const seat = (guest: Guest): void => {
    held++
    guest.seated = true
  }
  const enter = (guest: Guest, priority: Priority): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (held < limit() && queue.size() === 0) {
        seat(guest)
        return Effect.void
      }
      return Effect.callback<void>((resume) => {
        guest.call = () => resume(Effect.void)
        queue.add(guest, priority)
      })
    })
  // Seated or not: an interruption may come between the call and the first step.
  const leave = (guest: Guest): void => {
    if (guest.seated) held--
    else queue.remove(guest)
    while (held < limit()) {
      const next = queue.next()
      if (next === undefined) return
      seat(next)
      next.call()
    }
  }

  return {
    within: (priority) => (effect) =>
      Effect.uninterruptibleMask((restore) => {
        const guest: Guest = { seated: false, call: () => undefined }
        return restore(enter(guest, priority)).pipe(
          Effect.andThen(restore(effect)),
          Effect.ensuring(Effect.sync(() => leave(guest)))
        )
      }),
    held: () => held,
    waiting: () => queue.size()
  }
}
