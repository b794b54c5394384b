import { randomBytes } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { crc32 } from "@sluice/core/Checksum"
import * as FileJournal from "@sluice/core/FileJournal"
import { Janitor } from "@sluice/core/Janitor"
import { around, ObjectStore, type StoreOperation } from "@sluice/core/ObjectStore"
import type { Plugin } from "@sluice/core/Plugin"
import { createSluice, type SluiceOptions, type Store, s3 } from "@sluice/core/promise"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import { uploadError } from "@sluice/core/UploadError"
import { canaryCredentials, minIOSuite, type S3Server, secretsScanner, startMinIO, startS3 } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest"
import { compression } from "../compression/index.ts"
import { clientSide } from "../encryption/client-side/index.ts"
import { type MirrorOptions, metadataMirrorOf, mirror } from "./index.ts"

const MiB = 2 ** 20
const credentials = canaryCredentials()
let first: S3Server
let second: S3Server
beforeAll(async () => {
  first = await startS3({ buckets: ["media"], credentials })
  second = await startS3({ buckets: ["copies"], credentials })
})
afterAll(() => Promise.all([first.close(), second.close()]))

const at = ({ credentials, endpoint, region }: S3Server, bucket: string) => ({ bucket, endpoint, region, credentials })
const patient = { timeout: 25_000 }
const quick = { retryBaseMs: 1, retryCapMs: 5, partSize: 5 * MiB, concurrency: 2 } as const

const mirrored = (options: Partial<MirrorOptions> = {}): Plugin =>
  mirror({ to: s3(at(second, "copies")), ...quick, ...options })

const open = (plugins: ReadonlyArray<Plugin>, options: Partial<SluiceOptions> = {}) =>
  createSluice({ store: s3(at(first, "media")), plugins, ...quick, ...options })

/** Nothing is owed any more: what is to be copied is. */
const settled = (sluice: ReturnType<typeof open>) => expect.poll(() => sluice.sessions(), patient).toEqual([])

/** Compressed to less than a half, and still two parts. */
const digits = Buffer.from(randomBytes(13 * MiB).map((byte) => 48 + (byte % 10)))
const made = [compression({ algorithm: "zstd" }), clientSide({ key: { id: "k", secret: new Uint8Array(32).fill(7) } })]

const stands = async (server: S3Server, bucket: string, key: string): Promise<Buffer | undefined> => {
  const bytes = await server.object(bucket, key)
  return bytes && Buffer.from(bytes)
}
const copyOf = (key: string) => stands(second, "copies", key)
const originalOf = (key: string) => stands(first, "media", key)

/** How often the second store was written to at a key. */
const writes = (key: string): number =>
  second.requests.filter((request) => request.key === key && /^(PutObject|CompleteMultipartUpload)$/.test(request.op))
    .length

/** The second store behind a gate, told of each call before it is made. */
const gated = (meet: (call: StoreOperation["_tag"]) => Effect.Effect<void, ReturnType<typeof uploadError>>): Store =>
  Layer.effect(
    ObjectStore,
    Effect.map(ObjectStore, (store) =>
      around(store, (call, run) =>
        Effect.andThen(
          Effect.suspend(() => meet(call._tag)),
          run
        )
      )
    )
  ).pipe(Layer.provide(S3ObjectStore.layer(at(second, "copies"))))

const away = uploadError({ _tag: "Unavailable", message: "the second store is away", away: true })

const temporary = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-mirror-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** What another process does about what this one left owed. */
const sweep = (journal: string, plugin: Plugin) =>
  Effect.runPromise(
    Effect.provide(
      Effect.flatMap(Janitor, (janitor) => janitor.sweep()),
      Janitor.layer({ ...quick, plugins: [plugin], retryWithinMs: 1 }).pipe(
        Layer.provide([S3ObjectStore.layer(at(first, "media")), FileJournal.layer(journal)])
      )
    )
  )

/** What the engine logs while the test runs. */
const logged = (): (() => string) => {
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined)
  onTestFinished(() => log.mockRestore())
  return () => log.mock.calls.flat().join("\n")
}

