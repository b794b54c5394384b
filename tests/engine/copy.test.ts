import { CreateBucketCommand } from "@aws-sdk/client-s3"
import * as Plugin from "@sluice/core/Plugin"
import { createSluice, type ReadProgress, type SluiceOptions, s3 } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { MiB, pattern } from "./bytes.ts"
import { type EmbeddedTarget, onEmbedded, onEveryStore, put, type Target } from "./target.ts"
import { freshKey, quick } from "./trial.ts"

const bytes = pattern(11 * MiB + 7)
/** Three parts, of what S3 would copy at once. */
const inParts = { partSize: 5 * MiB, multipartThreshold: 5 * MiB }

const sluiceOf = (target: Target, options: Partial<SluiceOptions> = {}) =>
  createSluice({ ...quick, ...options, store: s3(target.store) })

/** Requests that carried the object's bytes through this process since then. */
const carried = ({ server }: EmbeddedTarget, since: number) =>
  server.requests.slice(since).filter(({ op }) => ["GetObject", "PutObject", "UploadPart"].includes(op))

onEveryStore("an object is copied by its store", (target) => {
  it.each([
    ["at once", {}],
    ["in parts", inParts]
  ])("%s: the same bytes, attributes and digest", async (name, options) => {
    const key = freshKey("copy ä+")
    await using sluice = sluiceOf(target())
    const attributes = { contentType: "video/mp4", cacheControl: "no-store", metadata: { speaker: "Ada" } }
    await sluice.upload({ key, body: bytes, ...attributes }).done()
    const told: Array<ReadProgress> = []
    const to = `${key}/copy`
    const copied = await sluice.copy({ from: { key }, to: { key: to }, ...options, onProgress: (p) => told.push(p) })
    expect(copied).toMatchObject({ bucket: target().bucket, key: to, size: bytes.length, by: "store" })
    // MinIO keeps no checksum of an object whose parts it copied.
    if (name === "at once" || "server" in target()) expect(copied.proof).toBe("source")
    expect(await sluice.verify({ key: to, body: bytes, download: true })).toMatchObject({ matches: true })
    expect(await sluice.head(to)).toMatchObject({ ...attributes, size: bytes.length, etag: copied.etag })
    expect(told.at(-1)).toMatchObject({ total: bytes.length, received: bytes.length, percent: 100 })
    expect(await sluice.sessions()).toEqual([])
    await target().assertNothingLeft()
  })

  it("with other attributes where they are given, and over itself with those alone", async () => {
    const key = freshKey("attributes")
    await using sluice = sluiceOf(target())
    await sluice.upload({ key, body: bytes.subarray(0, 9), contentType: "text/plain", metadata: { a: "1" } }).done()
    await sluice.copy({ from: { key }, to: { key, contentType: "text/csv", metadata: { b: "2" } } })
    expect(await sluice.head(key)).toMatchObject({ contentType: "text/csv", metadata: { b: "2" }, size: 9 })
    await expect(sluice.copy({ from: { key }, to: { key: `${key}-2`, ifNoneMatch: "*" } })).resolves.toBeDefined()
    await expect(sluice.copy({ from: { key: "nothing" }, to: { key: "x" } })).rejects.toThrow(/^NoSuchKey/)
  })
})

