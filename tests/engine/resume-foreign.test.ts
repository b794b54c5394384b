/** Uploads and parts of somebody else, at the key of one that is gone on with. */
import { CreateMultipartUploadCommand, UploadPartCommand } from "@aws-sdk/client-s3"
import * as Plugin from "@sluice/core/Plugin"
import { createSluice } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { pattern, sha256 } from "./bytes.ts"
import { bytes, durableJournal, interrupted, optionsOf, part, parts, resume } from "./resuming.ts"
import { abortBehindItsBack, download, onEveryStore, onFaultyStores, openUploads } from "./target.ts"
import { freshKey } from "./trial.ts"

onEveryStore("an upload that was interrupted under a durable journal", (target) => {
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
