import { createHash } from "node:crypto"
import { HeadObjectCommand } from "@aws-sdk/client-s3"
import { Source } from "@sluice/core/promise"
import { describe, expect, it } from "vitest"
import { chunksOf, generator, MiB, pattern } from "./bytes.ts"
import { onEmbedded } from "./target.ts"
import { attempt, failedWith, succeeded } from "./trial.ts"

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")
const sizes = { "one PUT": 1_000, "three parts": 11 * MiB }

onEmbedded("the SHA-256 of a whole source", (target) => {
  describe.each(Object.entries(sizes))("in %s", (_, size) => {
    const bytes = pattern(size)

    it("is stored in the metadata", async () => {
      const outcome = await attempt(target(), { body: bytes, sha256: "metadata", metadata: { kept: "yes" } })
      succeeded(outcome)
      const head = await target().client.send(new HeadObjectCommand({ Bucket: target().bucket, Key: outcome.key }))
      expect(head.Metadata).toMatchObject({ kept: "yes", sha256: sha256(bytes) })
    })

    it("may be declared for a stream, which is stored with it", async () => {
      const declared = { sha256: "metadata", expectSha256: sha256(bytes).toUpperCase() } as const
      const outcome = await attempt(target(), { body: generator(chunksOf(bytes)), ...declared })
      succeeded(outcome)
      const head = await target().client.send(new HeadObjectCommand({ Bucket: target().bucket, Key: outcome.key }))
      expect(head.Metadata).toMatchObject({ sha256: sha256(bytes) })
    })

    it.each([
      ["bytes", () => bytes],
      ["a stream", () => generator(chunksOf(bytes))]
    ])("ends an upload of %s that has another one, before Complete", async (_, body) => {
      const outcome = await attempt(target(), { body: body(), expectSha256: sha256(bytes.subarray(1)) })
      expect(failedWith(outcome, "ChecksumMismatch").retry).toBe("permanent")
      expect(target().count("CompleteMultipartUpload", outcome.key)).toBe(0)
      expect(target().count("PutObject", outcome.key)).toBe(0)
      expect(target().open(outcome.key)).toBe(0)
    })
  })

  it("of a stream that nobody has declared is refused before anything is sent", async () => {
    const outcome = await attempt(
      target(),
      { body: generator(chunksOf(pattern(10))), sha256: "metadata" },
      {
        neverStarts: true
      }
    )
    expect(failedWith(outcome, "InvalidRequest").message).toMatch(/^InvalidRequest: .*expectSha256/)
  })

  it("of a file that is not there fails with what is wrong with the file", async () => {
    const outcome = await attempt(
      target(),
      { body: Source.file("/nowhere/at.all"), sha256: "metadata" },
      { neverStarts: true }
    )
    expect(failedWith(outcome, "SourceFailed").message).toMatch(/no such file/)
  })

  it("is refused where it is none", async () => {
    const outcome = await attempt(target(), { body: pattern(10), expectSha256: "abc" }, { neverStarts: true })
    expect(failedWith(outcome, "InvalidRequest").message).toMatch(/^InvalidRequest: .*64 hex digits/)
  })
})
