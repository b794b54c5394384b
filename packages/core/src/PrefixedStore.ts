/**
 * A store that is a folder of another: every key stands below the prefix, and nothing else can be reached.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { wrapping } from "./internal/store-identity.ts"
import type { ObjectStoreApi } from "./ObjectStore.ts"
import { invalidRequest, type UploadError } from "./UploadError.ts"

/** `.` and `..` are names like others to S3, and ways out to gateways over a file system and to URL parsers. */
const climbs = (path: string): boolean => path.split(/[/\\]/).some((segment) => segment === "." || segment === "..")

/** What is wrong with a prefix, or undefined. */
export const prefixProblem = (prefix: string): string | undefined =>
  prefix === "" || prefix.startsWith("/") || climbs(prefix)
    ? `the prefix "${prefix}" is no folder; write it as team/media/, without "." and ".." and without a slash in front`
    : undefined

/**
 * `store` below `prefix`, which is a folder: a slash is added where it has none at its end. Keys, listings and answers are
 * relative to it. Fails with `InvalidRequest` where the prefix is no folder; and so does every call with a key that has
 * `.` or `..` among its segments.
 *
 * ```ts
 * import { ObjectStore } from "@sluice/core/ObjectStore"
 * import { prefixed } from "@sluice/core/PrefixedStore"
 * import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const store = Layer.effect(
 *   ObjectStore,
 *   Effect.flatMap(ObjectStore, (bucket) => prefixed(bucket, "team/media"))
 * ).pipe(Layer.provide(S3ObjectStore.layer({ bucket: "shared" })))
 * ```
 */
export const prefixed = (store: ObjectStoreApi, prefix: string): Effect.Effect<ObjectStoreApi, UploadError> => {
  const problem = prefixProblem(prefix)
  return problem === undefined
    ? Effect.succeed(below(store, prefix.endsWith("/") ? prefix : `${prefix}/`))
    : Effect.fail(invalidRequest(problem))
}

const below = (store: ObjectStoreApi, folder: string): ObjectStoreApi => {
  const { copyObject, listObjects, listObjectVersions, uploadPartCopy, ways } = store
  const refused = (key: string): UploadError =>
    invalidRequest(`the key "${key}" has "." or ".." among its segments, and this store is a folder; name it without`, {
      bucket: store.bucket
    })
  /** A call with the key as the store beneath has it. */
  const at =
    <I extends { readonly key: string }, A>(call: (input: I) => Effect.Effect<A, UploadError>) =>
    (input: I): Effect.Effect<A, UploadError> =>
      climbs(input.key) ? Effect.fail(refused(input.key)) : call({ ...input, key: folder + input.key })
  const inner = <T extends { readonly key: string }>(entry: T): T => ({ ...entry, key: entry.key.slice(folder.length) })
  const outer = <T extends { readonly key: string }>(marker: T | undefined): T | undefined =>
    marker && { ...marker, key: folder + marker.key }
  const mine = <T extends { readonly key: string }>(entries: ReadonlyArray<T>): ReadonlyArray<T> =>
    entries.filter(({ key }) => key.startsWith(folder)).map(inner)
  const named =
    (key: string) =>
    <T extends { readonly key: string }>(head: T): T => ({ ...head, key })

  return wrapping(store, {
    bucket: store.bucket,
    capabilities: store.capabilities,
    endpoint: store.endpoint,
    folder: (store.folder ?? "") + folder,
    location: (key) => store.location(folder + key),
    createMultipartUpload: at(store.createMultipartUpload),
    uploadPart: at(store.uploadPart),
    completeMultipartUpload: at(store.completeMultipartUpload),
    abortMultipartUpload: at(store.abortMultipartUpload),
    listParts: at(store.listParts),
    listMultipartUploads: (input) =>
      Effect.map(
        store.listMultipartUploads({ ...input, prefix: folder + input.prefix, after: outer(input.after) }),
        ({ next, uploads }) => ({ uploads: mine(uploads), next: next && inner(next) })
      ),
    listObjects:
      listObjects &&
      ((input) =>
        Effect.map(listObjects({ ...input, prefix: folder + input.prefix }), ({ next, objects }) => ({
          objects: mine(objects),
          next
        }))),
    listObjectVersions:
      listObjectVersions &&
      ((input) =>
        Effect.map(
          listObjectVersions({ ...input, prefix: folder + input.prefix, after: outer(input.after) }),
          ({ next, versions }) => ({ versions: mine(versions), next: next && inner(next) })
        )),
    putObject: at(store.putObject),
    headObject: (input) => Effect.map(at(store.headObject)(input), named(input.key)),
    getObject: (input) => Effect.map(at(store.getObject)(input), named(input.key)),
    deleteObject: at(store.deleteObject),
    headBucket: store.headBucket,
    // The source is named as the bucket has it: it may stand in another folder.
    copyObject: copyObject && at(copyObject),
    uploadPartCopy: uploadPartCopy && at(uploadPartCopy),
    ways: ways && {
      choose: Effect.map(ways.choose, (way) => below(way, folder)),
      at: (endpoint) => {
        const way = ways.at(endpoint)
        return way && below(way, folder)
      }
    }
  })
}
