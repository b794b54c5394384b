/** Many uploads by one call: a result for each, under one limit. */
import { createSluice, isUploadError, Source, s3 } from "@sluice/core/promise"
import { startS3 } from "@sluice/testkit"
import { expect, it } from "vitest"
import { MiB, pattern } from "./bytes.ts"

it("each item is stored, skipped or fails by itself, and what was stored is listed", async () => {
  await using store = await startS3({ buckets: ["media"] })
  const { credentials, endpoint, region } = store
  await using sluice = createSluice({ store: s3({ bucket: "media", endpoint, region, credentials }) })
  async function* items() {
    yield { key: "all/large", body: pattern(17 * MiB), multipart: "always" as const }
    yield { key: "all/small", body: new Uint8Array(5) }
    yield { key: "all/gone", body: Source.file("/no/such/file") }
    yield { key: "all/../bad", body: new Uint8Array(1) }
    yield { key: "all/skipped", body: new Uint8Array(1) }
  }
  const told = new Map<string, string>()
  const summary = await sluice.uploadAll(items(), {
    skip: ({ key }) => key.endsWith("skipped"),
    onItem: (result) => {
      const reason = result._tag === "Failed" ? ` ${result.error.reason._tag}` : ""
      told.set(result.item.key, `${result._tag}${reason}${result._tag === "Done" ? ` ${result.value.size}` : ""}`)
    }
  })
  expect(summary).toEqual({ done: 2, skipped: 1, failed: 2 })
  expect(Object.fromEntries(told)).toEqual({
    "all/large": `Done ${17 * MiB}`,
    "all/small": "Done 5",
    "all/gone": "Failed SourceFailed",
    "all/../bad": "Failed InvalidRequest",
    "all/skipped": "Skipped"
  })
  const listed: Array<string> = []
  for await (const { key, size } of sluice.list({ prefix: "all/" })) listed.push(`${key} ${size}`)
  expect(listed).toEqual([`all/large ${17 * MiB}`, "all/small 5"])
  expect(store.openUploads()).toEqual([])
})

it("an aborted batch leaves nothing, and begins nothing else", async () => {
  await using store = await startS3({ buckets: ["media"] })
  const { credentials, endpoint, region } = store
  await using sluice = createSluice({ store: s3({ bucket: "media", endpoint, region, credentials }) })
  const controller = new AbortController()
  const items = Array.from({ length: 6 }, (_, i) => ({
    key: `k${i}`,
    body: pattern(17 * MiB),
    onProgress: ({ sent }: { readonly sent: number }) => {
      if (sent > 0) controller.abort()
    }
  }))
  const batch = sluice.uploadAll(items, { concurrency: 2, signal: controller.signal })
  await expect(batch).rejects.toMatchObject({ name: "AbortError" })
  expect(store.openUploads()).toEqual([])
  expect(await store.object("media", "k5")).toBeUndefined()
})

it("without continueOnError it rejects with the first failure", async () => {
  await using store = await startS3({ buckets: ["media"] })
  const { credentials, endpoint, region } = store
  await using sluice = createSluice({ store: s3({ bucket: "media", endpoint, region, credentials }) })
  const items = [1, 2, 3].map((i) => ({ key: `k${i}`, body: i === 1 ? Source.file("/no") : new Uint8Array(i) }))
  const failure = await sluice
    .uploadAll(items, { concurrency: 1, continueOnError: false })
    .catch((error: unknown) => error)
  expect(isUploadError(failure) && failure.reason._tag).toBe("SourceFailed")
  expect(await store.object("media", "k2")).toBeUndefined()
})
