import { ok, okXml } from "../respond.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"

export const listBuckets: Handler = async (_call, { model }) =>
  okXml("ListAllMyBucketsResult", {
    Owner: { ID: "sluice", DisplayName: "sluice" },
    Buckets: {
      Bucket: [...model.buckets.values()].map(({ record }) => ({
        Name: record.name,
        CreationDate: new Date(record.created).toISOString()
      }))
    }
  })

/** S3 user guide, "Bucket naming rules": 3 to 63 of `a-z 0-9 . -`, ends alphanumeric, no IP address, no `..`. */
const bucketName = /^(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

export const createBucket: Handler = async ({ bucket }, { model, clock }) => {
  if (!bucketName.test(bucket)) throw new S3Error("InvalidBucketName", undefined, { BucketName: bucket })
  await model.createBucket(bucket, clock())
  return ok({ location: `/${bucket}` })
}

export const headBucket: Handler = async ({ bucket }, { model, region }) => {
  model.bucket(bucket)
  return ok({ "x-amz-bucket-region": region })
}

export const deleteBucket: Handler = async ({ bucket }, { model }) => {
  await model.deleteBucket(bucket)
  return { status: 204, headers: {} }
}

/** `us-east-1` is told as an empty element, for historical reasons. */
export const getBucketLocation: Handler = async ({ bucket }, { model, region }) => {
  model.bucket(bucket)
  return okXml("LocationConstraint", region === "us-east-1" ? {} : region)
}
