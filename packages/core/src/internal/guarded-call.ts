import * as Effect from "effect/Effect"
import type { EngineOptions } from "../Defaults.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import { retrying } from "../RetryPolicy.ts"
import type { UploadError } from "../UploadError.ts"
import { watched } from "./watchdog.ts"

/** One attempt at a call to the store that belongs to no upload: silence and overlong attempts end it. */
export const watchedCall = <A>(
  options: EngineOptions,
  operation: string,
  call: Effect.Effect<A, UploadError>
): Effect.Effect<A, UploadError> =>
  watched(() => call, {
    stallMs: options.stallTimeoutMs,
    deadlineMs: options.attemptTimeoutMs,
    context: { operation }
  })

/** The same, retried as the parts of an upload are. */
export const guardedCall = <A>(
  options: EngineOptions,
  operation: string,
  call: Effect.Effect<A, UploadError>
): Effect.Effect<A, UploadError> => retrying(() => watchedCall(options, operation, call), options)

/** Whether an object stands at the key. */
export const objectExists = (
  store: ObjectStoreApi,
  options: EngineOptions,
  key: string
): Effect.Effect<boolean, UploadError> =>
  guardedCall(options, "HeadObject", store.headObject({ key })).pipe(
    Effect.as(true),
    Effect.catchReason("UploadError", "NoSuchKey", () => Effect.succeed(false))
  )
