import * as Effect from "effect/Effect"
import type { EngineOptions } from "../Defaults.ts"
import { type UploadError, uploadError } from "../UploadError.ts"
import { makePlaces } from "./places.ts"
import type { Priority } from "./turn-queue.ts"

/** Lets uploads run, wait, or turns them away. */
export interface Admission {
  /** Runs the upload in its turn; fails at once with `Rejected` (429, temporary) when too many wait already. */
  readonly admitted: (
    priority: Priority | undefined
  ) => <A, R>(upload: Effect.Effect<A, UploadError, R>) => Effect.Effect<A, UploadError, R>
  readonly running: () => number
  readonly waiting: () => number
}

/** At most `maxUploads` run at once, at most `maxQueuedUploads` wait: a line without an end is memory without a bound. */
export const makeAdmission = ({
  maxUploads,
  maxQueuedUploads
}: Pick<EngineOptions, "maxUploads" | "maxQueuedUploads">): Admission => {
  const places = makePlaces(() => maxUploads)
  const full = (): UploadError =>
    uploadError(
      {
        _tag: "Rejected",
        status: 429,
        message: `${places.held()} uploads run and ${places.waiting()} wait, which is all that maxUploads and maxQueuedUploads allow; try again later, or raise them`
      },
      { retry: "temporary" }
    )
  return {
    admitted:
      (priority = "normal") =>
      (upload) =>
        Effect.suspend(() =>
          places.held() >= maxUploads && places.waiting() >= maxQueuedUploads
            ? Effect.fail(full())
            : places.within(priority)(upload)
        ),
    running: places.held,
    waiting: places.waiting
  }
}
