import { writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CreateMultipartUploadCommand, UploadPartCommand } from "@aws-sdk/client-s3"
import type { OnFailure } from "@sluice/core/Defaults"
import * as Journal from "@sluice/core/Journal"
import * as Plugin from "@sluice/core/Plugin"
import {
  createSluice,
  type ResumeOptions,
  type ResumeTarget,
  type SluiceOptions,
  Source,
  type StoredObject,
  s3,
  type UploadEvent,
  type UploadOptions
} from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { afterAll, expect, it } from "vitest"
import { chunksOf, generator, MiB, pattern, sha256 } from "./bytes.ts"
import {
  abortBehindItsBack,
  download,
  onEmbedded,
  onEveryStore,
  onFaultyStores,
  openUploads,
  put,
  type Target
} from "./target.ts"
import { freshKey, quick } from "./trial.ts"

const part = 5 * MiB
const bytes = pattern(5 * part + 12_345)

/** A journal that outlives its uploader, as the file journal does. */
const durableJournal = async () => {
  const journal = { ...(await Effect.runPromise(Journal.makeMemory)), durable: true }
  return { journal, layer: Layer.succeed(Journal.Journal, Journal.Journal.of(journal)) }
}
type Kept = Awaited<ReturnType<typeof durableJournal>>

/** `body` with an end that never comes: the upload waits for byte `upTo` until it is interrupted. */
const holdingAt = (body: Uint8Array, upTo: number): Source.Source => {
  const whole = Source.fromBytes(body)
  return {
    ...whole,
    // Its end is read from elsewhere than the start, for the identity.
    open: (offset) =>
      offset > 0
        ? whole.open(offset)
        : Effect.succeed({ _tag: "Chunks", rest: body.subarray(0, upTo), next: () => new Promise(() => undefined) })
  }
}

interface Run {
  readonly outcome: StoredObject | unknown
  readonly events: ReadonlyArray<UploadEvent>
}

const parts = ({ events }: Run, tag: "PartStored" | "PartVerified"): ReadonlyArray<number> =>
  events.flatMap((event) => (event._tag === tag ? [event.partNumber] : [])).sort((a, b) => a - b)

const optionsOf = (target: Target, kept: Kept, options: Partial<SluiceOptions> = {}): SluiceOptions => ({
  ...quick,
  concurrency: 2,
  journal: kept.layer,
  ...options,
  store: s3(target.store)
})

/** Uploads until `stored` parts are stored, and ends the process, as far as the upload can tell. */
const interrupted = async (
  target: Target,
  kept: Kept,
  request: Omit<UploadOptions, "body"> & { readonly body?: UploadOptions["body"] },
  stored = 2,
  options: Partial<SluiceOptions> = {}
): Promise<Run> => {
  const sluice = createSluice(optionsOf(target, kept, options))
  const upload = sluice.upload({ body: holdingAt(bytes, stored * part), ...request })
  const events: Array<UploadEvent> = []
  let left = stored
  for await (const event of upload.events()) {
    events.push(event)
    if (event._tag === "PartStored" && --left === 0) void sluice.dispose()
  }
  await sluice.dispose()
  return { outcome: await upload.done().catch((error: unknown) => error), events }
}

const resume = async (
  target: Target,
  kept: Kept,
  which: ResumeTarget,
  request: Partial<ResumeOptions> = {},
  options: Partial<SluiceOptions> = {}
): Promise<Run> => {
  await using sluice = createSluice(optionsOf(target, kept, options))
  const upload = sluice.resume(which, { body: bytes, ...request })
  const events: Array<UploadEvent> = []
  for await (const event of upload.events()) events.push(event)
  return { outcome: await upload.done().catch((error: unknown) => error), events }
}

const sessionOf = async ({ journal }: Kept, target: Target, key: string) => {
  const [session] = await Effect.runPromise(journal.listByKey(target.bucket, key))
  if (session === undefined) throw new Error(`no session of ${key}`)
  return session
}

const files: Array<string> = []
const fileOf = async (name: string, content: Uint8Array): Promise<string> => {
  const path = join(tmpdir(), `sluice-resume-${process.pid}-${name}`)
  await writeFile(path, content)
  files.push(path)
  return path
}
afterAll(async () => {
  const { rm } = await import("node:fs/promises")
  await Promise.all(files.map((path) => rm(path, { force: true })))
})

