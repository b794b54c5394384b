import { DeleteObjectCommand, PutBucketVersioningCommand } from "@aws-sdk/client-s3"
import { Journal, ObjectStore, Objects, S3ObjectStore, Uploader } from "@sluice/core"
import { createSluice, type ObjectVersion, s3 } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { beforeAll, expect, it } from "vitest"
import { MiB, pattern } from "./bytes.ts"
import { onEmbedded, onEveryStore, type Target } from "./target.ts"
import { freshKey, quick } from "./trial.ts"

const keepVersions = ({ bucket: Bucket, client }: Target) =>
  client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }))

const sluiceOf = (target: Target) => createSluice({ ...quick, store: s3(target.store) })

/** Uploads that many versions of 1, 2, 3… bytes; answers with their ids. */
const grow = async (target: Target, key: string, count: number): Promise<ReadonlyArray<string>> => {
  await using sluice = sluiceOf(target)
  const ids: Array<string> = []
  for (let size = 1; size <= count; size++) {
    const { versionId = "" } = await sluice.upload({ key, body: pattern(size), metadata: { size: `${size}` } }).done()
    ids.push(versionId)
  }
  return ids
}

const remove = ({ bucket: Bucket, client }: Target, Key: string) =>
  client.send(new DeleteObjectCommand({ Bucket, Key }))

const all = async (versions: AsyncIterable<ObjectVersion>) => {
  const list: Array<ObjectVersion> = []
  for await (const version of versions) list.push(version)
  return list
}

onEveryStore("versions of an object", (target) => {
  beforeAll(() => keepVersions(target()))

  it("are told the newest first, delete markers and all, and none of another key", async () => {
    const key = freshKey("versions ä+%2F")
    const ids = await grow(target(), key, 3)
    await grow(target(), `${key}0`, 1)
    await remove(target(), key)
    await using sluice = sluiceOf(target())
    const [marker, ...versions] = await all(sluice.versions(key))
    expect(marker).toMatchObject({ key, isLatest: true, deleteMarker: true, size: 0, etag: "" })
    expect(versions.map(({ versionId, size }) => [versionId, size])).toEqual(
      ids.map((id, index) => [id, index + 1]).reverse()
    )
    for (const { deleteMarker, etag, isLatest, lastModified, versionId } of versions) {
      expect([deleteMarker, isLatest, etag]).toEqual([false, false, (await sluice.head(key, { versionId })).etag])
      expect(lastModified).toBeInstanceOf(Date)
    }
    expect(await all(sluice.versions(freshKey("nothing")))).toEqual([])
  })

  it("one of them is restored: the newest again, with its attributes, and none is gone", async () => {
    const key = freshKey("restored")
    const [first = ""] = await grow(target(), key, 3)
    await using sluice = sluiceOf(target())
    const restored = await sluice.restore(key, first)
    expect(restored).toMatchObject({ key, size: 1, from: first, written: true, proof: "source" })
    expect(restored.versionId).not.toBe(first)
    expect(await sluice.head(key)).toMatchObject({ size: 1, metadata: { size: "1" }, versionId: restored.versionId })
    expect(await sluice.verify({ key, body: pattern(1), download: true })).toMatchObject({ matches: true })
    expect((await all(sluice.versions(key))).map(({ size }) => size)).toEqual([1, 3, 2, 1])
    expect(await sluice.sessions()).toEqual([])
  })

  it("one is restored from below a delete marker, and in parts where it is too large for one copy", async () => {
    const key = freshKey("undeleted")
    await using sluice = sluiceOf(target())
    const bytes = pattern(11 * MiB + 7)
    const { versionId = "" } = await sluice.upload({ key, body: bytes }).done()
    await sluice.remove(key)
    await expect(sluice.head(key)).rejects.toThrow(/NoSuchKey/)
    const told: Array<number> = []
    const sizes = { partSize: 5 * MiB, multipartThreshold: 5 * MiB }
    await sluice.restore(key, versionId, { ...sizes, onProgress: ({ received }) => told.push(received) })
    expect(await sluice.verify({ key, body: bytes, download: true })).toMatchObject({ matches: true })
    expect(told.at(-1)).toBe(bytes.length)
    expect((await all(sluice.versions(key))).map(({ deleteMarker }) => deleteMarker)).toEqual([false, true, false])
    await target().assertNothingLeft()
  })

  it("the newest is not written again", async () => {
    const key = freshKey("newest")
    const [, newest = ""] = await grow(target(), key, 2)
    await using sluice = sluiceOf(target())
    expect(await sluice.restore(key, newest)).toMatchObject({
      from: newest,
      versionId: newest,
      written: false,
      size: 2
    })
    expect(await all(sluice.versions(key))).toHaveLength(2)
  })

  it("a delete marker and what is no version cannot be restored", async () => {
    const key = freshKey("refused")
    await grow(target(), key, 1)
    await remove(target(), key)
    await using sluice = sluiceOf(target())
    const [marker] = await all(sluice.versions(key))
    await expect(sluice.restore(key, marker?.versionId ?? "")).rejects.toThrow(/^InvalidRequest.*delete marker/)
    await expect(sluice.restore(key, "00000000-0000-4000-8000-000000000000")).rejects.toThrow(
      /^(NoSuchKey|InvalidRequest)/
    )
    expect(await all(sluice.versions(key))).toHaveLength(2)
  })

  it("in Effect they are a stream", async () => {
    const key = freshKey("streamed")
    const ids = await grow(target(), key, 2)
    const program = Effect.gen(function* () {
      const objects = yield* Objects.Objects
      const { written } = yield* objects.restore({ key, versionId: ids[0] ?? "" })
      const sizes = yield* Stream.runCollect(Stream.map(objects.versions(key), ({ size }) => size))
      return { written, sizes }
    })
    const live = Objects.Objects.layer(quick).pipe(
      Layer.provide(Uploader.layer(quick)),
      Layer.provide([S3ObjectStore.layer(target().store), Journal.layerMemory])
    )
    expect(await Effect.runPromise(Effect.provide(program, live))).toEqual({ written: true, sizes: [1, 2, 1] })
  })
})

