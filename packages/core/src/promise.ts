/**
 * The same engine without Effect, and the store over `@aws-sdk/client-s3`.
 *
 * @module
 */
import type { Store } from "./create-sluice.ts"
import { layer } from "./s3/S3ObjectStore.ts"
import type { S3Options } from "./s3/S3Options.ts"

export * from "./create-sluice.ts"

/**
 * A store over `@aws-sdk/client-s3`. Makes no request until the first upload. Without the SDK: `createSluice` of
 * `@sluice/core/create-sluice` with `fetchS3` of `@sluice/core/s3/FetchObjectStore`.
 */
export const s3 = (options: S3Options): Store => layer(options)
