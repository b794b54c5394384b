/**
 * A bandwidth limit of ours slows uploads down. It is no stall, no fault, and no reason to try again.
 */

import { KiB } from "@sluice/core/Limits"
import type { UploadEvent } from "@sluice/core/promise"
import { createSluice, s3 } from "@sluice/core/promise"
import { expect, it } from "vitest"
import { pattern } from "./bytes.ts"
import { onEmbedded, onEveryStore } from "./target.ts"
import { attempt, failedWith, freshKey, quick, succeeded } from "./trial.ts"

const retries = (events: ReadonlyArray<UploadEvent>) => events.filter(({ _tag }) => _tag === "Retrying")

onEveryStore("an upload under a bandwidth limit", (target) => {
  it("waits longer than the stall time and than an attempt may take, and is sent once", async () => {
    // The second KiB waits a second for its leave, and the third another one.
    const body = pattern(3 * KiB)
    const patience = { stallTimeoutMs: 700, attemptTimeoutMs: 1_500 }
    const outcome = await attempt(target(), { body }, { ...patience, store: { bandwidth: KiB } })
    succeeded(outcome)
    expect(retries(outcome.events)).toEqual([])
  })

  it("by a schedule is as fast as the window of this minute says", async () => {
    const always = { from: "00:00", to: "24:00", bytesPerSecond: Number.POSITIVE_INFINITY }
    const bandwidth = { windows: [always], otherwise: KiB }
    const outcome = await attempt(target(), { body: pattern(6 * 1024 * KiB) }, { store: { bandwidth } })
    expect(succeeded(outcome).parts).toBe(2)
  })
})

onEmbedded("a bandwidth limit", (target) => {
  it("holds for all uploads of the store together, and every one of them arrives", async () => {
    await using sluice = createSluice({
      ...quick,
      stallTimeoutMs: 700,
      store: s3({ ...target().store, bandwidth: 16 * KiB })
    })
    // Twice what the bucket holds: half of them must wait, some for longer than the stall time.
    const uploads = Array.from({ length: 4 }, (_, i) =>
      sluice.upload({ key: freshKey("shared"), body: pattern(8 * KiB + i) })
    )
    const stored = await Promise.all(uploads.map((upload) => upload.done()))
    expect(stored.map(({ size }) => size)).toEqual([0, 1, 2, 3].map((i) => 8 * KiB + i))
    for (const upload of uploads) expect(upload.progress().retries).toBe(0)
  })

  it("keeps nobody who aborts waiting", async () => {
    const outcome = await attempt(
      target(),
      { body: pattern(1_024 * KiB) },
      {
        store: { bandwidth: KiB },
        during: async (upload) => {
          for await (const { _tag } of upload.events()) if (_tag === "BytesSent") break
          await upload.abort()
        }
      }
    )
    expect(outcome.events.at(-1)?._tag).toBe("UploadCancelled")
  })

  it("that makes no sense is refused", async () => {
    const windows = [{ from: "8", to: "18", bytesPerSecond: 5_000 }]
    const outcome = await attempt(
      target(),
      { body: pattern(10) },
      { store: { bandwidth: { windows } }, neverStarts: true }
    )
    expect(failedWith(outcome, "InvalidRequest").message).toMatch(/HH:MM to HH:MM, not from 8 to 18/)
  })
})