onEmbedded("a copy by the store", (target) => {
  it("moves no byte through this process, also to another bucket behind the endpoint", async () => {
    await target().client.send(new CreateBucketCommand({ Bucket: "archive" }))
    const key = freshKey("near")
    await using sluice = sluiceOf(target())
    await using archive = createSluice({ ...quick, store: s3({ ...target().store, bucket: "archive" }) })
    await sluice.upload({ key, body: bytes }).done()
    const since = target().server.requests.length
    for (const options of [{}, inParts]) {
      const copied = await archive.copy({ from: { sluice, key }, to: { key }, ...options })
      expect(copied).toMatchObject({ bucket: "archive", by: "store", proof: "source" })
    }
    expect(carried(target(), since)).toEqual([])
    expect(await archive.verify({ key, body: bytes })).toMatchObject({ matches: true })
  })

  it("of an object that is replaced meanwhile is none, and leaves nothing", async () => {
    const key = freshKey("replaced")
    await using sluice = sluiceOf(target())
    await sluice.upload({ key, body: bytes }).done()
    const onProgress = ({ received }: ReadProgress) => {
      if (received > 0) replaced ??= put(target(), key, pattern(9))
    }
    let replaced: Promise<void> | undefined
    const match = { op: "UploadPartCopy", partNumber: 3 } as const
    target().server.faults.add({ match, action: { type: "status", status: 503, code: "SlowDown" }, times: 3 })
    const options = { ...inParts, concurrency: 1, onProgress }
    const copy = sluice.copy({ from: { key }, to: { key: `${key}-copy` }, ...options })
    await expect(copy).rejects.toThrow(/^PreconditionFailed: .*written again while it was copied/)
    await replaced
    await expect(sluice.head(`${key}-copy`)).rejects.toThrow(/^NoSuchKey/)
    expect(await sluice.sessions()).toEqual([])
    await target().assertNothingLeft()
  })

  it("that is aborted leaves nothing", async () => {
    const key = freshKey("aborted")
    await using sluice = sluiceOf(target())
    await sluice.upload({ key, body: bytes }).done()
    const controller = new AbortController()
    const onProgress = ({ received }: ReadProgress) => {
      if (received > 0) controller.abort()
    }
    const { signal } = controller
    const copy = sluice.copy({
      from: { key },
      to: { key: `${key}-copy` },
      ...inParts,
      concurrency: 1,
      onProgress,
      signal
    })
    await expect(copy).rejects.toThrow("aborted")
    expect(target().open(`${key}-copy`)).toBe(0)
    await expect(sluice.head(`${key}-copy`)).rejects.toThrow(/^NoSuchKey/)
    expect(await sluice.sessions()).toEqual([])
    await target().assertNothingLeft()
  })

  it.each([
    ["at once", {}, "CopyObject"],
    ["in parts", inParts, "CompleteMultipartUpload"]
  ] as const)("%s whose last answer is lost is found by its write token", async (_, options, op) => {
    const key = freshKey("lost")
    await using sluice = sluiceOf(target())
    await sluice.upload({ key, body: bytes }).done()
    const to = { key: `${key}-copy`, ifNoneMatch: "*" } as const
    target().server.faults.add({ match: { op, key: to.key }, action: { type: "dropAfterCommit" } })
    expect(await sluice.copy({ from: { key }, to, ...options })).toMatchObject({ by: "store", proof: "source" })
    expect(target().count(op, to.key)).toBe(1)
    await target().assertNothingLeft()
  })

  it("that arrives as other bytes is an error, and says that the copy stands", async () => {
    const key = freshKey("wrong")
    await using sluice = sluiceOf(target())
    await sluice.upload({ key, body: bytes }).done()
    const match = { op: "HeadObject", key: `${key}-copy` } as const
    target().server.faults.add({ match, action: { type: "wrongChecksum" } })
    const copy = sluice.copy({ from: { key }, to: { key: `${key}-copy` } })
    await expect(copy).rejects.toMatchObject({ reason: { _tag: "ChecksumMismatch", stored: true } })
  })
})

onEmbedded("what the store does not copy is read and uploaded", (target) => {
  it.each([
    ["because it may not", 403, "AccessDenied"],
    ["because it cannot", 501, "NotImplemented"]
  ])("%s", async (_, status, code) => {
    const key = freshKey("refused")
    await using sluice = sluiceOf(target())
    await sluice.upload({ key, body: bytes, contentType: "video/mp4" }).done()
    const action = { type: "status", status, code } as const
    target().server.faults.add({ match: { op: "CopyObject" }, action, times: Number.POSITIVE_INFINITY })
    const told: Array<ReadProgress> = []
    const to = { key: `${key}-copy` }
    const copied = await sluice.copy({ from: { key }, to, onProgress: (progress) => told.push(progress) })
    target().server.faults.clear()
    expect(copied).toMatchObject({ by: "transfer", proof: "source", size: bytes.length })
    expect(told.at(-1)).toMatchObject({ received: bytes.length, percent: 100 })
    expect((await sluice.head(to.key)).contentType).toBe("video/mp4")
    expect(await sluice.verify({ key: to.key, body: bytes })).toMatchObject({ matches: true })
    expect(await sluice.sessions()).toEqual([])
    await target().assertNothingLeft()
  })

  it("because a plugin wants to see what is stored", async () => {
    const key = freshKey("seen")
    const seen: Array<string> = []
    const looking = Plugin.make({
      name: "test/looking",
      open: ({ key }) => Effect.succeed({ finish: () => Effect.sync(() => void seen.push(key)) })
    })
    await using sluice = sluiceOf(target(), { plugins: [looking] })
    await sluice.upload({ key, body: bytes.subarray(0, 9) }).done()
    expect(await sluice.copy({ from: { key }, to: { key: `${key}-copy` } })).toMatchObject({ by: "transfer" })
    expect(seen).toEqual([key, `${key}-copy`])
  })
})

onEmbedded("between two stores, a copy", (target) => {
  onEmbedded("is an upload whose source is an object", (other) => {
    it("identical, and shown so", async () => {
      const key = freshKey("far")
      await using from = sluiceOf(target())
      await using to = sluiceOf(other())
      await from.upload({ key, body: bytes, metadata: { a: "1" } }).done()
      const copied = await to.copy({ from: { sluice: from, key }, to: { key } })
      expect(copied).toMatchObject({ by: "transfer", proof: "source" })
      expect((await to.head(key)).metadata).toEqual({ a: "1" })
      expect(await to.verify({ key, body: bytes })).toMatchObject({ matches: true })
    })

    it("of damaged bytes is not completed", async () => {
      const key = freshKey("damaged")
      await using from = sluiceOf(target())
      await using to = sluiceOf(other())
      await from.upload({ key, body: bytes }).done()
      target().server.faults.add({ match: { op: "GetObject", key, nth: 2 }, action: { type: "corrupt", byte: 77 } })
      await expect(to.copy({ from: { sluice: from, key }, to: { key } })).rejects.toThrow(/^ChecksumMismatch/)
      await expect(to.head(key)).rejects.toThrow(/^NoSuchKey/)
      await other().assertNothingLeft()
    })
  })
})
