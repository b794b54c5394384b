/** Uploads that are not gone on with: other bytes, other plugins, somebody else at work. */
import { rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Plugin from "@sluice/core/Plugin"
import { Source } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import { afterAll, expect, it } from "vitest"
import { chunksOf, generator, pattern } from "./bytes.ts"
import { bytes, durableJournal, holdingAt, interrupted, part, resume } from "./resuming.ts"
import { abortBehindItsBack, download, onEveryStore, put } from "./target.ts"
import { freshKey } from "./trial.ts"

const files: Array<string> = []
const fileOf = async (name: string, content: Uint8Array): Promise<string> => {
  const path = join(tmpdir(), `sluice-resume-${process.pid}-${name}`)
  await writeFile(path, content)
  files.push(path)
  return path
}
afterAll(() => Promise.all(files.map((path) => rm(path, { force: true }))))

onEveryStore("an upload that was interrupted under a durable journal", (target) => {
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