onEveryStore("an upload that was interrupted under a durable journal", (target) => {
  it("is kept, and resumes with the parts that the store does not have", async () => {
    const kept = await durableJournal()
    const key = freshKey("resumed")
    const first = await interrupted(target(), kept, { key })
    expect(first.events.at(-1)).toMatchObject({ _tag: "UploadCancelled", kept: true })
    const { sessionId } = await sessionOf(kept, target(), key)

    const second = await resume(target(), kept, sessionId)
    expect(second.outcome).toMatchObject({ key, proof: "source", parts: 6 })
    expect(parts(second, "PartVerified")).toEqual([1, 2])
    expect(parts(second, "PartStored")).toEqual([3, 4, 5, 6])
    expect(sha256((await download(target(), key)) ?? new Uint8Array())).toBe(sha256(bytes))
    expect(await Effect.runPromise(kept.journal.listExpired(Number.POSITIVE_INFINITY))).toEqual([])
    await target().assertNothingLeft()
  })

  it("resumes by its key, and by the store's uploadId", async () => {
    for (const by of ["key", "uploadId"] as const) {
      const kept = await durableJournal()
      const key = freshKey("resumed")
      await interrupted(target(), kept, { key })
      const { uploadId } = await sessionOf(kept, target(), key)
      const run = await resume(target(), kept, by === "key" ? { key } : { key, uploadId })
      expect(run.outcome).toMatchObject({ key, parts: 6 })
      expect(parts(run, "PartVerified")).toEqual([1, 2])
    }
    await target().assertNothingLeft()
  })

  it("resumes without the journal, when the store knows the upload", async () => {
    const lost = await durableJournal()
    const key = freshKey("forgotten")
    await interrupted(target(), lost, { key })
    const { uploadId } = await sessionOf(lost, target(), key)
    const run = await resume(target(), await durableJournal(), { key, uploadId })
    expect(run.outcome).toMatchObject({ key, proof: "source", parts: 6 })
    expect(parts(run, "PartVerified")).toEqual([1, 2])
    expect(sha256((await download(target(), key)) ?? new Uint8Array())).toBe(sha256(bytes))
    await target().assertNothingLeft()
  })

  it("resumes a stream of unknown length, which is read again and compared", async () => {
    const kept = await durableJournal()
    const key = freshKey("stream")
    const body = Source.fromAsyncIterable(generator(chunksOf(bytes)))
    const held = { ...holdingAt(bytes, 2 * part), size: undefined, replayable: false }
    await interrupted(target(), kept, { key, body: held, onFailure: "keep" })
    const run = await resume(target(), kept, { key }, { body })
    expect(run.outcome).toMatchObject({ key, parts: 6 })
    expect(parts(run, "PartVerified")).toEqual([1, 2])
    expect(sha256((await download(target(), key)) ?? new Uint8Array())).toBe(sha256(bytes))
    await target().assertNothingLeft()
  })

  it("is refused with a stream that ends before what is stored", async () => {
    const kept = await durableJournal()
    const key = freshKey("shorter-stream")
    const held = { ...holdingAt(bytes, 2 * part), size: undefined, replayable: false }
    await interrupted(target(), kept, { key, body: held, onFailure: "keep" })
    const shorter = Source.fromAsyncIterable(generator(chunksOf(bytes.slice(0, part))))
    const run = await resume(target(), kept, { key }, { body: shorter, onFailure: "abort" })
    expect(run.outcome).toMatchObject({ reason: { _tag: "SourceChanged" } })
    expect(await download(target(), key)).toBeUndefined()
    await target().assertNothingLeft()
  })

  it("is refused with another file, before anything is sent, and stays resumable with the right one [row 34]", async () => {
    const kept = await durableJournal()
    const key = freshKey("file-a")
    const a = await fileOf("a", bytes)
    const inSent = bytes.slice()
    inSent[part + 7] = (inSent[part + 7] ?? 0) ^ 1
    const inUnsent = bytes.slice()
    inUnsent[4 * part] = (inUnsent[4 * part] ?? 0) ^ 1
    const longer = pattern(bytes.length + 1)
    const file = Source.file(a)
    const held: Source.Source = { ...holdingAt(bytes, 2 * part), identity: file.identity }
    await interrupted(target(), kept, { key, body: held })
    for (const [name, b] of Object.entries({ inSent, inUnsent, longer, shorter: bytes.subarray(0, -1) })) {
      const run = await resume(target(), kept, { key }, { body: Source.file(await fileOf(name, b)) })
      expect(run.outcome, name).toMatchObject({ reason: { _tag: "SourceChanged" } })
      expect(run.events, name).toEqual([])
      expect(await download(target(), key), name).toBeUndefined()
    }
    const right = await resume(target(), kept, { key }, { body: file })
    expect(right.outcome).toMatchObject({ key, parts: 6 })
    await target().assertNothingLeft()
  })

  it("is refused with other bytes that nothing but the bytes gives away [row 34]", async () => {
    const kept = await durableJournal()
    const key = freshKey("bytes-a")
    await interrupted(target(), kept, { key })
    const other = bytes.slice()
    other[part + 7] = (other[part + 7] ?? 0) ^ 1
    const wrong = await resume(target(), kept, { key }, { body: other })
    expect(wrong.outcome).toMatchObject({ reason: { _tag: "SourceChanged" }, partNumber: 2 })
    expect(wrong.events.at(-1)).toMatchObject({ _tag: "UploadFailed", kept: true })
    expect(await download(target(), key)).toBeUndefined()
    expect((await resume(target(), kept, { key })).outcome).toMatchObject({ parts: 6 })
    await target().assertNothingLeft()
  })

  it("is what two may resume at once: one works, the other gets SessionBusy [row 50]", async () => {
    const kept = await durableJournal()
    const key = freshKey("contended")
    await interrupted(target(), kept, { key })
    const both = await Promise.all([resume(target(), kept, { key }), resume(target(), kept, { key })])
    const busy = both.filter(({ outcome }) => String(outcome).includes("SessionBusy"))
    expect(busy).toHaveLength(1)
    expect(both.find((run) => !busy.includes(run))?.outcome).toMatchObject({ key, parts: 6 })
    await target().assertNothingLeft()
  })

  it("is refused with other plugins than it began with", async () => {
    const kept = await durableJournal()
    const key = freshKey("plugins")
    await interrupted(target(), kept, { key })
    const extra = Plugin.make({ name: "acme/extra", open: () => Effect.succeed({}) })
    const run = await resume(target(), kept, { key }, {}, { plugins: [extra] })
    expect(run.outcome).toMatchObject({ reason: { _tag: "ResumeMismatch" } })
    expect(String(run.outcome)).toContain("acme/extra")
    expect((await resume(target(), kept, { key })).outcome).toMatchObject({ parts: 6 })
  })

  it("gives plugins back what they saved", async () => {
    const seen: Array<unknown> = []
    const counter = Plugin.make({
      name: "acme/counter",
      state: Schema.Struct({ runs: Schema.Number }),
      open: Effect.fnUntraced(function* (upload) {
        seen.push([upload.resumed, upload.saved])
        yield* upload.save({ runs: (upload.saved?.runs ?? 0) + 1 })
        return {}
      })
    })
    const kept = await durableJournal()
    const key = freshKey("state")
    await interrupted(target(), kept, { key }, 2, { plugins: [counter] })
    await resume(target(), kept, { key }, {}, { plugins: [counter] })
    expect(seen).toEqual([
      [false, undefined],
      [true, { runs: 1 }]
    ])
  })

  it("is ended for good by cancel, from another process too", async () => {
    const kept = await durableJournal()
    const key = freshKey("cancelled")
    await interrupted(target(), kept, { key })
    const { sessionId } = await sessionOf(kept, target(), key)
    await using sluice = createSluice(optionsOf(target(), kept))
    expect((await sluice.sessions()).map((session) => session.sessionId)).toEqual([sessionId])
    await sluice.cancel(sessionId)
    expect(await sluice.sessions()).toEqual([])
    await expect(sluice.cancel(sessionId)).rejects.toMatchObject({ reason: { _tag: "SessionNotFound" } })
    expect((await resume(target(), kept, sessionId)).outcome).toMatchObject({ reason: { _tag: "SessionNotFound" } })
    await target().assertNothingLeft()
  })

  it("is kept when it is resumed with credentials that may not", async () => {
    const kept = await durableJournal()
    const key = freshKey("denied")
    await interrupted(target(), kept, { key })
    const credentials = { accessKeyId: "nobody", secretAccessKey: "another-secret-altogether" }
    const sluice = createSluice({ ...optionsOf(target(), kept), store: s3({ ...target().store, credentials }) })
    await expect(sluice.resume({ key }, { body: bytes }).done()).rejects.toMatchObject({ retry: "permanent" })
    await sluice.dispose()
    expect((await resume(target(), kept, { key })).outcome).toMatchObject({ parts: 6 })
    await target().assertNothingLeft()
  })

  it("leaves foreign uploads of its key alone [row 32]", async () => {
    const { bucket: Bucket, client } = target()
    const key = freshKey("shared")
    const foreign = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: key }))
    const kept = await durableJournal()
    await interrupted(target(), kept, { key })
    expect((await resume(target(), kept, { key })).outcome).toMatchObject({ key, parts: 6 })
    const still = { Bucket, Key: key, UploadId: foreign.UploadId, PartNumber: 1, Body: bytes.subarray(0, 1) }
    expect(await client.send(new UploadPartCommand(still))).toHaveProperty("ETag")
    await abortBehindItsBack(target(), key)
  })

  it("is not guessed at when several foreign uploads of a key are open", async () => {
    const { bucket: Bucket, client } = target()
    const key = freshKey("several")
    for (let i = 0; i < 2; i++) await client.send(new CreateMultipartUploadCommand({ Bucket, Key: key }))
    const run = await resume(target(), await durableJournal(), { key })
    expect(run.outcome).toMatchObject({ reason: { _tag: "ResumeMismatch" } })
    await abortBehindItsBack(target(), key)
  })

  it("can be one of a foreign client: its parts are compared, and only wrong and missing ones are sent [row 33]", async () => {
    const { bucket: Bucket, client } = target()
    const key = freshKey("foreign")
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: key }))
    const wrong = pattern(part, 99)
    for (const [PartNumber, Body] of [
      [1, bytes.subarray(0, part)],
      [2, wrong],
      [4, bytes.subarray(3 * part, 4 * part)]
    ] as const) {
      await client.send(new UploadPartCommand({ Bucket, Key: key, UploadId, PartNumber, Body }))
    }
    const run = await resume(target(), await durableJournal(), { key })
    expect(run.outcome).toMatchObject({ key, parts: 6 })
    expect(parts(run, "PartVerified")).toEqual([1, 4])
    expect(sha256((await download(target(), key)) ?? new Uint8Array())).toBe(sha256(bytes))
    await target().assertNothingLeft()
  })

  it("is lost when somebody else ended it at the store, and says so", async () => {
    const kept = await durableJournal()
    const key = freshKey("ended")
    await put(target(), key, new Uint8Array([1]))
    await interrupted(target(), kept, { key })
    await abortBehindItsBack(target(), key)
    const run = await resume(target(), kept, { key })
    expect(run.outcome).toMatchObject({ reason: { _tag: "NoSuchUpload" } })
    expect(await download(target(), key)).toEqual(new Uint8Array([1]))
    expect(await Effect.runPromise(kept.journal.listExpired(Number.POSITIVE_INFINITY))).toEqual([])
  })
})

