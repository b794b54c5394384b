/** Sources that fail, end early or lie about themselves (reference/upload-libraries.md §0.5, §2 rows 5 to 9, 19, 20). */
import { Readable } from "node:stream"
import { GiB, MiB, profiles, TiB } from "@sluice/core/Limits"
import type { Upload } from "@sluice/core/promise"
import { layoutCapacity, partAt, partCount, plan } from "@sluice/core/UploadPlan"
import * as Result from "effect/Result"
import { expect, it } from "vitest"
import { chunksOf, generator, pattern } from "../engine/bytes.ts"
import { download, onEmbedded, onEveryStore } from "../engine/target.ts"
import { attempt, failedWith, freshKey, quick, succeeded } from "../engine/trial.ts"

const part = quick.partSize

onEveryStore("a source", (target) => {
  // §0.5, measured: `end(new Error())` sends CompleteMultipartUpload; a truncated object is live (oven-sh/bun#43134).
  it("Bun: a source that fails after 12 MiB is completed, truncated", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* chunksOf(pattern(12 * MiB))
      throw new Error("the disk is on fire")
    }
    const outcome = await attempt(target(), { body: failing() })
    expect(failedWith(outcome, "SourceFailed").message).toContain("the disk is on fire")
    expect(await download(target(), outcome.key)).toBeUndefined()
  })

  // §2 row 5 (aws-sdk-js-v3#6426, minio-js#1480).
  it("lib-storage, minio-js: an empty stream never settles", async () => {
    const outcome = await attempt(target(), { body: Readable.from([]) }, { expected: new Uint8Array() })
    expect(succeeded(outcome).size).toBe(0)
  })

  // §2 row 5 (aws-sdk-js-v3#6118, aws-sdk-java-v2#3693).
  it("lib-storage: a stream that is destroyed without an end never settles", async () => {
    const chunks = [...chunksOf(pattern(part + 10))]
    const body = new Readable({
      read() {
        const chunk = chunks.shift()
        if (chunk === undefined) this.destroy()
        else this.push(chunk)
      }
    })
    failedWith(await attempt(target(), { body }), "SourceFailed")
  })

  // §2 row 20 (aws-sdk-js-v3#8299, s3transfer#366).
  it("lib-storage: the size is guessed from a property of the stream that means something else", async () => {
    const bytes = pattern(part + 10)
    const body = Object.assign(generator(chunksOf(bytes)), { size: 3, length: 3, byteLength: 3 })
    expect(succeeded(await attempt(target(), { body }, { expected: bytes })).size).toBe(bytes.length)
  })
})

onEmbedded("a stream that can be read once", (target) => {
  // §2 row 7 (aws-sdk-js-v3#6770, #2311, #2677).
  it("lib-storage: a request that was refused cannot be sent again", async () => {
    const key = freshKey("once")
    const bytes = pattern(2 * part + 10)
    const action = { type: "status", status: 503, code: "SlowDown" } as const
    target().server.faults.add({ match: { op: "UploadPart", key, attempt: 1 }, action, times: 3 })
    const body = new Blob([bytes]).stream()
    succeeded(await attempt(target(), { key, body }, { expected: bytes }))
    expect(target().count("UploadPart", key)).toBe(6)
  })

  // §2 row 19 (aws-sdk-js-v3#5682, #2206); files-sdk begins again at 0 on a retry.
  it("lib-storage, files-sdk: progress comes by part, and falls on a retry", async () => {
    const key = freshKey("progress")
    const { faults } = target().server
    const match = { op: "UploadPart", key, partNumber: 1 } as const
    faults.add({ match, action: { type: "stall", afterBytes: MiB } })
    const during = async (upload: Upload): Promise<void> => {
      for await (const { _tag } of upload.events()) if (_tag === "BytesSent") break
      expect(upload.progress()).toMatchObject({ partsStored: 0, stored: 0 })
      expect(upload.progress().sent).toBeGreaterThan(0)
    }
    const body = pattern(part + 10)
    // `attempt` demands that neither bytes nor percent ever fall.
    const outcome = await attempt(target(), { key, body }, { concurrency: 1, stallTimeoutMs: 1_000, during })
    succeeded(outcome)
    expect(outcome.progress.at(-1)).toMatchObject({ retries: 1, percent: 100 })
  })
})

const planned = (size: number | undefined, of = profiles.aws, maxPartInMemory = 128 * MiB) =>
  Result.getOrThrow(
    plan(
      {
        ...{ key: "key", size, partSize: 8 * MiB, multipartThreshold: 8 * MiB, multipart: "always" },
        ...{ maxPartInMemory, attributes: {}, condition: {}, replayable: true }
      },
      of
    )
  )

// §2 row 9 (aws-sdk-js-v3#5964, PR#7982): 10,000 parts of 5 MiB are 48.8 GiB; off by one at the limit.
it("lib-storage, rclone: a stream of unknown length ends at 48.8 GiB", () => {
  const { layout } = planned(undefined)
  // In 256 MiB of memory, two of the largest parts at a time: 1,000 parts each of 8, 16, 32, 64 and 128 MiB.
  expect(layoutCapacity(layout, profiles.aws.limits.maxParts)).toBe(248_000 * MiB)
})

it("lib-storage, files-sdk, @effect-aws/s3: the 10,001st part is found out when it is refused", () => {
  for (const size of [10_000 * 8 * MiB, 10_000 * 8 * MiB + 1, 10_000 * 8 * MiB - 1, 5 * TiB, 10_000 * 5 * GiB]) {
    const { layout } = planned(size, profiles.aws, 5 * GiB)
    expect(partCount(layout, size), `${size}`).toBeLessThanOrEqual(10_000)
    const last = partAt(layout, partCount(layout, size))
    expect(last.offset).toBeLessThan(size)
    expect(last.offset + last.size).toBeGreaterThanOrEqual(size)
  }
})

// §2 row 10 (apache/arrow-rs#4304, apache/arrow#34363).
it("object_store, arrow: parts of different sizes where the store wants equal ones", () => {
  expect(planned(undefined, profiles.r2).layout._tag).toBe("Uniform")
  expect(planned(undefined, profiles.aws).layout._tag).toBe("Doubling")
})
