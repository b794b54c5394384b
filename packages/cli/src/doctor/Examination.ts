/**
 * What all parts of an examination share: the bucket, how it is asked, where findings go.
 *
 * @module
 */
import type { BucketApi } from "@sluice/core/Bucket"
import { defaults } from "@sluice/core/Defaults"
import type { ObjectStoreApi } from "@sluice/core/ObjectStore"
import { retrying } from "@sluice/core/RetryPolicy"
import { type UploadError, uploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import { type Check, type Finding, wrong } from "./Finding.ts"

export interface Examination {
  readonly store: ObjectStoreApi
  readonly bucket: BucketApi
  readonly report: (finding: Finding) => void
}

/** A store that is well answers at once; one part of 5 MiB is the most that is sent. */
const patience = { ...defaults, maxAttempts: 3, maxAttemptsInAll: 3, retryWithinMs: 15_000 }
const silence = "60 seconds"

/** One attempt, ended when nothing comes. */
export const once = <A>(call: Effect.Effect<A, UploadError>): Effect.Effect<A, UploadError> =>
  Effect.timeoutOrElse(call, {
    duration: silence,
    orElse: () => Effect.fail(uploadError({ _tag: "Stalled", message: `no answer within ${silence}` }))
  })

/** The same, tried again where waiting may help. */
export const ask = <A>(call: Effect.Effect<A, UploadError>): Effect.Effect<A, UploadError> =>
  retrying(() => once(call), patience)

/** The right that each check needs, as IAM names it, and whether it is one on objects or on the bucket. */
const rights: Readonly<Partial<Record<Check, readonly [action: string, on: "object" | "bucket"]>>> = {
  list: ["s3:ListBucket", "bucket"],
  "list-uploads": ["s3:ListBucketMultipartUploads", "bucket"],
  put: ["s3:PutObject", "object"],
  head: ["s3:GetObject", "object"],
  get: ["s3:GetObject", "object"],
  checksum: ["s3:PutObject", "object"],
  encryption: ["s3:PutObject", "object"],
  multipart: ["s3:PutObject", "object"],
  abort: ["s3:AbortMultipartUpload", "object"],
  delete: ["s3:DeleteObject", "object"],
  cors: ["s3:GetBucketCORS", "bucket"],
  lifecycle: ["s3:GetLifecycleConfiguration", "bucket"],
  versioning: ["s3:GetBucketVersioning", "bucket"]
}

/** The statement of a policy that lets the check pass. */
export const statementFor = (check: Check, bucket: string): ReadonlyArray<string> => {
  const right = rights[check]
  if (right === undefined) return []
  const [Action, on] = right
  const Resource = `arn:aws:s3:::${bucket}${on === "object" ? "/*" : ""}`
  return [`add to the policy: ${JSON.stringify({ Effect: "Allow", Action, Resource })}`]
}

/** A refusal as a finding. */
export const refusal = (check: Check, bucket: string, error: UploadError): Finding =>
  wrong(check, error.message, ...(error.reason._tag === "AccessDenied" ? statementFor(check, bucket) : []))

/** Runs one check to its finding, a failure being one too, and tells it. */
export const examined = (
  { bucket, report }: Pick<Examination, "bucket" | "report">,
  check: Check,
  run: Effect.Effect<Finding, UploadError>
): Effect.Effect<Finding> =>
  run.pipe(
    Effect.catch((error) => Effect.succeed(refusal(check, bucket.bucket, error))),
    Effect.tap((finding) => Effect.sync(() => report(finding)))
  )
