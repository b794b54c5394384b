/** A journal that is away, full, damaged or behind (docs/reliability.md). */
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FileJournal, Journal, type UploadError, uploadError } from "@sluice/core"
import { createSluice, type SluiceOptions, s3 } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import { pattern, sha256 } from "../engine/bytes.ts"
import { download, onEmbedded } from "../engine/target.ts"
import { attempt, failedWith, freshKey, quick, succeeded } from "../engine/trial.ts"
import { interruptedAfter, resumeWith } from "../peers/earlier-run.ts"

// What the journal could not do is warned about.
beforeEach(() => {
  vi.spyOn(console, "log").mockReturnValue(undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
})

const part = quick.partSize
const bytes = pattern(2 * part + 1_000)

type Writing = "create" | "update" | "putReceipt" | "acquire" | "delete"

const away = uploadError({ _tag: "JournalFailed", message: "the journal is full" }, { retry: "temporary" })

/** A journal one of whose writes fails, from the nth on. */
const failingAt = async (writing: Writing, nth: number, durable = false) => {
  const inner = { ...(await Effect.runPromise(Journal.makeMemory)), durable }
  let mended = false
  let calls = 0
  const orFail = <A>(name: Writing, effect: Effect.Effect<A, UploadError>): Effect.Effect<A, UploadError> =>
    Effect.suspend(() => (name === writing && ++calls >= nth && !mended ? Effect.fail(away) : effect))
  const journal = Journal.Journal.of({
    ...inner,
    create: (session) => orFail("create", inner.create(session)),
    update: (session) => orFail("update", inner.update(session)),
    putReceipt: (id, receipt) => orFail("putReceipt", inner.putReceipt(id, receipt)),
    acquire: (id, ttlMs) => orFail("acquire", inner.acquire(id, ttlMs)),
    delete: (id) => orFail("delete", inner.delete(id))
  })
  return {
    layer: Layer.succeed(Journal.Journal, journal),
    inner,
    mend: () => {
      mended = true
    }
  }
}

onEmbedded("a journal that cannot be written", (target) => {
  it.each<[string, Writing, number, boolean]>([
    ["when the session is to be made, before anything is asked of the store", "create", 1, false],
    ["when the lease is to be taken, before anything is asked of the store", "acquire", 1, false],
    ["when the uploadId is known", "update", 1, true],
    ["when a part is stored", "putReceipt", 1, true],
    ["when the second part is stored", "putReceipt", 2, true],
    ["when Complete is to be sent", "update", 2, true]
  ])("%s fails the upload, and nothing is left in the store [row 58]", async (_, writing, nth, begun) => {
    const key = freshKey()
    const { layer } = await failingAt(writing, nth)
    failedWith(await attempt(target(), { key, body: bytes }, { journal: layer }), "JournalFailed")
    expect(target().count("CreateMultipartUpload", key)).toBe(begun ? 1 : 0)
  })

  it("when the upload has ended does not take its success back [row 58]", async () => {
    const { layer } = await failingAt("delete", 1)
    succeeded(await attempt(target(), { body: bytes }, { journal: layer }))
  })

  it.each<[string, Writing, number]>([
    ["when a part is stored", "putReceipt", 2],
    ["when Complete is to be sent", "update", 2]
  ])("%s keeps an upload that may be resumed, which then is [row 58]", async (_, writing, nth) => {
    const key = freshKey("kept")
    const { inner, layer, mend } = await failingAt(writing, nth, true)
    const options: SluiceOptions = { ...quick, journal: layer, store: s3(target().store) }
    {
      await using sluice = createSluice(options)
      const run = sluice.upload({ key, body: bytes }).done()
      await expect(run).rejects.toMatchObject({ reason: { _tag: "JournalFailed" } })
    }
    mend()
    expect((await resumeWith({ key, options }, bytes)).outcome).toMatchObject({ parts: 3, proof: "source" })
    expect(await Effect.runPromise(inner.listExpired(Number.POSITIVE_INFINITY))).toEqual([])
    await target().assertNothingLeft()
  })
})

onEmbedded("a journal in a directory", (target) => {
  let root = ""
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "sluice-faults-journal-"))
  })
  afterAll(() => rm(root, { recursive: true, force: true }))

  /** An upload of which two parts are stored, in a journal of its own. */
  const kept = async () => {
    const key = freshKey("kept")
    const directory = join(root, key)
    const earlier = await interruptedAfter(2, target(), key, bytes, s3(target().store), FileJournal.layer(directory))
    await using sluice = createSluice(earlier.options)
    const [{ sessionId } = { sessionId: "" }] = await sluice.sessions()
    const [session = ""] = await readdir(directory)
    const files = await readdir(join(directory, session))
    const pathOf = (name: RegExp): string => join(directory, session, files.find((file) => name.test(file)) ?? "")
    return { earlier, key, sessionId, head: pathOf(/^head/), receipts: pathOf(/^receipts/) }
  }

  it.each<[string, (head: string) => Promise<void>]>([
    ["that is empty", (head) => truncate(head, 0)],
    ["that ends in its middle", async (head) => truncate(head, Math.floor((await readFile(head)).length / 2))],
    [
      "one of whose bits is another",
      async (head) => writeFile(head, (await readFile(head, "utf8")).replace("media", "nedia"))
    ]
  ])("with a session's head %s says so; its upload is found at the store, by its key [row 59]", async (_, damage) => {
    const { earlier, head, key, sessionId } = await kept()
    await damage(head)
    await using sluice = createSluice(earlier.options)
    const byId = sluice.resume(sessionId, { body: bytes }).done()
    await expect(byId).rejects.toMatchObject({ reason: { _tag: "JournalFailed" } })
    expect(target().open(key)).toBe(1)
    expect(await download(target(), key)).toBeUndefined()
    // Others are not in its way.
    expect(await sluice.upload({ key: `${key}-other`, body: pattern(10) }).done()).toMatchObject({ size: 10 })
    expect(await resumeWith(earlier, bytes)).toMatchObject({ verified: [1, 2], sent: [3], outcome: { parts: 3 } })
    expect(sha256((await download(target(), key)) ?? new Uint8Array())).toBe(sha256(bytes))
    await target().assertNothingLeft()
  })

  describe.each<[string, (receipts: string) => Promise<void>, ReadonlyArray<number>]>([
    ["lost", (receipts) => truncate(receipts, 0), [1, 2]],
    [
      "damaged",
      async (receipts) => writeFile(receipts, (await readFile(receipts, "utf8")).replaceAll("1", "7")),
      [1, 2]
    ]
  ])("whose receipts are %s", (_, damage, verified) => {
    it("believes the store's list, held against the source [row 59]", async () => {
      const { earlier, key, receipts } = await kept()
      await damage(receipts)
      expect(await resumeWith(earlier, bytes)).toMatchObject({ verified, sent: [3], outcome: { parts: 3 } })
      expect(sha256((await download(target(), key)) ?? new Uint8Array())).toBe(sha256(bytes))
      await target().assertNothingLeft()
    })
  })
})
