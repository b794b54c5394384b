import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type * as ManagedRuntime from "effect/ManagedRuntime"
import { initial, next } from "../Progress.ts"
import type { Upload } from "../Sluice.ts"
import type { BodyOptions, QueueSize } from "../SluiceOptions.ts"
import { from, type Source } from "../Source.ts"
import type { StoredObject } from "../StoredObject.ts"
import { isUploadError, type UploadError } from "../UploadError.ts"
import { isTerminal, type UploadEvent } from "../UploadEvent.ts"
import type { UploadControl } from "../Uploader.ts"
import { makeEventHistory } from "./event-history.ts"
import { UploadsService } from "./make-uploads.ts"
import { withConcurrency } from "./with-concurrency.ts"

/** What is begun: an upload, or an earlier one. */
interface Request extends BodyOptions, QueueSize {
  readonly contentType?: string | undefined
  readonly concurrency?: number | undefined
}

/** An upload that runs from now on, on `runtime`. */
export const startUpload = <R extends Request>(
  runtime: ManagedRuntime.ManagedRuntime<UploadsService, UploadError>,
  given: R,
  eventBuffer: number,
  work: (
    uploads: UploadsService["Service"],
    request: Omit<R, "queueSize"> & { readonly source: Source },
    control: UploadControl
  ) => Effect.Effect<StoredObject, UploadError>
): Upload => {
  const { body, name, contentType, onProgress, signal, size } = given
  const history = makeEventHistory(eventBuffer)
  const gate = Latch.makeUnsafe(true)
  let progress = initial

  const onEvent = (event: UploadEvent): void => {
    progress = next(progress, event)
    history.add(event)
    if (isTerminal(event)) history.end()
    onProgress?.(progress)
  }

  const request = withConcurrency(given)
  const source = from(body, { size, name, contentType })
  let aborted = false
  const fiber = runtime.runFork(
    isUploadError(request)
      ? Effect.fail(request)
      : isUploadError(source)
        ? Effect.fail(source)
        : Effect.flatMap(UploadsService, (uploads) =>
            work(uploads, { ...request, source }, { onEvent, gate, cancelled: () => aborted })
          )
  )
  const abort = (): Promise<void> => {
    aborted = true
    return Effect.runPromise(Fiber.interrupt(fiber))
  }
  const onAbort = (): void => void abort()
  const done = new Promise<StoredObject>((resolve, reject) => {
    fiber.addObserver((exit) => {
      // Failures before the first event (options, plugins) end the event stream too.
      history.end()
      signal?.removeEventListener("abort", onAbort)
      if (Exit.isSuccess(exit)) resolve(exit.value)
      else if (Cause.hasInterruptsOnly(exit.cause)) reject(new DOMException("the upload was aborted", "AbortError"))
      else reject(Cause.squash(exit.cause))
    })
  })
  // A failure that nobody awaits is no unhandled rejection; `done()` still rejects.
  done.catch(() => undefined)

  if (signal?.aborted === true) onAbort()
  else signal?.addEventListener("abort", onAbort, { once: true })

  return {
    done: () => done,
    abort,
    pause: () => void Latch.closeUnsafe(gate),
    resume: () => void Latch.openUnsafe(gate),
    progress: () => progress,
    events: history.follow,
    [Symbol.asyncDispose]: abort
  }
}
