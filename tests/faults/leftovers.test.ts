/** What cannot be ended now is named in the journal, and the Janitor ends it (docs/reliability.md). */
import { Journal, ObjectStore, S3ObjectStore, Source, type UploadError, Uploader, uploadError } from "@sluice/core"
import { Janitor } from "@sluice/core/Janitor"
import * as Plugin from "@sluice/core/Plugin"
import { createSluice, type SluiceOptions, s3 } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { expect, it } from "vitest"
import { pattern } from "../engine/bytes.ts"
import { type FaultyTarget, onFaultyStores, openUploads } from "../engine/target.ts"
import { freshKey, quick } from "../engine/trial.ts"
import { makeVirtualStore } from "../engine/virtual-store.ts"

const bytes = pattern(quick.partSize + 1_000)
const always = Number.POSITIVE_INFINITY

/** One sweep of the journal, with a store that works. */
const swept = (target: FaultyTarget, journal: Journal.JournalApi) =>
  Effect.runPromise(
    Effect.flatMap(Janitor, (janitor) => janitor.sweep()).pipe(
      Effect.provide(
        Janitor.layer(quick).pipe(
          Layer.provide([S3ObjectStore.layer(target.store), Layer.succeed(Journal.Journal, journal)])
        )
      )
    )
  )

onFaultyStores("an upload that fails and cannot be aborted", (target) => {
  const failing = async (options: Partial<SluiceOptions>, key: string) => {
    const journal = Journal.Journal.of(await Effect.runPromise(Journal.makeMemory))
    const quiet = Layer.provideMerge(Layer.succeed(Journal.Journal, journal), Logger.layer([]))
    await using sluice = createSluice({ ...quick, journal: quiet, store: s3(target().store), ...options })
    const error: unknown = await sluice
      .upload({ key, body: bytes })
      .done()
      .catch((cause: unknown) => cause)
    const [open] = await openUploads(target(), key)
    const sessions = await Effect.runPromise(journal.listExpired(always))
    expect(sessions).toMatchObject([{ key, uploadId: open?.uploadId }])
    return { error, journal }
  }

  it("because nothing is allowed any more keeps its first error, and is ended by the next sweep [row 45]", async () => {
    const key = freshKey("denied")
    const { faults } = target()
    const denied = { type: "status", status: 403, code: "AccessDenied" } as const
    faults.add({
      match: { op: "UploadPart", key, partNumber: 2 },
      action: { ...denied, code: "InvalidRequest" },
      times: always
    })
    faults.add({ match: { op: "AbortMultipartUpload", key }, action: denied, times: always })
    const { error, journal } = await failing({}, key)
    expect(error).toMatchObject({ reason: { _tag: "InvalidRequest" }, operation: "UploadPart" })
    faults.clear()
    expect(await swept(target(), journal)).toMatchObject({ counts: { cleaned: 1, left: 0 } })
    expect(await Effect.runPromise(journal.listExpired(always))).toEqual([])
    await target().assertNothingLeft()
  })

  it("because its credentials are gone says so, and is ended by a sweep that has others [row 24]", async () => {
    const key = freshKey("sealed")
    let sealed = false
    // Expired soon: asked for again and again.
    const credentials = async () => {
      if (sealed) throw new Error("the vault is sealed")
      return { ...target().credentials, expiration: new Date(Date.now() + 1_000) }
    }
    const seal = Plugin.make({
      name: "test/seal",
      open: () =>
        Effect.succeed({
          send: (sending, next) => {
            sealed = true
            return next(sending)
          }
        })
    })
    const store = s3({ ...target().store, credentials })
    const { error, journal } = await failing({ store, plugins: [seal] }, key)
    expect(error).toMatchObject({ reason: { _tag: "CredentialsUnavailable" } })
    expect(await swept(target(), journal)).toMatchObject({ counts: { cleaned: 1, left: 0 } })
    await target().assertNothingLeft()
  })
})

it("an abort that is answered 500 for ever ends within a minute, names the upload, and hides no error [row 45]", async () => {
  const failing = uploadError({ _tag: "Unavailable", message: "InternalError" })
  const denied = uploadError({ _tag: "AccessDenied", message: "not allowed" })
  const program = Effect.gen(function* () {
    let mended = false
    const store = yield* makeVirtualStore((operation) => {
      if (operation === "UploadPart") return denied
      return operation === "AbortMultipartUpload" && !mended ? failing : undefined
    })
    const journal = Journal.Journal.of(yield* Journal.makeMemory)
    const around = Layer.mergeAll(
      Layer.succeed(ObjectStore.ObjectStore, store.api),
      Layer.succeed(Journal.Journal, journal)
    )
    const upload = Uploader.use((uploader) =>
      uploader.upload({ key: "key", source: Source.fromBytes(bytes), multipart: "always" })
    )
    const fiber = yield* Effect.forkChild(Effect.flip(Effect.provide(upload, Layer.provide(Uploader.layer(), around))))
    for (let second = 0; second < 60; second++) {
      yield* TestClock.adjust("1 second")
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    }
    const error: UploadError = yield* Fiber.join(fiber)
    expect(error.reason._tag).toBe("AccessDenied")
    expect(store.openUploads()).toBe(1)
    expect(yield* journal.listByKey("media", "key")).toMatchObject([{ uploadId: "upload-1" }])
    mended = true
    const sweep = Effect.flatMap(Janitor, (janitor) => janitor.sweep())
    expect(yield* Effect.provide(sweep, Layer.provide(Janitor.layer(), around))).toMatchObject({
      counts: { cleaned: 1 }
    })
    expect(store.openUploads()).toBe(0)
  })
  await Effect.runPromise(program.pipe(Effect.provide(TestClock.layer()), Effect.provide(Logger.layer([]))))
})
