import { cp, mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { ObjectRecord, PartRecord, Segment, UploadRecord } from "./Records.ts"
import { S3Model } from "./S3Model.ts"
import { slice } from "./slice.ts"
import { diskStore } from "./store/disk-store.ts"
import { memoryStore } from "./store/memory-store.ts"
import type { S3Store } from "./store/S3Store.ts"

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-model-"))
})

afterAll(() => rm(directory, { recursive: true, force: true }))

const put = <A>(model: S3Model, text: string, commit: (segments: ReadonlyArray<Segment>) => Promise<A>) =>
  model.write(Readable.from([Buffer.from(text)]), commit)

const objectOf = (segments: ReadonlyArray<Segment>, uploadId?: string): ObjectRecord => ({
  kind: "object",
  bucket: "media",
  key: "k",
  size: segments.reduce((sum, { length }) => sum + length, 0),
  etag: "",
  modified: 0,
  headers: {},
  segments,
  ...(uploadId === undefined ? {} : { uploadId })
})

const uploadOf = (uploadId: string): UploadRecord => ({
  kind: "upload",
  uploadId,
  bucket: "media",
  key: "k",
  initiated: 0,
  headers: {}
})

const partOf = (uploadId: string, partNumber: number, segments: ReadonlyArray<Segment>): PartRecord => ({
  kind: "part",
  uploadId,
  partNumber,
  size: 0,
  etag: "",
  modified: 0,
  segments
})

async function textOf(model: S3Model, { segments, size }: ObjectRecord): Promise<string> {
  let text = ""
  for await (const chunk of model.read(segments, 0, size)) text += Buffer.from(chunk).toString()
  return text
}

/** Calls `after` when a step of the store is done. */
function stepped(store: S3Store, after: () => Promise<void>): S3Store {
  const then = async <A>(step: Promise<A>): Promise<A> => {
    const result = await step
    await after()
    return result
  }
  return {
    ...store,
    save: (record) => then(store.save(record)),
    remove: (records) => then(store.remove(records)),
    forgetBlob: (blob) => then(store.forgetBlob(blob)),
    async writeBlob() {
      const writer = await then(store.writeBlob())
      return { ...writer, write: (chunk) => then(writer.write(chunk)), commit: () => then(writer.commit()) }
    }
  }
}

