import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as ManagedRuntime from "effect/ManagedRuntime"
import type { UploadError } from "../UploadError.ts"

/** An effect as a promise. An aborted signal interrupts it and awaits its end; then it rejects with an `AbortError`. */
export type RunPromise<R> = <A>(
  effect: Effect.Effect<A, UploadError, R>,
  signal?: AbortSignal | undefined
) => Promise<A>

/** Effects on `runtime`, as promises that reject with what they failed with. */
export const makeRunPromise =
  <R>(runtime: ManagedRuntime.ManagedRuntime<R, UploadError>): RunPromise<R> =>
  async (effect, signal) => {
    const exit = await runtime.runPromiseExit(effect, signal === undefined ? {} : { signal })
    if (Exit.isSuccess(exit)) return exit.value
    if (Cause.hasInterruptsOnly(exit.cause)) throw new DOMException("the request was aborted", "AbortError")
    throw Cause.squash(exit.cause)
  }
