import { S3Error } from "./S3Error.ts"
import type { S3Model } from "./S3Model.ts"
import { bucketOfHost } from "./Target.ts"

/** Hosts of S3 Transfer Acceleration; they address a bucket whatever the server's own domains are. */
export const ACCELERATE_DOMAINS: ReadonlyArray<string> = [
  "s3-accelerate.amazonaws.com",
  "s3-accelerate.dualstack.amazonaws.com"
]

/** Only a bucket that was told to be is reached through acceleration, and none whose name would break its certificate. */
export function assertAccelerated(host: string | undefined, model: S3Model): void {
  const bucket = bucketOfHost(host, ACCELERATE_DOMAINS)
  if (bucket === undefined) return
  if (bucket.includes(".")) {
    throw new S3Error(
      "InvalidRequest",
      "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"
    )
  }
  if (model.buckets.get(bucket)?.settings.accelerate === "Enabled") return
  throw new S3Error("InvalidRequest", "S3 Transfer Acceleration is not configured on this bucket")
}
