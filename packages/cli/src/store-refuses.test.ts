import { expect, it } from "vitest"
import { readBucketJob } from "./BucketJob.ts"
import { storeRefuses } from "./store-refuses.ts"

const refused = (server: string, ...args: ReadonlyArray<string>) => storeRefuses(server, readBucketJob(args, {}))

it("says what MinIO refuses of the rules, and what to leave out", () => {
  expect(refused("MinIO", "lifecycle", "s3://media")).toEqual([expect.stringContaining("--abort-after off")])
  expect(refused("MinIO", "lifecycle", "s3://media", "--tiers")).toHaveLength(2)
  const expiring = ["lifecycle", "s3://media", "--abort-after", "off", "--expire", "tmp/=7d"]
  expect(refused("MinIO", ...expiring)).toEqual([])
  const cors = ["cors", "s3://media", "--origin", "https://app.example.com"]
  expect(refused("MinIO", ...cors)).toEqual([expect.stringContaining("MINIO_API_CORS_ALLOW_ORIGIN")])
})

it("says nothing of a store that it knows nothing of", () => {
  expect(refused("AmazonS3", "lifecycle", "s3://media", "--tiers")).toEqual([])
})