describe("a mirror", () => {
  it.each([0, 1, 11 * MiB])("has the %d bytes of the object, its headers and its metadata", async (size) => {
    const key = `plain/${size}`
    const body = randomBytes(size)
    await using sluice = open([mirrored()])
    const attributes = {
      contentType: "text/x-plain",
      cacheControl: "max-age=60",
      contentDisposition: "inline",
      contentLanguage: "en",
      metadata: { author: "ada" }
    }
    const stored = await sluice.upload({ key, body, ...attributes }).done()
    await settled(sluice)
    expect((await copyOf(key))?.equals(body)).toBe(true)
    await using there = createSluice({ store: s3(at(second, "copies")) })
    const head = await there.head(key)
    expect(head).toMatchObject({ size: stored.size, ...attributes, metadata: { author: "ada" } })
    expect(await there.verify({ key, body })).toMatchObject({ matches: true })
    expect(writes(key)).toBe(1)
  })

  it("has the stored bytes as they are: compressed and sealed, and they are read with the same plugins", async () => {
    await using sluice = open([...made, mirrored()])
    await sluice.upload({ key: "sealed.csv", body: digits }).done()
    await settled(sluice)
    const copy = await copyOf("sealed.csv")
    expect(copy?.length).toBeLessThan(digits.length * 0.6)
    expect(copy?.equals((await originalOf("sealed.csv")) ?? Buffer.of())).toBe(true)
    await using there = createSluice({ store: s3(at(second, "copies")), plugins: made })
    const { proof, stream } = await there.read({ key: "sealed.csv" })
    expect(Buffer.from(await new Response(stream).arrayBuffer()).equals(digits)).toBe(true)
    expect(proof()).toBe("source")
  })

  it("is of the uploads that it is told to, at the keys and with the attributes that it is told", async () => {
    const plugin = mirrored({
      when: ({ key }) => key.startsWith("public/"),
      key: ({ key }) => `backup/${key}`,
      attributes: { storageClass: "STANDARD_IA" }
    })
    await using sluice = open([plugin])
    await sluice.upload({ key: "private/a", body: randomBytes(9) }).done()
    await sluice.upload({ key: "public/a", body: randomBytes(9) }).done()
    await settled(sluice)
    expect(await copyOf("backup/public/a")).toEqual(await originalOf("public/a"))
    await using there = createSluice({ store: s3(at(second, "copies")) })
    const keys: Array<string> = []
    for await (const { key } of there.list()) if (/private|public/.test(key)) keys.push(key)
    expect(keys).toEqual(["backup/public/a"])
    expect((await there.head("backup/public/a")).storageClass).toBe("STANDARD_IA")
  })

  it("that is away holds up no upload and fails none; it has the object when it is back", async () => {
    let calls = 0
    const told = logged()
    const plugin = mirrored({ to: gated(() => (++calls < 20 ? Effect.fail(away) : Effect.void)) })
    await using sluice = open([plugin])
    await sluice.upload({ key: "away", body: randomBytes(9) }).done()
    await settled(sluice)
    expect(await copyOf("away")).toEqual(await originalOf("away"))
    expect(told()).toBe("")
  })

  it("that stays away is owed: the journal says so, a warning too, and the next sweep brings it", async () => {
    const [journal, told] = [await temporary(), logged()]
    let isAway = true
    const plugin = mirrored({ to: gated(() => (isAway ? Effect.fail(away) : Effect.void)), maxAttempts: 1 })
    await using sluice = open([plugin], { journal: FileJournal.layer(journal), retryWithinMs: 20 })
    await sluice.upload({ key: "owed", body: randomBytes(9) }).done()
    await expect
      .poll(told, patient)
      .toMatch(/"sluice\/mirror" could not deliver .* stays owed: .*the second store is away/s)
    expect(await sluice.sessions()).toMatchObject([{ key: "owed", state: "completed", undelivered: ["sluice/mirror"] }])
    expect((await sweep(journal, plugin)).counts).toMatchObject({ owed: 1 })
    isAway = false
    expect((await sweep(journal, plugin)).counts).toMatchObject({ delivered: 1 })
    expect(await copyOf("owed")).toEqual(await originalOf("owed"))
    expect(await sluice.sessions()).toEqual([])
  })

  it("is not written twice when it is told twice, one after the other", async () => {
    const plugin = mirrored()
    const twice: Plugin = {
      ...plugin,
      open: (upload) =>
        Effect.map(plugin.open(upload), ({ deliver }) => ({
          ...(deliver && {
            deliver: { ...deliver, send: (told) => Effect.andThen(deliver.send(told), deliver.send(told)) }
          })
        }))
    }
    await using sluice = open([twice])
    await sluice.upload({ key: "twice", body: randomBytes(9) }).done()
    await settled(sluice)
    expect(await copyOf("twice")).toEqual(await originalOf("twice"))
    expect(writes("twice")).toBe(1)
  })

  it("that was told twice at once has the object, and nothing is left beside it", async () => {
    const plugin = mirrored()
    const twice: Plugin = {
      ...plugin,
      open: (upload) =>
        Effect.map(plugin.open(upload), ({ deliver }) => ({
          ...(deliver && {
            deliver: {
              ...deliver,
              send: (told) =>
                Effect.forEach([1, 2], () => Effect.exit(deliver.send(told)), { concurrency: 2 }).pipe(
                  Effect.flatMap(([one, other]) => Effect.andThen(one ?? Effect.void, other ?? Effect.void))
                )
            }
          })
        }))
    }
    await using sluice = open([twice])
    await sluice.upload({ key: "at-once", body: randomBytes(11 * MiB) }).done()
    await settled(sluice)
    expect((await copyOf("at-once"))?.equals((await originalOf("at-once")) ?? Buffer.of())).toBe(true)
    expect(second.openUploads()).toEqual([])
  })

  it("of an object that was replaced before it was copied has the newer one", async () => {
    const release = Promise.withResolvers<void>()
    await using sluice = open([mirrored({ to: gated(() => Effect.promise(() => release.promise)) })])
    await sluice.upload({ key: "replaced", body: Buffer.from("the first") }).done()
    await sluice.upload({ key: "replaced", body: Buffer.from("the other") }).done()
    release.resolve()
    await settled(sluice)
    expect((await copyOf("replaced"))?.toString()).toBe("the other")
  })

  it("that an older copy overtook is put right by the one that was late", async () => {
    const [reached, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const late = mirrored({
      to: gated((call) =>
        call === "PutObject"
          ? Effect.promise(() => {
              reached.resolve()
              return release.promise
            })
          : Effect.void
      )
    })
    await using slow = open([late])
    await slow.upload({ key: "late", body: Buffer.from("the older") }).done()
    await reached.promise
    await using other = open([mirrored()])
    await other.upload({ key: "late", body: Buffer.from("the newer") }).done()
    await settled(other)
    expect((await copyOf("late"))?.toString()).toBe("the newer")
    release.resolve()
    await settled(slow)
    expect(writes("late")).toBe(3)
    expect((await copyOf("late"))?.toString()).toBe("the newer")
  })

  it("of an object that is gone is not made, and one that was made is never deleted", async () => {
    const [reached, release, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), logged()]
    const plugin = mirrored()
    const later: Plugin = {
      ...plugin,
      open: (upload) =>
        Effect.map(plugin.open(upload), ({ deliver }) => ({
          ...(deliver && {
            deliver: {
              ...deliver,
              send: (told) =>
                Effect.andThen(
                  Effect.promise(() => {
                    reached.resolve()
                    return release.promise
                  }),
                  deliver.send(told)
                )
            }
          })
        }))
    }
    await using sluice = open([later])
    await sluice.upload({ key: "gone", body: randomBytes(9) }).done()
    await reached.promise
    await sluice.remove("gone")
    release.resolve()
    await settled(sluice)
    expect(await copyOf("gone")).toBeUndefined()
    expect(told()).toMatch(/s3:\/\/media\/gone is gone/)
    await sluice.upload({ key: "stays", body: randomBytes(9) }).done()
    await settled(sluice)
    await sluice.remove("stays")
    expect(await copyOf("stays")).toHaveLength(9)
  })

  it("that the stores made themselves, by replication, is left as it is", async () => {
    const [plugin, replica] = [mirrored(), Buffer.from("replica")]
    const replicated: Plugin = {
      ...plugin,
      open: (upload) =>
        Effect.map(plugin.open(upload), (hooks) => ({
          ...hooks,
          verify: ({ key }) =>
            Effect.gen(function* () {
              const { head } = yield* upload.stored(key)
              const layer = S3ObjectStore.layer(at(second, "copies"))
              const body = { slices: [replica], size: replica.length }
              const { metadata } = head
              yield* Effect.provide(
                ObjectStore.use((store) => store.putObject({ key, body, crc32: crc32(replica), metadata, attempt: 1 })),
                layer
              )
            })
        }))
    }
    await using sluice = open([replicated])
    await sluice.upload({ key: "replica", body: replica }).done()
    await settled(sluice)
    expect(writes("replica")).toBe(1)
  })

  it("of itself is refused, and the object is not written again", async () => {
    const told = logged()
    await using sluice = open([mirrored({ to: s3(at(first, "media")) })], { maxAttempts: 2 })
    await sluice.upload({ key: "self", body: randomBytes(9) }).done()
    await expect.poll(told, patient).toMatch(/stays owed: .*the mirror's store is the one that it mirrors/s)
    expect(first.requests.filter(({ key, op }) => key === "self" && op === "PutObject")).toHaveLength(1)
  })

  it("is gone on with after its process has ended in the middle of a copy: no part is sent again", async () => {
    const [uploads, copies] = [await temporary(), await temporary()]
    const body = randomBytes(13 * MiB)
    const parts: Array<string> = []
    const reached = Promise.withResolvers<void>()
    const journal = FileJournal.layer(copies)
    const halting = mirrored({
      journal,
      concurrency: 1,
      to: gated((call) => {
        if (call === "UploadPart") parts.push(call)
        if (parts.length < 2) return Effect.void
        reached.resolve()
        return Effect.never
      })
    })
    const sluice = open([halting], { journal: FileJournal.layer(uploads) })
    await sluice.upload({ key: "large", body }).done()
    await reached.promise
    await sluice.dispose()
    expect(second.openUploads()).toHaveLength(1)

    expect((await sweep(uploads, mirrored({ journal }))).counts).toMatchObject({ delivered: 1 })
    expect((await copyOf("large"))?.equals(body)).toBe(true)
    expect(second.openUploads()).toEqual([])
    const sent = second.requests.filter(({ key, op }) => key === "large" && op === "UploadPart")
    expect(sent.map(({ partNumber }) => partNumber)).toEqual([1, 2, 3])
    await using there = createSluice({ store: s3(at(second, "copies")), journal })
    expect(await there.sessions()).toEqual([])
    const scanner = secretsScanner(credentials)
    for (const directory of [uploads, copies]) await scanner.assertNoneInDirectory(directory)
  })

  it("that was begun of an object that was replaced since is ended, and made of the newer one", async () => {
    const [uploads, copies] = [await temporary(), await temporary()]
    const reached = Promise.withResolvers<void>()
    const journal = FileJournal.layer(copies)
    const halting = mirrored({
      journal,
      to: gated((call) => {
        if (call !== "UploadPart") return Effect.void
        reached.resolve()
        return Effect.never
      })
    })
    const sluice = open([halting], { journal: FileJournal.layer(uploads) })
    await sluice.upload({ key: "changed", body: randomBytes(11 * MiB) }).done()
    await reached.promise
    await sluice.dispose()
    await using other = open([])
    const newer = randomBytes(11 * MiB)
    await other.upload({ key: "changed", body: newer }).done()

    expect((await sweep(uploads, mirrored({ journal }))).counts).toMatchObject({ delivered: 1 })
    expect((await copyOf("changed"))?.equals(newer)).toBe(true)
    expect(second.openUploads()).toEqual([])
    await using there = createSluice({ store: s3(at(second, "copies")), journal })
    expect(await there.sessions()).toEqual([])
  })

  it("leaves nothing open when nothing is to be copied", async () => {
    await using sluice = open([mirrored()])
    await sluice.upload({ key: "closed", body: randomBytes(9) }).done()
    await settled(sluice)
    await expect.poll(() => second.openSockets(), patient).toBe(0)
  })
})

const minIO = minIOSuite("a mirror in MinIO")
describe.skipIf(minIO.skip)(minIO.title, () => {
  it("has the object, shown identical, through compression and encryption", async () => {
    await using minio = await startMinIO()
    const bucket = `sluice-mirror-${process.pid}`
    await minio.createBucket(bucket)
    const { endpoint, region, credentials } = minio
    const to = s3({ bucket, endpoint, region, credentials })
    const made = [compression(), clientSide({ key: { id: "k", secret: new Uint8Array(32).fill(7) } })]
    const digits = Buffer.from(randomBytes(14 * MiB).map((byte) => 48 + (byte % 10)))
    await using sluice = open([...made, mirrored({ to })])
    await sluice.upload({ key: "to-minio.csv", body: digits }).done()
    await settled(sluice)
    await using there = createSluice({ store: to, plugins: made })
    const { proof, stream } = await there.read({ key: "to-minio.csv" })
    expect(Buffer.from(await new Response(stream).arrayBuffer()).equals(digits)).toBe(true)
    expect(proof()).toBe("source")
    expect((await there.head("to-minio.csv")).metadata).toHaveProperty(metadataMirrorOf)
  })
})
