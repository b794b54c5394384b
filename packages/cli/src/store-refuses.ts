/**
 * What a store is known to refuse of a bucket's rules, and what it has instead. Pure.
 *
 * @module
 */
import type { BucketJob } from "./BucketJob.ts"

/** A line for each, with what to do; `server` is HTTP's `Server`. Measured at MinIO (docs/operations.md). */
export const storeRefuses = (server: string, job: BucketJob): ReadonlyArray<string> => {
  if (!/minio/i.test(server)) return []
  if (job.setting === "cors") {
    return [
      "MinIO takes no CORS rules of a bucket; its own are for all buckets (MINIO_API_CORS_ALLOW_ORIGIN, default *)"
    ]
  }
  const { abortAfterDays, glacierAfterDays, infrequentAccessAfterDays } = job.options
  const moves = glacierAfterDays !== undefined || infrequentAccessAfterDays !== undefined
  return [
    ...(abortAfterDays === false
      ? []
      : [
          "MinIO takes no rule for incomplete uploads and ends them itself, a day after their last part; add --abort-after off"
        ]),
    ...(moves ? ["MinIO has no storage classes but its own remote tiers (mc ilm tier add); leave the moves out"] : [])
  ]
}
