import { type Bucket, NULL_VERSION, versionIdOf } from "./Bucket.ts"
import type { ObjectRecord, Version } from "./Records.ts"
import type { S3Call } from "./S3Call.ts"
import { S3Error } from "./S3Error.ts"
import type { S3Model } from "./S3Model.ts"

/** The `versionId` of a request, if it has one that could be one. */
export function requestedVersion({ query }: Pick<S3Call, "query">): string | undefined {
  const versionId = query.get("versionId")
  if (versionId === undefined || isVersionId(versionId)) return versionId
  throw new S3Error("InvalidArgument", "Invalid version id specified", {
    ArgumentName: "versionId",
    ArgumentValue: versionId
  })
}

const isVersionId = (text: string): boolean => text === NULL_VERSION || /^[\w-]{32}$/.test(text)

/** The object a request is about: the newest version, or the one it names. */
export const requestedObject = (call: S3Call, model: S3Model): ObjectRecord =>
  model.object(call.bucket, call.key, requestedVersion(call))

/** Tells a version, in a bucket that has or had versioning. */
export const versionHeaders = (bucket: Bucket, version: Version): Record<string, string> =>
  bucket.record.versioning === undefined ? {} : { "x-amz-version-id": versionIdOf(version) }

/** What a write tells of the version it made; of the null version S3 says nothing. */
export const writtenVersion = ({ versionId }: Version): Record<string, string> =>
  versionId === undefined ? {} : { "x-amz-version-id": versionId }
