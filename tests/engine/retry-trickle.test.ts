/**
 * A store that takes bytes one by one is never silent; what it does not take ends the attempt all the same.
 */
import { assert, describe, it } from "@effect/vitest"
import { type EngineOptions, Journal, ObjectStore, Source, Uploader } from "@sluice/core"
import type { UploadEvent } from "@sluice/core/UploadEvent"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { MiB, pattern } from "./bytes.ts"
import { makeVirtualStore } from "./virtual-store.ts"

const bytes = pattern(8 * MiB + 1)

/** Shows life each second for so long. */
const alive = (seconds: number, onActivity: (() => void) | undefined): Effect.Effect<void> =>
  Effect.forEach(
    Array.from({ length: seconds }),
    () =>
      Effect.delay(
        Effect.sync(() => onActivity?.()),
        "1 second"
      ),
    { discard: true }
  )

/** Reasons of the retries of one upload, whose parts' first attempts go as `first` says. */
const uploading = Effect.fnUntraced(function* (
  first: (input: ObjectStore.UploadPart) => Effect.Effect<void>,
  options: Partial<EngineOptions> = {}
) {
  const { api } = yield* makeVirtualStore(() => undefined)
  const store: ObjectStore.ObjectStoreApi = {
    ...api,
    uploadPart: (input) =>
      input.attempt === 1 ? Effect.andThen(first(input), api.uploadPart(input)) : api.uploadPart(input)
  }
  const events: Array<UploadEvent> = []
  const upload = Uploader.use((uploader) =>
    uploader.upload({ key: "object", source: Source.fromBytes(bytes) }, { onEvent: (event) => void events.push(event) })
  ).pipe(
    Effect.provide(
      Uploader.layer({ concurrency: 1, ...options }).pipe(
        Layer.provide([Layer.succeed(ObjectStore.ObjectStore, store), Journal.layerMemory])
      )
    )
  )
  const fiber = yield* Effect.forkChild(upload)
  for (let second = 0; second < 3_600 && fiber.pollUnsafe() === undefined; second++) {
    yield* TestClock.adjust("1 second")
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
  }
  yield* Fiber.join(fiber)
  return events.flatMap((event) => (event._tag === "Retrying" ? [event.error.reason._tag] : []))
})

describe("an attempt that shows life each second", () => {
  it.effect("is ended when no byte of it is taken for half a minute, and sent again", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* uploading(({ onActivity }) => alive(600, onActivity)), ["Stalled", "Stalled"])
    })
  )

  it.effect("is ended when less is taken than `minThroughput` asks for [row 12]", () =>
    Effect.gen(function* () {
      const slowly = ({ body, onActivity }: ObjectStore.UploadPart) =>
        Effect.forEach(
          Array.from({ length: 120 }),
          () =>
            Effect.andThen(
              alive(1, onActivity),
              Effect.sync(() => body.onAccepted?.(1_000))
            ),
          { discard: true }
        )
      assert.deepStrictEqual(yield* uploading(slowly), [])
      assert.deepStrictEqual(yield* uploading(slowly, { minThroughput: 64 * 1024 }), ["Stalled"])
    })
  )

  it.effect("is not ended when all is taken and only the answer takes its time", () =>
    Effect.gen(function* () {
      const answersLate = ({ body, onActivity }: ObjectStore.UploadPart) =>
        Effect.andThen(
          Effect.sync(() => body.onAccepted?.(body.size)),
          alive(300, onActivity)
        )
      assert.deepStrictEqual(yield* uploading(answersLate), [])
    })
  )
})
