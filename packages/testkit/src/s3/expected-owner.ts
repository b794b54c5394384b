import type { S3Call } from "./S3Call.ts"
import type { S3Context } from "./S3Context.ts"
import { S3Error } from "./S3Error.ts"
import { parseTarget } from "./Target.ts"

/** The account that owns every bucket here, unless it is told another. */
export const DEFAULT_ACCOUNT_ID = "123456789012"

/** A request that names the owner it expects touches nobody else's bucket, that of a copy's source included. */
export function assertExpectedOwner({ op, bucket, headers }: S3Call, context: S3Context): void {
  const source = headers["x-amz-copy-source"]
  const target = source === undefined ? undefined : parseTarget(source.startsWith("/") ? source : `/${source}`)
  if (op !== "CreateBucket") assertOwner(bucket, headers["x-amz-expected-bucket-owner"], context)
  assertOwner(target?.bucket ?? "", headers["x-amz-source-expected-bucket-owner"], context)
}

function assertOwner(bucket: string, expected: string | undefined, context: S3Context): void {
  if (expected === undefined) return
  if (!/^\d{12}$/.test(expected)) throw new S3Error("InvalidBucketOwnerAWSAccountID")
  // Of a bucket that is not there the operation says so.
  const { model, accountId = DEFAULT_ACCOUNT_ID } = context
  if (model.buckets.has(bucket) && expected !== accountId) throw new S3Error("AccessDenied")
}
