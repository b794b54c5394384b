import { Journal, ObjectStore, Plugin, S3ObjectStore, Source, type UploadEvent, Uploader } from "@sluice/core"
import { type UploadError, uploadError } from "@sluice/core/UploadError"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { expect, it } from "vitest"
import { chunksOf, MiB, pattern, sha256 } from "./bytes.ts"
import { openRequests } from "./connections.ts"
import { abortBehindItsBack, download, onEmbedded, onEveryStore, type Target } from "./target.ts"
import { freshKey, quick } from "./trial.ts"

const part = 5 * MiB

const live = (target: Target) =>
  Uploader.layer(quick).pipe(Layer.provide([S3ObjectStore.layer(target.store), Journal.layerMemory]))

const expectStored = async (target: Target, key: string, bytes: Uint8Array): Promise<void> => {
  expect(sha256((await download(target, key)) ?? new Uint8Array(0))).toBe(sha256(bytes))
  await target.assertNothingLeft()
}

onEveryStore("the same engine in Effect", (target) => {
  it.each([
    ["no byte", 0],
    ["one byte below the threshold", part - 1],
    ["two parts and a byte", 2 * part + 1]
  ])("stores an Effect Stream of %s, identical", async (_, size) => {
    const bytes = pattern(size)
    const key = freshKey("rows.csv")
    const rows = Stream.fromIterable(chunksOf(bytes))
    const program = Effect.gen(function* () {
      const uploader = yield* Uploader
      return yield* uploader.upload({ key, source: Source.fromStream(rows) })
    })
    const stored = await Effect.runPromise(Effect.provide(program, live(target())))
    expect(stored).toMatchObject({ key, size, proof: "source", parts: Math.max(1, Math.ceil(size / part)) })
    await expectStored(target(), key, bytes)
  })

  it("tells an upload as a stream of events that ends with its success", async () => {
    const bytes = pattern(part + 1)
    const key = freshKey("told")
    const program = Effect.gen(function* () {
      const uploader = yield* Uploader
      return yield* Stream.runCollect(uploader.stream({ key, source: Source.fromBytes(bytes) }))
    })
    const events = await Effect.runPromise(Effect.provide(program, live(target())))
    const tags = events.map(({ _tag }) => _tag).filter((tag) => tag !== "BytesSent")
    expect(tags).toEqual(["UploadStarted", "PartStored", "PartStored", "Completing", "UploadCompleted"])
    await expectStored(target(), key, bytes)
  })

  it("leaves nothing when its fiber is interrupted", async () => {
    const key = freshKey("interrupted")
    const program = Effect.gen(function* () {
      const uploader = yield* Uploader
      const stored = yield* Deferred.make<void>()
      const endless = Stream.concat(Stream.fromIterable(chunksOf(pattern(2 * part))), Stream.never)
      const onEvent = ({ _tag }: UploadEvent): void => {
        if (_tag === "PartStored") Deferred.doneUnsafe(stored, Exit.void)
      }
      const fiber = yield* Effect.forkChild(uploader.upload({ key, source: Source.fromStream(endless) }, { onEvent }))
      yield* Deferred.await(stored)
      yield* Fiber.interrupt(fiber)
      expect(target().open(key)).toBe(0)
      expect(openRequests(target().store.endpoint)).toEqual([])
    })
    await Effect.runPromise(Effect.provide(program, live(target())))
    expect(await download(target(), key)).toBeUndefined()
    await target().assertNothingLeft()
  })
})

