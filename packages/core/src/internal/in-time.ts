/**
 * How long a guest is waited for.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { type UploadError, uploadError } from "../UploadError.ts"

/** A hook that may take so long and no longer. */
export interface Guest {
  readonly plugin: string
  readonly hook: string
  readonly timeoutMs: number
}

/** What a hook that was told to stop may still need for it. */
const graceMs = 5_000

export const hangs = ({ hook, plugin, timeoutMs }: Guest, what: string): UploadError =>
  uploadError({
    _tag: "PluginFailed",
    plugin,
    hook,
    cause: new Error(`${what} for ${timeoutMs} ms (hookTimeoutMs)`)
  })

/**
 * The hook's answer, or `PluginFailed` when there is none in time. Whether time is up or somebody interrupts: the hook is
 * interrupted, and awaited for five seconds; one that does not hear is left behind.
 */
export const inTime = <A, R>(
  guest: Guest,
  effect: Effect.Effect<A, UploadError, R>
): Effect.Effect<A, UploadError, R> =>
  Effect.uninterruptibleMask(
    Effect.fnUntraced(function* (restore) {
      const fiber = yield* Effect.forkDetach(effect, { startImmediately: true })
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return yield* exit
      const leave = Effect.suspend(() => {
        fiber.interruptUnsafe()
        return Effect.timeoutOption(Fiber.await(fiber), graceMs)
      })
      const answer = yield* restore(Effect.timeoutOption(Fiber.await(fiber), guest.timeoutMs)).pipe(
        Effect.onInterrupt(() => leave)
      )
      if (Option.isSome(answer)) return yield* answer.value
      yield* leave
      return yield* hangs(guest, "it did not answer")
    })
  )

/**
 * What `transform` makes of the bytes, as long as it goes on: it may wait for its input, but when it has that, or its end,
 * and gives nothing in time, whoever waits for the next chunk gets `PluginFailed`. The scope ends the watching.
 */
export const inTimeTransformed = Effect.fnUntraced(function* (
  guest: Guest,
  transform: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
  input: AsyncIterable<Uint8Array>
): Effect.fn.Return<AsyncIterable<Uint8Array>, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  let asked = false
  let waitsForInput = 0
  /** Since when it owes a chunk. */
  let since: number | undefined
  let giveUp = (_: UploadError): void => undefined
  const look = (): void => {
    since = asked && waitsForInput === 0 ? clock.currentTimeMillisUnsafe() : undefined
  }
  const answered = <A>(promise: Promise<A>, also: () => void): Promise<A> =>
    promise.finally(() => {
      also()
      look()
    })

  const watch = Effect.gen(function* () {
    for (;;) {
      const waited = since === undefined ? 0 : clock.currentTimeMillisUnsafe() - since
      if (waited >= guest.timeoutMs) return giveUp(hangs(guest, "it has its input and gave nothing"))
      yield* Effect.sleep(guest.timeoutMs - waited)
    }
  })
  yield* Effect.forkScoped(watch)

  const watchedInput = (): AsyncIterator<Uint8Array> => {
    const bytes = input[Symbol.asyncIterator]()
    return {
      next: () => {
        waitsForInput++
        look()
        return answered(bytes.next(), () => {
          waitsForInput--
        })
      },
      return: async () => {
        await bytes.return?.()
        return { done: true, value: undefined }
      }
    }
  }
  return {
    [Symbol.asyncIterator]: () => {
      const output = transform({ [Symbol.asyncIterator]: watchedInput })[Symbol.asyncIterator]()
      return {
        next: () =>
          answered(
            new Promise((resolve, reject) => {
              asked = true
              look()
              giveUp = reject
              output.next().then(resolve, reject)
            }),
            () => {
              asked = false
            }
          ),
        return: async () => {
          await output.return?.()
          return { done: true, value: undefined }
        }
      }
    }
  }
})
