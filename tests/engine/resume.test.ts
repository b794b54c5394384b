import * as Plugin from "@sluice/core/Plugin"
import { createSluice, Source, s3 } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { expect, it } from "vitest"
import { chunksOf, generator, sha256 } from "./bytes.ts"
import { bytes, durableJournal, holdingAt, interrupted, optionsOf, part, parts, resume, sessionOf } from "./resuming.ts"
import { download, onEveryStore } from "./target.ts"
import { freshKey } from "./trial.ts"

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
})
