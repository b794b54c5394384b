import * as Effect from "effect/Effect"
import type { ListedVersions, ObjectStoreApi, VersionsMarker } from "../ObjectStore.ts"
import { invalidRequest, type UploadError } from "../UploadError.ts"

/** One page of the versions of exactly this key, the newest first. */
export const versionsOf = (
  { bucket, listObjectVersions }: Pick<ObjectStoreApi, "bucket" | "listObjectVersions">,
  key: string,
  after: VersionsMarker | undefined
): Effect.Effect<ListedVersions, UploadError> =>
  listObjectVersions === undefined
    ? Effect.fail(invalidRequest("this store cannot list versions", { bucket, key }))
    : Effect.map(listObjectVersions({ prefix: key, after }), ({ next, versions }) => ({
        versions: versions.filter((version) => version.key === key),
        // The key is the first of those that begin with it: where the next page begins with another, all is told.
        next: next?.key === key && versions.at(-1)?.key === key ? next : undefined
      }))
