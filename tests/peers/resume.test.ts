/** Resume, where others resume by part number, or not at all (reference/upload-libraries.md §0.3, §0.4, §2). */
import { expect, it } from "vitest"
import { pattern, sha256 } from "../engine/bytes.ts"
import { download, onEmbedded, onEveryStore } from "../engine/target.ts"
import { attempt, freshKey, quick, succeeded } from "../engine/trial.ts"
import { interruptedAfter, resumeWith } from "./earlier-run.ts"

const part = quick.partSize
/** 14 MiB and something: three parts, two of which are stored when the first run ends. */
const a = pattern(2 * part + 4_000_000)
const b = pattern(a.length, 1)

onEveryStore("an upload that is resumed", (target) => {
  // §0.3, measured: the object is 10 MiB of A and 4 MiB of B, and the answer is success.
  it("files-sdk: resumed with another file of the same size, it builds an object of both and reports success", async () => {
    const earlier = await interruptedAfter(2, target(), freshKey("files-sdk"), a)
    expect((await resumeWith(earlier, b)).outcome).toMatchObject({ reason: { _tag: "SourceChanged" } })
    expect(await download(target(), earlier.key)).toBeUndefined()
    expect((await resumeWith(earlier, a)).outcome).toMatchObject({ size: a.length, proof: "source" })
    await target().assertNothingLeft()
  })

  // §0.3, measured: resumed with 6 MiB, the object is the 10 MiB that were stored of A.
  it("files-sdk: resumed with a shorter body, it reports the parts that are stored as the object", async () => {
    const earlier = await interruptedAfter(2, target(), freshKey("files-sdk"), a)
    const shorter = pattern(part + 1_000_000)
    expect((await resumeWith(earlier, shorter)).outcome).toMatchObject({ reason: { _tag: "SourceChanged" } })
    expect(await download(target(), earlier.key)).toBeUndefined()
    expect((await resumeWith(earlier, a)).outcome).toMatchObject({ size: a.length })
    await target().assertNothingLeft()
  })

  // §0.4, measured: part numbers begin at 2 and every part is sent again (minio-js#1490).
  it("minio-js: its resume sends every part again", async () => {
    const earlier = await interruptedAfter(2, target(), freshKey("minio-js"), a)
    const later = await resumeWith(earlier, a)
    expect(later).toMatchObject({ verified: [1, 2], sent: [3], outcome: { parts: 3, proof: "source" } })
    expect(sha256((await download(target(), earlier.key)) ?? new Uint8Array())).toBe(sha256(a))
    await target().assertNothingLeft()
  })
})

onEmbedded("two writers of one key", (target) => {
  // §0.4 (`findUploadId`): it adopts any open upload of the key, so that two writers share one.
  it("minio-js: they share one multipart upload", async () => {
    const key = freshKey("minio-js")
    const other = pattern(part + 7, 3)
    let second: unknown
    const outcome = await attempt(
      target(),
      { key, body: a },
      {
        expected: "any",
        during: async (_, sluice) => {
          second = await sluice.upload({ key, body: other }).done()
        }
      }
    )
    succeeded(outcome)
    expect(second).toMatchObject({ size: other.length, proof: "source" })
    const ids = target().server.requests.filter((r) => r.key === key && r.op === "CompleteMultipartUpload")
    expect(new Set(ids.map(({ uploadId }) => uploadId)).size).toBe(2)
    expect([sha256(a), sha256(other)]).toContain(sha256((await download(target(), key)) ?? new Uint8Array()))
  })
})
