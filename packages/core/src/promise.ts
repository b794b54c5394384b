/**
 * The same engine without Effect, and the store over `@aws-sdk/client-s3`.
 *
 * @module
 */
import * as Layer from "effect/Layer"
import type { Bucket } from "./Bucket.ts"
import type { ObjectStore } from "./ObjectStore.ts"
import * as S3Bucket from "./s3/S3Bucket.ts"
import * as S3ObjectStore from "./s3/S3ObjectStore.ts"
import type { S3Options } from "./s3/S3Options.ts"
import type { UploadError } from "./UploadError.ts"

export * from "./create-sluice.ts"

/**
 * A store over `@aws-sdk/client-s3`, and its bucket's settings. Makes no request until the first upload. Without the SDK: `createSluice` of
 * `@sluice/core/create-sluice` with `fetchS3` of `@sluice/core/s3/FetchObjectStore`.
 */
export const s3 = (options: S3Options): Layer.Layer<ObjectStore | Bucket, UploadError> =>
  Layer.merge(S3ObjectStore.layer(options), S3Bucket.layer(options))
