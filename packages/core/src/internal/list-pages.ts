import * as Effect from "effect/Effect"
import type {
  ListedObject,
  ListedUpload,
  ListedVersion,
  ObjectStoreApi,
  UploadsMarker,
  VersionsMarker
} from "../ObjectStore.ts"
import { invalidRequest, type UploadError } from "../UploadError.ts"

/** One page of a listing; `next` begins the following one. */
export interface ListedPage<A, Marker> {
  readonly items: ReadonlyArray<A>
  readonly next: Marker | undefined
}

/** One page of the objects below a prefix. */
export const objectsPage = (
  { listObjects }: ObjectStoreApi,
  prefix: string,
  after: string | undefined
): Effect.Effect<ListedPage<ListedObject, string>, UploadError> =>
  listObjects === undefined
    ? invalidRequest("this store cannot list its objects")
    : Effect.map(listObjects({ prefix, after }), ({ next, objects }) => ({ items: objects, next }))

/** One page of the multipart uploads that are open below a prefix. */
export const uploadsPage = (
  store: ObjectStoreApi,
  prefix: string,
  after: UploadsMarker | undefined
): Effect.Effect<ListedPage<ListedUpload, UploadsMarker>, UploadError> =>
  Effect.map(store.listMultipartUploads({ prefix, after }), ({ next, uploads }) => ({ items: uploads, next }))

/** One page of the versions of exactly this key, the newest first. */
export const versionsPage = (
  { listObjectVersions }: ObjectStoreApi,
  key: string,
  after: VersionsMarker | undefined
): Effect.Effect<ListedPage<ListedVersion, VersionsMarker>, UploadError> =>
  listObjectVersions === undefined
    ? invalidRequest("this store cannot list versions")
    : Effect.map(listObjectVersions({ prefix: key, after }), ({ next, versions }) => ({
        items: versions.filter((version) => version.key === key),
        // The key is the first of those that begin with it: where the next page begins with another, all is told.
        next: next?.key === key && versions.at(-1)?.key === key ? next : undefined
      }))

/** All pages, each asked for when the one before it is gone through. */
export async function* allPages<A, Marker>(
  page: (after: Marker | undefined) => Promise<ListedPage<A, Marker>>
): AsyncGenerator<A, void> {
  let after: Marker | undefined
  do {
    const { items, next } = await page(after)
    yield* items
    after = next
  } while (after !== undefined)
}
