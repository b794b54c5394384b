import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as ManagedRuntime from "effect/ManagedRuntime"
import type { UploadError } from "../UploadError.ts"

/** An effect as a promise. A signal interrupts it and awaits its end; aborted before, it begins nothing. */
export type RunPromise<R> = <A>(
  effect: Effect.Effect<A, UploadError, R>,
  signal?: AbortSignal | undefined
) => Promise<A>

const aborted = (): DOMException => new DOMException("the request was aborted", "AbortError")

/** Effects on `runtime`, as promises that reject with what they failed with. */
export const makeRunPromise =
  <R>(runtime: ManagedRuntime.ManagedRuntime<R, UploadError>): RunPromise<R> =>
  async (effect, signal) => {
    // What cannot be interrupted midway would not be: a fiber hears of it after its first steps.
    if (signal?.aborted === true) throw aborted()
    const exit = await runtime.runPromiseExit(effect, signal === undefined ? {} : { signal })
    if (Exit.isSuccess(exit)) return exit.value
    if (Cause.hasInterruptsOnly(exit.cause)) throw aborted()
    throw Cause.squash(exit.cause)
  }