onEmbedded("what becomes of an upload that fails", (target) => {
  const denied = { type: "status", status: 403, code: "AccessDenied" } as const
  const broken = { type: "status", status: 500, code: "InternalError" } as const
  const always = { times: Number.POSITIVE_INFINITY }

  /** Part 3 cannot be stored. */
  const failing = async (kept: Kept, action: typeof denied | typeof broken, onFailure: OnFailure) => {
    const key = freshKey("policy")
    target().server.faults.add({ match: { op: "UploadPart", key, partNumber: 3 }, action, ...always })
    await using sluice = createSluice(optionsOf(target(), kept, { maxAttempts: 2 }))
    const upload = sluice.upload({ key, body: bytes, onFailure })
    const error = await upload.done().catch((cause: unknown) => cause)
    target().server.faults.clear()
    return { key, error, open: target().open(key) }
  }

  it.each([
    ["auto, passing trouble: kept", broken, "auto", 1],
    ["auto, a permanent reason: aborted", denied, "auto", 0],
    ["keep, a permanent reason: kept", denied, "keep", 1],
    ["abort, passing trouble: aborted", broken, "abort", 0]
  ] as const)("%s", async (_, action, onFailure, open) => {
    const kept = await durableJournal()
    const run = await failing(kept, action, onFailure)
    expect(run.open).toBe(open)
    const sessions = await Effect.runPromise(kept.journal.listByKey(target().bucket, run.key))
    expect(sessions).toHaveLength(open)
    if (open === 0) return
    expect((await resume(target(), kept, { key: run.key })).outcome).toMatchObject({ parts: 6 })
    await target().assertNothingLeft()
  })

  it("abort() ends it whatever the policy says", async () => {
    const kept = await durableJournal()
    const key = freshKey("abort")
    await using sluice = createSluice(optionsOf(target(), kept, { onFailure: "keep" }))
    const upload = sluice.upload({ key, body: holdingAt(bytes, 2 * part) })
    for await (const event of upload.events()) {
      if (event._tag === "PartStored" && event.partNumber === 2) void upload.abort()
    }
    await upload.abort()
    expect(target().open(key)).toBe(0)
    expect(await sluice.sessions()).toEqual([])
  })

  it("is not touched any more by a holder that lost its lease", async () => {
    const kept = await durableJournal()
    const key = freshKey("lost-lease")
    const busy = Effect.flatMap(kept.journal.get("nobody's"), () => Effect.never)
    const losing = Journal.Journal.of({
      ...kept.journal,
      acquire: (sessionId, ttlMs) =>
        Effect.map(kept.journal.acquire(sessionId, ttlMs), (lease) => ({ ...lease, renew: busy }))
    })
    await using sluice = createSluice(
      optionsOf(target(), kept, {
        journal: Layer.succeed(Journal.Journal, losing),
        leaseMs: 1_000,
        onFailure: "abort"
      })
    )
    const upload = sluice.upload({ key, body: holdingAt(bytes, 2 * part) })
    await expect(upload.done()).rejects.toMatchObject({ reason: { _tag: "SessionNotFound" } })
    expect(target().open(key)).toBe(1)
    expect((await sessionOf(kept, target(), key)).state).toBe("uploading")
    expect((await resume(target(), kept, { key })).outcome).toMatchObject({ parts: 6 })
  })
})