describe("S3Model", () => {
  it("on disk, a crash between any two steps leaves the object as it was before or after, and no stray blob", async () => {
    const live = join(directory, "live")
    let snapshots = 0
    const store = stepped(diskStore(live), () => cp(live, join(directory, `${snapshots++}`), { recursive: true }))
    const model = await S3Model.open(store)
    await model.createBucket("media", 0)
    await put(model, "old", (segments) => model.putObject(objectOf(segments), () => {}))
    await model.createUpload(uploadOf("u"))
    const upload = model.upload("media", "k", "u")
    for (const [number, text] of [
      [1, "one "],
      [2, "replaced"],
      [2, "two "],
      [3, "unlisted"]
    ] as const) {
      await put(model, text, (segments) => model.putPart(upload, partOf("u", number, segments)))
    }
    const listed = [1, 2].flatMap((number) => upload.parts.get(number)?.segments ?? [])
    await model.completeUpload(
      upload,
      () => objectOf(listed, "u"),
      () => {}
    )
    await model.deleteObject("media", "k", { now: 0 })
    await store.close()

    const seen: Array<string> = []
    for (let step = 0; step < snapshots; step++) {
      const path = join(directory, `${step}`)
      const reopened = diskStore(path)
      const after = await S3Model.open(reopened)
      const object = after.buckets.get("media")?.objects.get("k")
      const text = object === undefined ? "none" : await textOf(after, object)
      if (seen.at(-1) !== text) seen.push(text)
      const parts = [...after.uploads.values()].flatMap(({ parts }) => [...parts.values()])
      expect(after.uploads.size === 0 || text === "old").toBe(true)
      const named = new Set(
        [...(object?.segments ?? []), ...parts.flatMap(({ segments }) => segments)].map((s) => s.blob)
      )
      expect(new Set(await readdir(join(path, "blobs")))).toEqual(named)
      await reopened.close()
    }
    expect(seen).toEqual(["none", "old", "one two ", "none"])
    expect(snapshots).toBeGreaterThan(25)
  })

  it("on disk, a crash between any two steps of versioning leaves the versions as before or after, and no stray blob", async () => {
    const live = join(directory, "versions")
    let snapshots = 0
    const store = stepped(diskStore(live), () => cp(live, join(directory, `v${snapshots++}`), { recursive: true }))
    const model = await S3Model.open(store)
    await model.createBucket("media", 0)
    const write = (text: string) => put(model, text, (segments) => model.putObject(objectOf(segments), () => {}))
    const versioning = (status: "Enabled" | "Suspended") =>
      model.updateBucket("media", (record) => ({ ...record, versioning: status }))
    await write("a")
    await versioning("Enabled")
    await write("b")
    const { versionId } = await write("c")
    await model.deleteObject("media", "k", { now: 0 })
    await model.deleteObject("media", "k", { now: 0, versionId })
    await versioning("Suspended")
    await write("d")
    await model.deleteObject("media", "k", { now: 0 })
    await store.close()

    const seen: Array<string> = []
    for (let step = 0; step < snapshots; step++) {
      const path = join(directory, `v${step}`)
      const reopened = diskStore(path)
      const after = await S3Model.open(reopened)
      const versions = after.buckets.get("media")?.versions("k") ?? []
      const texts = versions.map((version) => (version.kind === "marker" ? "-" : textOf(after, version)))
      const text = (await Promise.all(texts)).join("")
      if (seen.at(-1) !== text) seen.push(text)
      const named = versions.flatMap((version) => ("segments" in version ? version.segments : []))
      expect(new Set(await readdir(join(path, "blobs")))).toEqual(new Set(named.map(({ blob }) => blob)))
      await reopened.close()
    }
    // Newest first; `-` is a marker. The null version "a" is replaced by "d", and "d" by a null marker.
    expect(seen).toEqual(["", "a", "ba", "cba", "-cba", "-ba", "d-b", "--b"])
  })

  it("on disk, settings and tags outlive the process, each version its own", async () => {
    const path = join(directory, "settings")
    const store = diskStore(path)
    const model = await S3Model.open(store)
    await model.createBucket("media", 0)
    await model.updateBucket("media", (record) => ({ ...record, versioning: "Enabled" }))
    await model.putObject(objectOf([]), () => {})
    const newest = await model.putObject(objectOf([]), () => {})
    const headers = { "x-amz-tagging": "a=1" }
    await model.updateObject(newest, (record) => ({ ...record, headers }))
    await store.close()

    const reopened = diskStore(path)
    const after = await S3Model.open(reopened)
    const bucket = after.bucket("media")
    expect(bucket.record.versioning).toBe("Enabled")
    expect(bucket.versions("k").map((version) => "headers" in version && version.headers)).toEqual([headers, {}])
    const next = await after.putObject(objectOf([]), () => {})
    expect(bucket.objects.get("k")).toBe(next)
    await reopened.close()
  })

  it("refuses a part that arrives while its upload is aborted, and forgets its bytes", async () => {
    const forgotten: Array<string> = []
    const memory = memoryStore()
    let model: S3Model | undefined
    const store: S3Store = {
      ...memory,
      // The abort comes in while the part's record is on its way to the disk.
      save: async (record) => {
        if (record.kind === "part") await model?.abortUpload(model.upload("media", "k", "u"))
        await memory.save(record)
      },
      forgetBlob: async (blob) => void forgotten.push(blob)
    }
    model = await S3Model.open(store)
    await model.createBucket("media", 0)
    await model.createUpload(uploadOf("u"))
    const upload = model.upload("media", "k", "u")
    const blobs: Array<string> = []
    const late = put(model, "late", (segments) => {
      blobs.push(...segments.map(({ blob }) => blob))
      return model.putPart(upload, partOf("u", 1, segments))
    })
    await expect(late).rejects.toMatchObject({ code: "NoSuchUpload" })
    expect(forgotten).toEqual(blobs)
  })

  it("forgets the bytes of what was replaced or removed at once, and of nothing else", async () => {
    const memory = memoryStore()
    const kept = new Set<string>()
    const store: S3Store = {
      ...memory,
      async writeBlob() {
        const writer = await memory.writeBlob()
        const commit = async () => {
          const blob = await writer.commit()
          kept.add(blob)
          return blob
        }
        return { ...writer, commit }
      },
      forgetBlob: async (blob) => void kept.delete(blob)
    }
    const model = await S3Model.open(store)
    await model.createBucket("media", 0)
    const write = (text: string) => put(model, text, (segments) => model.putObject(objectOf(segments), () => {}))
    const versioning = (status: "Enabled" | "Suspended") =>
      model.updateBucket("media", (record) => ({ ...record, versioning: status }))
    await write("replaced")
    await write("null version")
    expect(kept.size).toBe(1)
    await versioning("Enabled")
    const { versionId } = await write("version")
    expect(kept.size).toBe(2)
    await versioning("Suspended")
    await write("another null version")
    expect(kept.size).toBe(2)
    await model.deleteObject("media", "k", { now: 0 })
    expect(kept.size).toBe(1)
    await model.deleteObject("media", "k", { now: 0, versionId })
    expect(kept.size).toBe(0)
  })

  it("of two writers that may only create, one is told of the other, however slow the store", async () => {
    const memory = memoryStore()
    const save = async () => void (await new Promise((resolve) => setImmediate(resolve)))
    const model = await S3Model.open({ ...memory, save })
    await model.createBucket("media", 0)
    const create = () =>
      model.putObject(objectOf([]), (current) => {
        if (current !== undefined) throw new Error("taken")
      })
    const rivals = await Promise.allSettled([create(), create()])
    expect(rivals.map(({ status }) => status)).toEqual(["fulfilled", "rejected"])
  })

  it("keeps the old object when the store cannot save the new one", async () => {
    const memory = memoryStore()
    let full = false
    const store: S3Store = {
      ...memory,
      save: async () => {
        if (full) throw new Error("no space left")
      }
    }
    const model = await S3Model.open(store)
    await model.createBucket("media", 0)
    const write = (text: string) => put(model, text, (segments) => model.putObject(objectOf(segments), () => {}))
    await write("old")
    full = true
    await expect(write("new")).rejects.toThrow("no space left")
    expect(await textOf(model, model.object("media", "k"))).toBe("old")
  })

  it("lets go of bytes only when the last reader has", async () => {
    const model = await S3Model.open(memoryStore())
    await model.createBucket("media", 0)
    await put(model, "read me", (segments) => model.putObject(objectOf(segments), () => {}))
    const { segments } = model.object("media", "k")
    const reading = model.read(segments, 0, 7)
    const dropped = model.read(segments, 0, 7)
    await model.deleteObject("media", "k", { now: 0 })
    await dropped.return?.()
    expect(Buffer.from((await reading.next()).value ?? []).toString()).toBe("read me")
    expect((await reading.next()).done).toBe(true)
    await expect(model.read(segments, 0, 7).next()).rejects.toThrow("gone")
  })
})

it("slice picks the parts of segments that make up a range", () => {
  const segments = [
    { blob: "a", offset: 10, length: 5 },
    { blob: "media", offset: 0, length: 5 }
  ]
  expect(slice(segments, 0, 10)).toEqual(segments)
  expect(slice(segments, 4, 2)).toEqual([
    { blob: "a", offset: 14, length: 1 },
    { blob: "media", offset: 0, length: 1 }
  ])
  expect(slice(segments, 5, 1)).toEqual([{ blob: "media", offset: 0, length: 1 }])
  expect(slice(segments, 3, 0)).toEqual([])
})