onEmbedded("versions of an object", (target) => {
  it("without versioning there is one, which is the newest", async () => {
    const key = freshKey("plain")
    await grow(target(), key, 2)
    await using sluice = sluiceOf(target())
    const [only, ...more] = await all(sluice.versions(key))
    expect([only?.versionId, only?.isLatest, only?.size, more]).toEqual(["null", true, 2, []])
    expect(await sluice.restore(key, "null")).toMatchObject({ written: false, size: 2 })
  })

  it("more than a page of them are told in order", async () => {
    await keepVersions(target())
    const key = freshKey("pages")
    const ids = await grow(target(), key, 4)
    await grow(target(), `${key}0`, 1)
    await remove(target(), key)
    let pages = 0
    const store = Layer.effect(
      ObjectStore.ObjectStore,
      Effect.map(ObjectStore.ObjectStore, (inner) => ({
        ...inner,
        listObjectVersions: (input) => {
          pages++
          return inner.listObjectVersions?.({ ...input, limit: 2 }) ?? Effect.die("the store cannot list")
        }
      }))
    ).pipe(Layer.provide(S3ObjectStore.layer(target().store)))
    await using sluice = createSluice({ ...quick, store })
    const [marker, ...versions] = await all(sluice.versions(key))
    expect(marker?.deleteMarker).toBe(true)
    expect(versions.map(({ versionId }) => versionId)).toEqual(ids.toReversed())
    // The third page begins with the last version, and the key's neighbour behind it is the end.
    expect(pages).toBe(3)
  })

  it("a restore whose answer is lost is looked up and done once", async () => {
    const key = freshKey("lost")
    const [first = ""] = await grow(target(), key, 2)
    await using sluice = sluiceOf(target())
    const match = { op: "CopyObject", key } as const
    target().server.faults.add({ match, action: { type: "dropAfterCommit" }, times: 1 })
    expect(await sluice.restore(key, first)).toMatchObject({ size: 1, written: true })
    expect((await all(sluice.versions(key))).map(({ size }) => size)).toEqual([1, 2, 1])
  })
})
