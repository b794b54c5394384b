import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FileJournal, Janitor, ObjectStore, S3ObjectStore } from "@sluice/core"
import * as NamedJournal from "@sluice/core/NamedJournal"
import { prefixed } from "@sluice/core/PrefixedStore"
import { createSluice, isUploadError, s3 } from "@sluice/core/promise"
import { createStores } from "@sluice/core/stores"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { expect, it, onTestFinished } from "vitest"
import { MiB, pattern, sha256 } from "./bytes.ts"
import {
  type EmbeddedTarget,
  onEmbedded,
  onEveryStore,
  put,
  startEmbedded,
  download as stored,
  type Target
} from "./target.ts"
import { freshKey, quick } from "./trial.ts"

const bytes = pattern(11 * MiB + 7)

const tempDirectory = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-stores-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const all = async <A>(list: AsyncIterable<A>): Promise<ReadonlyArray<A>> => {
  const items: Array<A> = []
  for await (const item of list) items.push(item)
  return items
}

/** The third part meets trouble once, so that the upload is kept. */
const trouble = (target: EmbeddedTarget, key: string) =>
  target.server.faults.add({
    match: { op: "UploadPart", key, partNumber: 3 },
    action: { type: "status", status: 503, code: "SlowDown" },
    times: 1
  })

/** What stands at a key, as others read it. */
const download = async (target: Target, key: string): Promise<Uint8Array> => {
  const found = await stored(target, key)
  if (found === undefined) throw new Error(`nothing stands at ${key}`)
  return found
}

const kept = { ...quick, concurrency: 1, maxAttempts: 1, partSize: 5 * MiB } as const

onEveryStore("a folder of a bucket", (target) => {
  it("is a store: what is put there is read, listed, copied and removed by keys relative to it", async () => {
    const folder = freshKey("team ä")
    await using sluice = createSluice({ ...quick, store: s3({ ...target().store, prefix: folder }) })
    await put(target(), `${folder}-next/a`, pattern(1))
    const whole = await sluice.upload({ key: "talks/a+b", body: bytes, partSize: 5 * MiB }).done()
    expect(whole).toMatchObject({ key: "talks/a+b", uri: `s3://${target().bucket}/${folder}/talks/a+b` })
    expect(sha256(await download(target(), `${folder}/talks/a+b`))).toBe(sha256(bytes))
    expect(await sluice.head("talks/a+b")).toMatchObject({ key: "talks/a+b", size: bytes.length })
    expect(await sluice.verify({ key: "talks/a+b", body: bytes, download: true })).toMatchObject({ matches: true })
    const copied = await sluice.copy({ from: { key: "talks/a+b" }, to: { key: "b" } })
    expect(copied).toMatchObject({ by: "store", key: "b", uri: `s3://${target().bucket}/${folder}/b` })
    expect((await all(sluice.list())).map(({ key }) => key)).toEqual(["b", "talks/a+b"])
    expect((await all(sluice.versions("b"))).map(({ key, size }) => [key, size])).toEqual([["b", bytes.length]])
    await sluice.remove("b")
    expect((await all(sluice.list({ prefix: "b" }))).length).toBe(0)
    await target().assertNothingLeft()
  })

  it("is copied from and to by the store, which knows where each stands", async () => {
    const [from, to] = [freshKey("from"), freshKey("to")]
    await using source = createSluice({ ...quick, store: s3({ ...target().store, prefix: from }) })
    await using sluice = createSluice({ ...quick, store: s3({ ...target().store, prefix: to }) })
    await source.upload({ key: "a", body: bytes }).done()
    for (const sizes of [{}, { partSize: 5 * MiB, multipartThreshold: 5 * MiB }]) {
      expect(await sluice.copy({ from: { sluice: source, key: "a" }, to: { key: "b" }, ...sizes })).toMatchObject({
        by: "store"
      })
      expect(sha256(await download(target(), `${to}/b`))).toBe(sha256(bytes))
    }
  })
})

