/** The end of an upload, which others report before it has come (reference/upload-libraries.md §0.1, §0.7). */
import { Journal, ObjectStore, S3ObjectStore, Source, Uploader } from "@sluice/core"
import { createSluice, s3, type Upload } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { expect, it } from "vitest"
import { MiB, pattern } from "../engine/bytes.ts"
import { openRequests } from "../engine/connections.ts"
import { download, onEmbedded, onEveryStore, type Target } from "../engine/target.ts"
import { attempt, freshKey, quick } from "../engine/trial.ts"
import { createAnswer, partRequest, startTurnstile } from "../engine/turnstile.ts"

const part = quick.partSize
const aborted = { name: "AbortError" }

/** One upload in Effect, with `around` about every call to the store. */
const inEffect = (
  target: Target,
  key: string,
  source: Source.Source,
  around: ObjectStore.Interceptor = (_, run) => run
) => {
  const store = Layer.effect(
    ObjectStore.ObjectStore,
    Effect.map(ObjectStore.ObjectStore, (inner) => ObjectStore.around(inner, around))
  ).pipe(Layer.provide(S3ObjectStore.layer(target.store)))
  return Uploader.use((uploader) => uploader.upload({ key, source })).pipe(
    Effect.provide(Uploader.layer(quick).pipe(Layer.provide([store, Journal.layerMemory])))
  )
}

onEmbedded("an upload that is aborted", (target) => {
  // §0.1, measured: rejects at 307 ms, the four parts land until 777 ms, Abort leaves at 781 ms (aws-sdk-js-v3#5109).
  it("lib-storage: abort() returns while parts are still in flight", async () => {
    const key = freshKey("lib-storage")
    const { faults } = target().server
    for (const partNumber of [1, 2, 3, 4]) {
      faults.add({ match: { op: "UploadPart", key, partNumber }, action: { type: "stall", afterBytes: MiB } })
    }
    const during = async (upload: Upload): Promise<void> => {
      await expect.poll(() => faults.hits.filter((hit) => hit.key === key)).toHaveLength(4)
      await upload.abort()
      expect(openRequests(target().store.endpoint)).toEqual([])
      expect(target().open(key)).toBe(0)
      expect(target().count("AbortMultipartUpload", key)).toBe(1)
    }
    const { error } = await attempt(target(), { key, body: pattern(4 * part) }, { concurrency: 4, during })
    expect(error).toMatchObject(aborted)
  })

  // §0.1, measured: below 5 MiB `done()` says AbortError, and the request goes on until the object is written.
  it("lib-storage: abort() of a small body does not end its request", async () => {
    const key = freshKey("lib-storage")
    const { faults } = target().server
    faults.add({ match: { op: "PutObject", key }, action: { type: "stall", afterBytes: MiB } })
    const during = async (upload: Upload): Promise<void> => {
      await expect.poll(() => faults.hits.filter((hit) => hit.key === key)).toHaveLength(1)
      await upload.abort()
      expect(openRequests(target().store.endpoint)).toEqual([])
    }
    expect((await attempt(target(), { key, body: pattern(4 * MiB) }, { during })).error).toMatchObject(aborted)
    expect(await download(target(), key)).toBeUndefined()
  })
})

onEveryStore("an upload that is aborted", (target) => {
  // §3, "interrupt during Create"; §2 row 2: the upload that the store is just making is nobody's.
  it("lib-storage: an upload that is aborted during Create is left in the store", async () => {
    await using turnstile = await startTurnstile(target().store.endpoint)
    const held = turnstile.hold(createAnswer)
    const during = async (upload: Upload): Promise<void> => {
      await held.arrived
      const done = upload.abort()
      held.release()
      await done
    }
    const setup = { store: { endpoint: turnstile.endpoint }, during }
    expect((await attempt(target(), { body: pattern(part + 1) }, setup)).error).toMatchObject(aborted)
  })

  // §1a (bun#41688): a writer that is dropped is never aborted.
  it("Bun: a writer that goes out of scope leaves its upload in the store", async () => {
    const key = freshKey("bun")
    await using turnstile = await startTurnstile(target().store.endpoint)
    const held = turnstile.hold(partRequest(2))
    {
      await using sluice = createSluice({ ...quick, store: s3({ ...target().store, endpoint: turnstile.endpoint }) })
      sluice.upload({ key, body: pattern(part + 1) })
      await held.arrived
    }
    held.release()
    expect(target().open(key)).toBe(0)
    await target().assertNothingLeft()
  })
})

onEmbedded("the same engine in Effect", (target) => {
  // §0.7, measured: it is a `Die`, and the upload stays open.
  it("@effect-aws/s3: a Complete that is refused is a defect, and the upload stays open", async () => {
    const key = freshKey("effect-aws")
    const action = { type: "status", status: 403, code: "AccessDenied" } as const
    target().server.faults.add({ match: { op: "CompleteMultipartUpload", key }, action })
    const exit = await Effect.runPromiseExit(inEffect(target(), key, Source.fromBytes(pattern(part))))
    expect(Exit.findErrorOption(exit)).toMatchObject({ value: { reason: { _tag: "AccessDenied" } } })
    expect(target().open(key)).toBe(0)
  })

  // §0.7, measured: it becomes an unrelated ParseError.
  it("@effect-aws/s3: the error of the source's own Stream is lost", async () => {
    const key = freshKey("effect-aws")
    const mine = { _tag: "RowsBroken", row: 7 } as const
    const rows = Stream.concat(Stream.make(pattern(part + 1)), Stream.fail(mine))
    const exit = await Effect.runPromiseExit(inEffect(target(), key, Source.fromStream(rows)))
    const error = Exit.findErrorOption(exit)
    expect(error).toMatchObject({ value: { reason: { _tag: "SourceFailed" } } })
    expect(error._tag === "Some" && error.value.cause).toEqual(mine)
    expect(target().open(key)).toBe(0)
  })

  // §0.7, measured: Abort is sent at once, the four parts arrive after it.
  it("@effect-aws/s3: interrupted, it sends Abort while parts are still on their way [row 46]", async () => {
    const key = freshKey("effect-aws")
    const { faults } = target().server
    for (const partNumber of [1, 2]) {
      faults.add({ match: { op: "UploadPart", key, partNumber }, action: { type: "stall", afterBytes: MiB } })
    }
    const story: Array<string> = []
    const program = inEffect(target(), key, Source.fromBytes(pattern(2 * part)), ({ _tag }, run) =>
      Effect.suspend(() => {
        story.push(`${_tag} begins`)
        return Effect.ensuring(
          run,
          Effect.sync(() => story.push(`${_tag} ends`))
        )
      })
    )
    await Effect.runPromise(
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(program)
        yield* Effect.promise(() => expect.poll(() => faults.hits.filter((hit) => hit.key === key)).toHaveLength(2))
        yield* Fiber.interrupt(fiber)
      })
    )
    expect(story.filter((line) => line === "UploadPart ends")).toHaveLength(2)
    expect(story.lastIndexOf("UploadPart ends")).toBeLessThan(story.indexOf("AbortMultipartUpload begins"))
    expect(target().open(key)).toBe(0)
  })
})
