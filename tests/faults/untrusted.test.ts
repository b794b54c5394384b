/** A store whose certificate nobody vouches for (docs/reliability.md). */
import { createSluice, s3 } from "@sluice/core/promise"
import { startS3 } from "@sluice/testkit"
import { expect, it } from "vitest"
import { MiB, pattern } from "../engine/bytes.ts"
import { quick } from "../engine/trial.ts"

it.each([
  ["one PUT", pattern(1_000)],
  ["parts", pattern(6 * MiB)]
])("a certificate that does not hold is TlsFailed at once, for %s; nothing is sent [row 14]", async (_, body) => {
  await using server = await startS3({ buckets: ["media"], tls: true })
  const { endpoint, region, credentials } = server
  await using sluice = createSluice({ ...quick, store: s3({ bucket: "media", endpoint, region, credentials }) })
  const upload = sluice.upload({ key: "a.bin", body })
  await expect(upload.done()).rejects.toMatchObject({ reason: { _tag: "TlsFailed" }, retry: "permanent" })
  expect(upload.progress().retries).toBe(0)
  expect(server.requests).toEqual([])
})
