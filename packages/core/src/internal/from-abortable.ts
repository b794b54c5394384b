import * as Effect from "effect/Effect"

/**
 * An effect from a promise that a signal can end. Interruption aborts the signal and then waits until the
 * promise has settled: when the effect is over, nothing of it is still at work.
 */
export const fromAbortable = <A, E>(
  run: (signal: AbortSignal) => Promise<A>,
  onFailure: (cause: unknown) => E
): Effect.Effect<A, E> =>
  Effect.callback<A, E>((resume) => {
    const controller = new AbortController()
    const settled = run(controller.signal).then(
      (value) => resume(Effect.succeed(value)),
      (cause) => resume(Effect.fail(onFailure(cause)))
    )
    return Effect.suspend(() => {
      controller.abort()
      return Effect.promise(() => settled)
    })
  })
