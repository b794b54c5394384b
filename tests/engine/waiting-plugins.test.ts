import * as Plugin from "@sluice/core/Plugin"
import { createSluice, s3 } from "@sluice/core/promise"
import { startS3 } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"

// Parts: plugins-that-hang.test.ts, on virtual time.
it("a send hook that makes an object wait is no stall of the store: the watchdog stands inside it", async () => {
  await using server = await startS3({ buckets: ["media"] })
  let waits = 0
  const slow = Plugin.make({
    name: "acme/slow",
    open: () =>
      Effect.succeed({
        send: (part, next) => {
          waits++
          return Effect.delay(next(part), "3500 millis")
        }
      })
  })
  const { endpoint, region, credentials } = server
  await using sluice = createSluice({
    store: s3({ bucket: "media", endpoint, region, credentials }),
    stallTimeoutMs: 3_000,
    maxAttempts: 1,
    plugins: [slow]
  })
  expect((await sluice.upload({ key: "small.bin", body: new Uint8Array(9) }).done()).parts).toBe(1)
  expect(waits).toBe(1)
})

it("encryption that no multipart upload may show first is refused before a request is made", async () => {
  await using server = await startS3({ buckets: ["media"] })
  const { endpoint, region, credentials } = server
  await using sluice = createSluice({ store: s3({ bucket: "media", endpoint, region, credentials }) })
  const upload = sluice.upload({
    key: "secret.txt",
    body: new Uint8Array(9),
    multipart: "never",
    encryption: { mode: "SSE-S3" }
  })
  await expect(upload.done()).rejects.toThrow("allow multipart")
  expect(server.requests).toEqual([])
})

it("a HEAD that fails in passing is asked again, and a silent one ends", async () => {
  await using server = await startS3({ buckets: ["media"] })
  const { endpoint, region, credentials } = server
  await using sluice = createSluice({
    store: s3({ bucket: "media", endpoint, region, credentials }),
    stallTimeoutMs: 1_000,
    maxAttempts: 2,
    retryBaseMs: 1
  })
  await sluice.upload({ key: "a.txt", body: new Uint8Array(9) }).done()
  server.faults.add({ match: { op: "HeadObject" }, action: { type: "status", status: 500, code: "InternalError" } })
  expect((await sluice.head("a.txt")).size).toBe(9)
  server.faults.add({ match: { op: "HeadObject" }, action: { type: "stall", afterBytes: 0 }, times: 2 })
  await expect(sluice.head("a.txt")).rejects.toMatchObject({ reason: { _tag: "Stalled" }, retry: "persistent" })
})