onEmbedded("a folder of a bucket", (target) => {
  it.each(["../a", "..", "a/../../b", "a/./b", ".", "a\\..\\..\\b"])("has no way out of it: %s", async (key) => {
    const open = Effect.map(Layer.build(S3ObjectStore.layer(target().store)), (context) =>
      Context.get(context, ObjectStore.ObjectStore)
    )
    const reasons = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const store = yield* prefixed(yield* open, "tenant")
          const body = { slices: [], size: 0 }
          const at = {
            key,
            uploadId: "u",
            partNumber: 1,
            checksum: "none",
            crc32: 0,
            size: 0,
            body,
            attempt: 1,
            parts: []
          } as const
          const source = { bucket: store.bucket, key: "tenant/a", ifMatch: "e" }
          const calls: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
            store.createMultipartUpload(at),
            store.uploadPart({ key, uploadId: "u", partNumber: 1, body, crc32: 0, attempt: 1 }),
            store.completeMultipartUpload(at),
            store.abortMultipartUpload(at),
            store.listParts(at),
            store.putObject({ key, body, crc32: 0, attempt: 1 }),
            store.headObject({ key }),
            store.getObject({ key }),
            store.deleteObject({ key }),
            store.copyObject?.({ key, source }) ?? Effect.void,
            store.uploadPartCopy?.({ key, uploadId: "u", partNumber: 1, source, range: { start: 0, end: 1 } }) ??
              Effect.void
          ]
          return yield* Effect.forEach(calls, (call) => Effect.flip(call))
        })
      )
    )
    expect(reasons).toHaveLength(11)
    for (const error of reasons) {
      expect(isUploadError(error) && error.reason._tag === "InvalidRequest" && error.message).toContain("segments")
    }
  })

  it.each(["", "/a", "../a", "a/../b", "."])('is refused where its name is none: "%s"', async (prefix) => {
    await using sluice = createSluice({ ...quick, store: s3({ ...target().store, prefix }) })
    await expect(sluice.upload({ key: "a", body: pattern(1) }).done()).rejects.toThrow(/^InvalidRequest.*folder/)
  })
})

onEmbedded("several stores by name", (target) => {
  const storesIn = (directory: string) => {
    const { store } = target()
    return createStores(
      { media: s3({ ...store, prefix: "media" }), archive: s3({ ...store, prefix: "archive" }) },
      { ...kept, journal: FileJournal.layer(directory) }
    )
  }

  it("an upload goes to the one that is named, and to none that is not of the list", async () => {
    await using stores = storesIn(await tempDirectory())
    const key = freshKey("chosen")
    await stores
      .at("archive")
      .upload({ key, body: pattern(9) })
      .done()
    expect((await stores.at("archive").head(key)).size).toBe(9)
    await expect(stores.at("media").head(key)).rejects.toThrow(/^NoSuchKey/)
    for (const name of ["other", "toString", "__proto__", ""]) {
      expect(() => stores.at(name)).toThrow(/^InvalidRequest.*"media", "archive"/)
    }
  })

  it("a kept upload is resumed, or ended, at the store that it went to, by another process too", async () => {
    const directory = await tempDirectory()
    const [resumed, ended] = [freshKey("resumed"), freshKey("ended")]
    {
      await using stores = storesIn(directory)
      for (const [name, key] of [
        ["archive", resumed],
        ["media", ended]
      ] as const) {
        trouble(target(), `${name}/${key}`)
        await expect(
          stores
            .at(name)
            .upload({ key, body: new Blob([bytes]) })
            .done()
        ).rejects.toThrow(/^Throttled/)
      }
    }
    await using stores = storesIn(directory)
    const sessions = await stores.sessions()
    expect(new Map(sessions.map(({ key, store }) => [key, store]))).toEqual(
      new Map([
        [resumed, "archive"],
        [ended, "media"]
      ])
    )
    const idOf = (wanted: string) => sessions.find(({ key }) => key === wanted)?.sessionId ?? ""
    expect((await stores.at("media").sessions()).map(({ key }) => key)).toEqual([ended])
    // Neither finds what is the other's.
    await expect(stores.at("media").cancel(idOf(resumed))).rejects.toThrow(/^SessionNotFound/)
    await expect(stores.cancel("unknown")).rejects.toThrow(/^SessionNotFound/)
    const upload = await stores.resume(idOf(resumed), { body: new Blob([bytes]) })
    expect(await upload.done()).toMatchObject({ key: resumed, proof: "source" })
    expect(target().count("UploadPart", `archive/${resumed}`)).toBe(4)
    await stores.cancel(idOf(ended))
    expect(await stores.sessions()).toEqual([])
    await target().assertNothingLeft()
  })

  it("a janitor ends what its own store has, and leaves the others' alone", async () => {
    const directory = await tempDirectory()
    const key = freshKey("abandoned")
    {
      await using stores = storesIn(directory)
      trouble(target(), `archive/${key}`)
      await expect(
        stores
          .at("archive")
          .upload({ key, body: new Blob([bytes]) })
          .done()
      ).rejects.toThrow(/^Throttled/)
    }
    const sweep = (name: string) =>
      Effect.runPromise(
        Effect.provide(
          Janitor.use(({ sweep }) => sweep({ olderThanMs: 0 })),
          Janitor.layer().pipe(
            Layer.provide([
              S3ObjectStore.layer({ ...target().store, prefix: name }),
              NamedJournal.layer(name, FileJournal.layer(directory))
            ])
          )
        )
      )
    expect((await sweep("media")).sessions).toEqual([])
    expect((await sweep("archive")).counts.abandoned).toBe(1)
    await target().assertNothingLeft()
  })
})

