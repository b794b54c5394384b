import type { Bucket } from "@sluice/core/Bucket"
import type { ObjectStore } from "@sluice/core/ObjectStore"
import { s3 } from "@sluice/core/promise"
import * as S3Bucket from "@sluice/core/s3/S3Bucket"
import { StoreDefaults } from "@sluice/core/s3/S3Options"
import type { UploadError } from "@sluice/core/UploadError"
import * as Layer from "effect/Layer"
import type { Settings } from "./Settings.ts"

/** A bucket's objects and its settings, where the flags and the environment say that it is. */
export const storeLayers = (
  bucket: string,
  { bandwidth, engine, placeOf }: Pick<Settings, "bandwidth" | "engine" | "placeOf">
): Layer.Layer<ObjectStore | Bucket, UploadError> => {
  const options = { ...placeOf(), bucket, bandwidth }
  return Layer.provide(Layer.merge(s3(options), S3Bucket.layer(options)), Layer.succeed(StoreDefaults, engine))
}
