import { HeadObjectCommand } from "@aws-sdk/client-s3"
import * as Journal from "@sluice/core/Journal"
import { createSluice, Source, s3 } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, expect, it } from "vitest"
import { MiB, pattern } from "./bytes.ts"
import { onEmbedded, onEveryStore } from "./target.ts"
import { attempt, failedWith, freshKey, quick, succeeded } from "./trial.ts"

const sizes = { "an empty object": 0, "one PUT": 1_000, "three parts": 11 * MiB + 3 }
const algorithms = ["CRC32C", "CRC64NVME"] as const

onEveryStore("an upload that tells the store another checksum", (target) => {
  describe.each(algorithms)("%s", (checksumAlgorithm) => {
    it.each(Object.entries(sizes))("of %s is proven by it, and the store keeps it", async (_, size) => {
      const bytes = pattern(size)
      const outcome = await attempt(target(), { body: bytes }, { checksumAlgorithm, expected: bytes })
      expect(succeeded(outcome)).toMatchObject({ proof: "source" })
      const head = await target().client.send(
        new HeadObjectCommand({ Bucket: target().bucket, Key: outcome.key, ChecksumMode: "ENABLED" })
      )
      expect(head[`Checksum${checksumAlgorithm}`]).toMatch(/^[A-Za-z0-9+/]+=*$/)
      expect(head.ChecksumCRC32).toBeUndefined()
    })
  })
})

onEmbedded("an upload that tells the store another checksum", (target) => {
  it.each(algorithms)("%s, sends a part again that arrives damaged", async (checksumAlgorithm) => {
    const bytes = pattern(11 * MiB)
    target().server.faults.add({ match: { op: "UploadPart", partNumber: 2 }, action: { type: "corrupt", byte: 77 } })
    const outcome = await attempt(target(), { body: bytes }, { checksumAlgorithm, expected: bytes })
    expect(succeeded(outcome).proof).toBe("source")
    expect(target().count("UploadPart", outcome.key)).toBe(4)
  })

  it.each(algorithms)("%s, goes on where an earlier run was cut off", async (checksumAlgorithm) => {
    const bytes = pattern(23 * MiB)
    const journal = { ...(await Effect.runPromise(Journal.makeMemory)), durable: true }
    const options = {
      ...quick,
      checksumAlgorithm,
      concurrency: 2,
      store: s3(target().store),
      journal: Layer.succeed(Journal.Journal, Journal.Journal.of(journal))
    }
    const key = freshKey()
    const whole = Source.fromBytes(bytes)
    const stuck = Effect.sync(
      (): Source.SourceReader => ({
        _tag: "Chunks",
        rest: bytes.subarray(0, 12 * MiB),
        next: () => new Promise(() => undefined)
      })
    )
    // Its end is read from elsewhere than the start, for the identity.
    const body: Source.Source = { ...whole, open: (at) => (at > 0 ? whole.open(at) : stuck) }
    const first = createSluice({ ...options, onFailure: "keep" })
    let stored = 0
    for await (const event of first.upload({ key, body }).events()) {
      if (event._tag === "PartStored" && ++stored === 2) void first.dispose()
    }
    await first.dispose()
    await using second = createSluice(options)
    expect(await second.resume({ key }, { body: bytes }).done()).toMatchObject({ proof: "source", size: bytes.length })
    expect(target().count("UploadPart", key)).toBe(5)
    const by = checksumAlgorithm.toLowerCase()
    expect(await second.verify({ key, body: bytes })).toMatchObject({ matches: true, by })
  })

  it("finds its object when the answer to Complete is lost", async () => {
    const bytes = pattern(11 * MiB)
    target().server.faults.add({ match: { op: "CompleteMultipartUpload" }, action: { type: "dropAfterCommit" } })
    const outcome = await attempt(target(), { body: bytes }, { checksumAlgorithm: "CRC32C", expected: bytes })
    expect(succeeded(outcome).proof).toBe("source")
  })

  it("tells it as COMPOSITE where the store takes no other, CRC64NVME aside", async () => {
    const bytes = pattern(11 * MiB)
    for (const checksumAlgorithm of algorithms) {
      const store = { ...target().store, provider: "r2" } as const
      const outcome = await attempt(target(), { body: bytes }, { checksumAlgorithm, store, expected: bytes })
      expect(succeeded(outcome).proof).toBe("source")
      const head = await target().client.send(
        new HeadObjectCommand({ Bucket: target().bucket, Key: outcome.key, ChecksumMode: "ENABLED" })
      )
      expect(head.ChecksumType).toBe(checksumAlgorithm === "CRC32C" ? "COMPOSITE" : "FULL_OBJECT")
    }
  })

  it("is refused where the store takes no checksums, before anything is sent", async () => {
    const store = { ...target().store, provider: "b2" } as const
    const outcome = await attempt(target(), { body: pattern(10) }, { checksumAlgorithm: "CRC32C", store })
    expect(failedWith(outcome, "InvalidRequest").message).toMatch(/b2.*CRC32C/)
  })
})