onEmbedded("the same engine in Effect", (target) => {
  it("leaves nothing when the listener of its events goes away", async () => {
    const key = freshKey("left")
    const program = Effect.gen(function* () {
      const uploader = yield* Uploader
      const source = Source.fromBytes(pattern(3 * part))
      return yield* uploader.stream({ key, source }).pipe(Stream.take(1), Stream.runCollect)
    })
    const events = await Effect.runPromise(Effect.provide(program, live(target())))
    expect(events.map(({ _tag }) => _tag)).toEqual(["UploadStarted"])
    expect(target().open(key)).toBe(0)
    await target().assertNothingLeft()
  })

  it("fails by reason, which catchReason tells apart", async () => {
    const elsewhere = S3ObjectStore.layer({ ...target().store, bucket: "no-such-bucket" })
    const program = Effect.gen(function* () {
      const uploader = yield* Uploader
      yield* uploader.upload({ key: "k", source: Source.text("x") })
      return "stored"
    }).pipe(Effect.catchReason("UploadError", "NoSuchBucket", () => Effect.succeed("no bucket")))
    const layer = Uploader.layer(quick).pipe(Layer.provide([elsewhere, Journal.layerMemory]))
    expect(await Effect.runPromise(Effect.provide(program, layer))).toBe("no bucket")
  })

  it("fails its stream of events as the upload fails, after the event that says so", async () => {
    const seen: Array<string> = []
    const failing = Stream.concat(Stream.fromIterable([pattern(10)]), Stream.fail(new Error("no more rows")))
    const program = Effect.gen(function* () {
      const uploader = yield* Uploader
      const events = uploader.stream({ key: freshKey(), source: Source.fromStream(failing) })
      yield* Stream.runForEach(events, ({ _tag }) => Effect.sync(() => void seen.push(_tag)))
    })
    const exit = await Effect.runPromiseExit(Effect.provide(program, live(target())))
    expect(exit).toMatchObject({ _tag: "Failure" })
    expect(String(exit)).toMatch(/SourceFailed.*no more rows/s)
    expect(seen).toEqual(["UploadFailed"])
  })

  it("gives its plugins the services that they ask for", async () => {
    class Owner extends Context.Service<Owner, { readonly name: string }>()("test/Owner") {}
    const byOwner = Plugin.make({
      name: "acme/by-owner",
      open: Effect.fnUntraced(function* (upload) {
        const { name } = yield* Owner
        return { plan: (plan) => Effect.succeed({ ...plan, key: `${name}/${upload.key}` }) }
      })
    })
    const layer = Uploader.layer({ ...quick, plugins: [byOwner] }).pipe(
      Layer.provide([
        S3ObjectStore.layer(target().store),
        Journal.layerMemory,
        Layer.succeed(Owner, Owner.of({ name: "ada" }))
      ])
    )
    const program = Uploader.use((uploader) => uploader.upload({ key: "notes.txt", source: Source.text("x") }))
    expect(await Effect.runPromise(Effect.provide(program, layer))).toMatchObject({ key: "ada/notes.txt" })
  })

  it("writes the session through the journal, and nothing of it stays there after the end", async () => {
    const states: Array<string> = []
    const journal = await Effect.runPromise(Journal.makeMemory)
    const watched = Journal.Journal.of({
      ...journal,
      update: (session) => {
        states.push(session.state)
        return journal.update(session)
      }
    })
    const key = freshKey("journalled")
    const layer = Uploader.layer(quick).pipe(
      Layer.provide([S3ObjectStore.layer(target().store), Layer.succeed(Journal.Journal, watched)])
    )
    const program = Uploader.use((uploader) => uploader.upload({ key, source: Source.fromBytes(pattern(part)) }))
    await Effect.runPromise(Effect.provide(program, layer))
    expect(states).toEqual(["uploading", "completing"])
    expect(await Effect.runPromise(journal.listByKey(target().bucket, key))).toEqual([])
  })

  it("keeps the session of an upload that could not be aborted, so that it can be ended later", async () => {
    const key = freshKey("denied")
    const denied = { type: "status", status: 403, code: "AccessDenied" } as const
    const { faults } = target().server
    for (const op of ["UploadPart", "AbortMultipartUpload"] as const) {
      faults.add({ match: { op, key }, action: denied, times: Number.POSITIVE_INFINITY })
    }
    const journal = await Effect.runPromise(Journal.makeMemory)
    const layer = Uploader.layer(quick).pipe(
      Layer.provide([S3ObjectStore.layer(target().store), Layer.succeed(Journal.Journal, Journal.Journal.of(journal))])
    )
    const program = Uploader.use((uploader) => uploader.upload({ key, source: Source.fromBytes(pattern(part)) }))
    const exit = await Effect.runPromiseExit(Effect.provide(program, layer).pipe(Effect.provide(Logger.layer([]))))
    expect(String(exit)).toMatch(/AccessDenied/)
    const [open] = target().server.openUploads()
    const sessions = await Effect.runPromise(journal.listByKey(target().bucket, key))
    faults.clear()
    await abortBehindItsBack(target(), key)
    expect(sessions).toMatchObject([{ uploadId: open?.uploadId }])
  })

  it("finds its object when a Complete that seemed lost was still at work and won against the abort [row 37]", async () => {
    const key = freshKey("late-complete")
    const layer = Uploader.layer({ ...quick, maxAttempts: 2 }).pipe(
      Layer.provide([
        Layer.effect(
          ObjectStore.ObjectStore,
          Effect.map(ObjectStore.ObjectStore, (store) => {
            let atWork: Effect.Effect<unknown, UploadError> = Effect.void
            return ObjectStore.around(store, (operation, run) => {
              if (operation._tag === "CompleteMultipartUpload") {
                atWork = run
                return Effect.fail(uploadError({ _tag: "Unavailable", message: "the answer was lost" }))
              }
              return operation._tag === "AbortMultipartUpload" ? Effect.andThen(Effect.ignore(atWork), run) : run
            })
          })
        ).pipe(Layer.provide(S3ObjectStore.layer(target().store))),
        Journal.layerMemory
      ])
    )
    const body = pattern(part + 1)
    const program = Uploader.use((uploader) => uploader.upload({ key, source: Source.fromBytes(body) }))
    expect(await Effect.runPromise(Effect.provide(program, layer))).toMatchObject({ key, size: body.length, parts: 2 })
    expect(sha256((await download(target(), key)) ?? new Uint8Array())).toBe(sha256(body))
    await target().assertNothingLeft()
  })

  it("goes through an operator's `around`, call by call", async () => {
    const calls: Array<string> = []
    const layer = Uploader.layer(quick).pipe(
      Layer.provide([
        Layer.effect(
          ObjectStore.ObjectStore,
          Effect.map(ObjectStore.ObjectStore, (store) =>
            ObjectStore.around(store, (operation, run) => {
              calls.push(operation._tag)
              return run
            })
          )
        ).pipe(Layer.provide(S3ObjectStore.layer(target().store))),
        Journal.layerMemory
      ])
    )
    const program = Uploader.use((uploader) =>
      uploader.upload({ key: freshKey(), source: Source.fromBytes(pattern(part)) })
    )
    await Effect.runPromise(Effect.provide(program, layer))
    expect(calls).toEqual(["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
  })
})
