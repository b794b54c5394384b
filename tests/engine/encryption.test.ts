import { createSluice, s3, type UploadEvent } from "@sluice/core/promise"
import type { FaultAction } from "@sluice/testkit"
import { expect, it } from "vitest"
import { MiB, pattern } from "./bytes.ts"
import { bytesSentTo } from "./connections.ts"
import { download, type EmbeddedTarget, head, onEmbedded, onMinIO, type Target } from "./target.ts"
import { attempt, failedWith, freshKey, quick, succeeded } from "./trial.ts"

const encryption = { mode: "SSE-S3" } as const
const sizes = [
  ["no byte", new Uint8Array(0)],
  ["less than a part", pattern(300_000)],
  ["two parts", pattern(5 * MiB + 300_000)]
] as const

/** Headers of a few requests; the smallest payload here that is one is larger. */
const fewBytes = 20_000

const encrypts = (target: () => Target): void => {
  it.each(sizes)("stores %s encrypted, the first upload and those after it", async (_, body) => {
    for (const _ of [1, 2]) {
      const outcome = await attempt(target(), { body, encryption })
      expect(outcome.stored).toMatchObject({ size: body.length })
      expect(await head(target(), outcome.key)).toMatchObject({ ServerSideEncryption: "AES256" })
    }
  })

  it("asks for it on every upload of one process, single PUTs too once the store has shown it", async () => {
    await using sluice = createSluice({ ...quick, store: s3(target().store) })
    for (const body of [pattern(10), pattern(20)]) {
      const key = freshKey("encrypted")
      const upload = sluice.upload({ key, body, encryption })
      const events: Array<UploadEvent> = []
      for await (const event of upload.events()) events.push(event)
      expect(await upload.done()).toMatchObject({ proof: "source" })
      expect(events[0]).toMatchObject({ mode: body.length === 10 ? "multipart" : "single" })
      expect(await head(target(), key)).toMatchObject({ ServerSideEncryption: "AES256" })
      expect(await download(target(), key)).toEqual(body)
    }
  })
}

/** The upload fails, and not a byte of its payload has left. */
const refusedUnsent = async (target: EmbeddedTarget, key: string, body: Uint8Array): Promise<void> => {
  const before = bytesSentTo(target.store.endpoint)
  let sent = 0
  const during = async (upload: { done: () => Promise<unknown> }): Promise<void> => {
    await upload.done().catch(() => undefined)
    sent = bytesSentTo(target.store.endpoint) - before
  }
  const outcome = await attempt(target, { key, body, encryption }, { during })
  const error = failedWith(outcome, "EncryptionNotApplied")
  expect(error.reason).toMatchObject({ requested: "AES256", answered: "nothing" })
  expect(error.message).toMatch(/nothing was sent/)
  expect(sent).toBeGreaterThan(0)
  expect(sent).toBeLessThan(fewBytes)
  expect(target.count("PutObject", key)).toBe(0)
  expect(outcome.events.map(({ _tag }) => _tag)).toEqual(["UploadFailed"])
}

onEmbedded("encryption by a store that has it", encrypts)
onMinIO("encryption by a store that has it", encrypts)

onEmbedded(
  "encryption asked of a store that ignores it in silence",
  (target) => {
    it.each(sizes)("fails before a byte of %s leaves [row 6]", (_, body) => refusedUnsent(target(), freshKey(), body))
  },
  { serverSideEncryption: false }
)

onEmbedded("encryption that gets lost on its way", (target) => {
  const ignored: FaultAction = { type: "ignoreSse" }
  it.each(sizes)("fails before a byte of %s leaves [row 6]", async (_, body) => {
    const key = freshKey()
    target().server.faults.add({ match: { key }, action: ignored, times: Number.POSITIVE_INFINITY })
    await refusedUnsent(target(), key, body)
  })

  it("after the store has shown it once is still no success", async () => {
    await using sluice = createSluice({ ...quick, store: s3(target().store) })
    await sluice.upload({ key: freshKey(), body: pattern(10), encryption }).done()
    const key = freshKey()
    target().server.faults.add({ match: { key }, action: ignored, times: Number.POSITIVE_INFINITY })
    await expect(sluice.upload({ key, body: pattern(20), encryption }).done()).rejects.toMatchObject({
      reason: { _tag: "EncryptionNotApplied", stored: true },
      message: expect.stringContaining("stands unencrypted")
    })
    await target().assertNothingLeft()
  })
})

onMinIO(
  "encryption asked of a store without keys",
  (target) => {
    it.each(sizes)("is refused, and nothing of %s is left", async (_, body) => {
      const { error } = await attempt(target(), { body, encryption })
      expect(error).toMatchObject({ retry: "permanent" })
      expect(String(error)).toMatch(/InvalidRequest|EncryptionNotApplied/)
    })

    it("does not keep other uploads from it", async () => {
      succeeded(await attempt(target(), { body: pattern(10) }))
    })
  },
  { kms: false }
)
