import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PutBucketVersioningCommand } from "@aws-sdk/client-s3"
import { FileJournal, Journal, ObjectStore, Objects, S3ObjectStore, Uploader } from "@sluice/core"
import { createSluice, isUploadError, type Sluice, s3 } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { expect, it } from "vitest"
import { MiB, pattern, sha256 } from "./bytes.ts"
import { openRequests } from "./connections.ts"
import { onEmbedded, onEveryStore, put, type Target } from "./target.ts"
import { freshKey, quick } from "./trial.ts"

const bytes = pattern(11 * MiB + 7)

const live = (target: Target) =>
  Objects.Objects.layer(quick).pipe(
    Layer.provideMerge(Uploader.layer(quick)),
    Layer.provide([S3ObjectStore.layer(target.store), Journal.layerMemory])
  )

onEveryStore("what stands in a store, in Effect", (target) => {
  it("is read as a stream, copied and removed", async () => {
    const key = freshKey("effect")
    await put(target(), key, bytes)
    const program = Effect.gen(function* () {
      const objects = yield* Objects.Objects
      const { proof, stream } = yield* objects.read({ key })
      const read = Buffer.concat(yield* Stream.runCollect(stream))
      const copied = yield* objects.copy({ from: { key }, to: { key: `${key}-copy` } })
      yield* objects.remove({ key })
      const gone = yield* Effect.flip(objects.head({ key }))
      return { read, proof: proof(), copied, gone: gone.reason._tag }
    })
    const { read, ...rest } = await Effect.runPromise(Effect.scoped(Effect.provide(program, live(target()))))
    expect(sha256(read)).toBe(sha256(bytes))
    expect(rest).toMatchObject({ proof: "source", copied: { by: "store", size: bytes.length }, gone: "NoSuchKey" })
  })

  it("and a stream that is left, or interrupted, leaves no request", async () => {
    const key = freshKey("left")
    await put(target(), key, bytes)
    const program = Effect.gen(function* () {
      const objects = yield* Objects.Objects
      const { stream } = yield* objects.read({ key })
      const some = yield* Stream.runCollect(Stream.take(stream, 2))
      expect(some).toHaveLength(2)
      expect(openRequests(target().store.endpoint)).toEqual([])
      const again = yield* objects.read({ key })
      const begun = Promise.withResolvers<void>()
      const waiting = Stream.runForEach(again.stream, () =>
        Effect.andThen(
          Effect.sync(() => begun.resolve()),
          Effect.never
        )
      )
      const fiber = yield* Effect.forkChild(waiting)
      yield* Effect.promise(() => begun.promise)
      yield* Fiber.interrupt(fiber)
    })
    await Effect.runPromise(Effect.scoped(Effect.provide(program, live(target()))))
    expect(openRequests(target().store.endpoint)).toEqual([])
  })
})

onEmbedded("an older version", (target) => {
  it("is looked at, read, downloaded, copied and removed by its id", async () => {
    const Bucket = target().bucket
    await target().client.send(
      new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } })
    )
    const key = freshKey("versioned")
    await using sluice = createSluice({ ...quick, store: s3(target().store) })
    const first = await sluice.upload({ key, body: bytes }).done()
    await sluice.upload({ key, body: pattern(9) }).done()
    const { versionId } = first
    if (versionId === undefined) throw new Error("the bucket has no versions")
    expect((await sluice.head(key)).size).toBe(9)
    expect((await sluice.head(key, { versionId })).size).toBe(bytes.length)
    const { proof, stream } = await sluice.read({ key, versionId })
    expect(sha256(new Uint8Array(await new Response(stream).arrayBuffer()))).toBe(sha256(bytes))
    expect(proof()).toBe("source")
    // Restored: the older version over the newer one.
    for (const multipartThreshold of [5 * MiB, 100 * MiB]) {
      const options = { partSize: 5 * MiB, multipartThreshold }
      expect(await sluice.copy({ from: { key, versionId }, to: { key }, ...options })).toMatchObject({ by: "store" })
      expect(await sluice.verify({ key, body: bytes })).toMatchObject({ matches: true })
    }
    await sluice.remove(key, { versionId })
    await expect(sluice.head(key, { versionId })).rejects.toThrow(/NoSuchKey/)
    expect((await sluice.head(key)).size).toBe(bytes.length)
  })
})

onEmbedded("an upload whose source is an object", (target) => {
  it("is continued by another process, and refused when the object is another", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sluice-source-"))
    const key = freshKey("origin")
    const to = `${key}-copy`
    const sluiceOf = (): Sluice =>
      createSluice({
        ...quick,
        concurrency: 1,
        maxAttempts: 1,
        store: s3(target().store),
        journal: FileJournal.layer(directory)
      })
    await put(target(), key, bytes)
    const match = { op: "UploadPart", key: to, partNumber: 3 } as const
    const action = { type: "status", status: 503, code: "SlowDown" } as const
    target().server.faults.add({ match, action, times: 1 })
    {
      await using sluice = sluiceOf()
      const failed = sluice.upload({ key: to, body: await sluice.source({ key }) }).done()
      await expect(failed).rejects.toSatisfy((error) => isUploadError(error) && error.reason._tag === "Throttled")
    }
    await using sluice = sluiceOf()
    const stored = await sluice.resume({ key: to }, { body: await sluice.source({ key }) }).done()
    expect(stored).toMatchObject({ size: bytes.length, proof: "source" })
    expect(target().count("UploadPart", to)).toBe(4)

    target().server.faults.add({ match, action, times: 1 })
    await expect(sluice.upload({ key: to, body: await sluice.source({ key }) }).done()).rejects.toThrow(/^Throttled/)
    await put(target(), key, pattern(bytes.length, 5))
    const changed = sluice.resume({ key: to }, { body: await sluice.source({ key }) }).done()
    await expect(changed).rejects.toThrow(/^SourceChanged/)
    for (const { sessionId } of await sluice.sessions()) await sluice.cancel(sessionId)
    await target().assertNothingLeft()
    await rm(directory, { recursive: true })
  })

  it("and is replaced while it is read, is not completed", async () => {
    const key = freshKey("moving")
    await using sluice = createSluice({ ...quick, store: s3(target().store) })
    await put(target(), key, bytes)
    const body = await sluice.source({ key })
    await put(target(), key, pattern(bytes.length, 5))
    await expect(sluice.upload({ key: `${key}-copy`, body }).done()).rejects.toThrow(/^SourceChanged/)
    await expect(sluice.head(`${key}-copy`)).rejects.toThrow(/^NoSuchKey/)
  })
})

onEmbedded("an operator's interceptor", (target) => {
  it("sees every call of a reading and of a copy", async () => {
    const key = freshKey("seen")
    await put(target(), key, bytes)
    const seen = new Set<string>()
    const store = Layer.effect(
      ObjectStore.ObjectStore,
      Effect.map(ObjectStore.ObjectStore, (inner) =>
        ObjectStore.around(inner, ({ _tag }, run) => {
          seen.add(_tag)
          return run
        })
      )
    ).pipe(Layer.provide(S3ObjectStore.layer(target().store)))
    await using sluice = createSluice({ ...quick, store })
    await sluice.copy({ from: { key }, to: { key: `${key}-1` } })
    await sluice.copy({ from: { key }, to: { key: `${key}-2` }, partSize: 5 * MiB, multipartThreshold: 5 * MiB })
    const { stream } = await sluice.read({ key })
    await stream.cancel()
    expect([...seen]).toEqual([
      "HeadObject",
      "CopyObject",
      "CreateMultipartUpload",
      "UploadPartCopy",
      "CompleteMultipartUpload"
    ])
  })
})