/** Where nobody listens. */
const refusing = async (): Promise<string> => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`
}

onEmbedded("endpoints beside the first", (target) => {
  it.each([
    ["refuses connections", refusing],
    ["has no name", () => Promise.resolve("http://nowhere.invalid:9000")]
  ])("take a new upload where it %s, and keep it", async (_, away) => {
    const directory = await tempDirectory()
    const key = freshKey("elsewhere")
    const { endpoint } = target().store
    const endpointAway = await away()
    const journal = FileJournal.layer(directory)
    const sluiceOf = (first: string, ...alternatives: ReadonlyArray<string>) =>
      createSluice({ ...kept, journal, store: s3({ ...target().store, endpoint: first, alternatives }) })
    {
      await using sluice = sluiceOf(endpointAway, endpoint)
      trouble(target(), key)
      await expect(sluice.upload({ key, body: new Blob([bytes]) }).done()).rejects.toThrow(/^Throttled/)
      const [session] = await sluice.sessions()
      expect(session?.endpoint).toBe(endpoint)
    }
    // Where its endpoint is not named, it is left alone.
    await using second = await startEmbedded({ credentials: target().credentials })
    {
      await using other = sluiceOf(second.store.endpoint)
      await expect(other.resume({ key }, { body: new Blob([bytes]) }).done()).rejects.toThrow(
        /^InvalidRequest.*endpoint/
      )
    }
    // Another endpoint stands first and answers: the upload still goes on where it began.
    await using sluice = sluiceOf(second.store.endpoint, endpoint)
    await sluice.resume({ key }, { body: new Blob([bytes]) }).done()
    expect(target().count("UploadPart", key)).toBe(4)
    expect(second.count("UploadPart", key)).toBe(0)
    expect(sha256(await download(target(), key))).toBe(sha256(bytes))
    await target().assertNothingLeft()
  })

  it("are not asked while the first answers, whatever it answers", async () => {
    await using second = await startEmbedded({ credentials: target().credentials })
    const store = { ...target().store, alternatives: [second.store.endpoint] }
    await using sluice = createSluice({ ...quick, store: s3(store) })
    const key = freshKey("first")
    target().server.faults.add({
      match: { op: "HeadBucket" },
      action: { type: "status", status: 503, code: "SlowDown" },
      times: 1
    })
    await sluice.upload({ key, body: pattern(9) }).done()
    expect([target().count("PutObject", key), second.server.requests.length]).toEqual([1, 0])
  })

  it("do not take an upload over that runs already", async () => {
    await using second = await startEmbedded({ credentials: target().credentials })
    await using first = await startEmbedded({ credentials: target().credentials })
    const key = freshKey("running")
    const store = s3({ ...first.store, alternatives: [second.store.endpoint] })
    await using sluice = createSluice({ ...quick, concurrency: 1, maxAttempts: 2, partSize: 5 * MiB, store })
    const upload = sluice.upload({ key, body: new Blob([bytes]) })
    for await (const { _tag } of upload.events()) {
      if (_tag !== "PartStored") continue
      await first.server.close()
      break
    }
    await expect(upload.done()).rejects.toSatisfy(
      (error) => isUploadError(error) && error.reason._tag === "Unavailable"
    )
    expect(second.server.requests).toEqual([])
    // The next one begins there.
    await using again = createSluice({ ...quick, store })
    await again.upload({ key, body: pattern(9) }).done()
    expect(second.count("PutObject", key)).toBe(1)
  })
})
