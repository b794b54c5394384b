import { ok, okXml } from "../respond.ts"
import type { Handler } from "../S3Context.ts"
import { xmlDocument } from "../Xml.ts"
import { owner } from "./owner.ts"

export const listBuckets: Handler = async (_call, { model }) =>
  okXml("ListAllMyBucketsResult", {
    Owner: owner,
    Buckets: {
      Bucket: [...model.buckets.values()].map(({ record }) => ({
        Name: record.name,
        CreationDate: new Date(record.created).toISOString()
      }))
    }
  })

export const createBucket: Handler = async ({ bucket, headers }, { model, clock }) => {
  const locks = headers["x-amz-bucket-object-lock-enabled"]?.toLowerCase() === "true"
  await model.createBucket(bucket, clock(), locks ? lockable : {})
  return ok({ location: `/${bucket}` })
}

/** What a bucket is that was made to lock objects: it has versions, for they are what is locked. */
const lockable = {
  versioning: "Enabled",
  settings: { "object-lock": xmlDocument("ObjectLockConfiguration", { ObjectLockEnabled: "Enabled" }) }
} as const

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
