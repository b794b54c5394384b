/** Trouble that passes, and that others do not outlive (reference/upload-libraries.md §0.2, §2 row 7). */
import { assert, it } from "@effect/vitest"
import { Journal, ObjectStore, Source, Uploader, uploadError } from "@sluice/core"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { MiB, pattern, sha256 } from "../engine/bytes.ts"
import { makeVirtualStore } from "../engine/virtual-store.ts"

const bytes = pattern(4 * 8 * MiB + 1)

// Measured: three attempts of the SDK (0, 0.5 and 1.1 s), then everything is aborted; a part is never tried above it.
it.effect.each([30_000, 60_000])("lib-storage: %i ms of 503 on one part end the whole upload after 1.2 s", (until) =>
  Effect.gen(function* () {
    const store = yield* makeVirtualStore(() => undefined)
    const began = yield* Clock.currentTimeMillis
    const busy = uploadError({ _tag: "Unavailable", message: "503 Service Unavailable", away: true })
    const api = ObjectStore.around(store.api, (operation, run) =>
      operation._tag === "UploadPart" && operation.input.partNumber === 3
        ? Effect.flatMap(Clock.currentTimeMillis, (now) => (now - began < until ? Effect.fail(busy) : run))
        : run
    )
    const layer = Uploader.layer().pipe(
      Layer.provide([Layer.succeed(ObjectStore.ObjectStore, api), Journal.layerMemory])
    )
    const upload = Uploader.use((uploader) => uploader.upload({ key: "key", source: Source.fromBytes(bytes) }))
    const fiber = yield* Effect.forkChild(Effect.provide(upload, layer))
    for (let second = 0; second < 300 && fiber.pollUnsafe() === undefined; second++) {
      yield* TestClock.adjust("1 second")
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    }
    assert.isTrue(Exit.isSuccess(yield* Fiber.await(fiber)))
    assert.strictEqual(sha256(store.object("key") ?? new Uint8Array()), sha256(bytes))
    assert.strictEqual(store.openUploads(), 0)
    // The other parts were sent once.
    assert.strictEqual(store.attempts.filter(({ partNumber }) => partNumber !== 3).length, 4)
  })
)