onFaultyStores("what becomes of an upload whose part was replaced behind its back", (target) => {
  it("is repaired when a part was replaced behind its back: that part is sent again, then Complete [rows 30, 41]", async () => {
    const { bucket: Bucket, client } = target()
    const key = freshKey("replaced")
    const meddler = Plugin.make({
      name: "test/meddler",
      open: () => {
        let times = 0
        return Effect.succeed({
          finish: () =>
            Effect.promise(async () => {
              if (times++ > 0) return
              const [open] = await openUploads(target(), key)
              const at = { Bucket, Key: key, UploadId: open?.uploadId, PartNumber: 2 }
              await client.send(new UploadPartCommand({ ...at, Body: pattern(part, 7) }))
            })
        })
      }
    })
    const kept = await durableJournal()
    await using sluice = createSluice(optionsOf(target(), kept, { plugins: [meddler] }))
    const stored = await sluice.upload({ key, body: bytes }).done()
    expect(stored.parts).toBe(6)
    expect(sha256((await download(target(), key)) ?? new Uint8Array())).toBe(sha256(bytes))
    const parts = target().requests.filter((r) => r.op === "UploadPart" && r.key === key)
    expect(parts.filter(({ partNumber }) => partNumber !== 2)).toHaveLength(5)
    // Ours, the meddler's (who goes past a proxy), and the one that was sent again.
    expect(parts.filter(({ partNumber }) => partNumber === 2)).toHaveLength("server" in target() ? 3 : 2)
    expect(target().count("CompleteMultipartUpload", key)).toBe(2)
    await target().assertNothingLeft()
  })
})
