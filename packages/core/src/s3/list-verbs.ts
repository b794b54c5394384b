/**
 * What is open in the store: parts of an upload, uploads below a prefix; the objects that stand there, and their versions.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { normalizeEtag } from "../Checksum.ts"
import type { ListedVersion, ObjectStoreApi } from "../ObjectStore.ts"
import type { Caller } from "./caller.ts"
import { mergeVersions } from "./merge-versions.ts"
import type { ListedEntry } from "./Operations.ts"
import { fullCrc32 } from "./object-attributes.ts"

/** A key as listings give it; with `encoding-type=url` in form encoding, where + is a space. */
const decodeListed = (key: string, encoding: string | undefined): string =>
  encoding === "url" ? decodeURIComponent(key.replaceAll("+", " ")) : key

export const listVerbs = ({
  bucket,
  call,
  must
}: Caller): Pick<ObjectStoreApi, "listParts" | "listMultipartUploads" | "listObjects" | "listObjectVersions"> => ({
  listParts: Effect.fnUntraced(function* ({ key, uploadId, after, onActivity }) {
    const at = { key, uploadId }
    const answer = yield* call(
      "ListParts",
      at,
      {
        Bucket: bucket,
        Key: key,
        UploadId: uploadId,
        ...(after === undefined ? {} : { PartNumberMarker: String(after) })
      },
      { onActivity }
    )
    yield* must(answer.UploadId, "UploadId", "ListParts", at)
    const parts = (answer.Parts ?? []).flatMap(({ PartNumber, Size, ETag, ChecksumCRC32 }) =>
      PartNumber === undefined || ETag === undefined
        ? []
        : [
            {
              partNumber: PartNumber,
              size: Size ?? 0,
              etag: normalizeEtag(ETag),
              crc32: fullCrc32(ChecksumCRC32, undefined)
            }
          ]
    )
    const next = answer.IsTruncated === true ? Number(answer.NextPartNumberMarker) : undefined
    // A marker that does not move would list for ever.
    if (next !== undefined && !(next > (after ?? 0))) {
      return yield* must<never>(undefined, "advancing NextPartNumberMarker", "ListParts", at)
    }
    const checksum =
      answer.ChecksumAlgorithm === undefined
        ? undefined
        : { algorithm: answer.ChecksumAlgorithm, type: answer.ChecksumType }
    return { parts, next, checksum }
  }),

  listMultipartUploads: Effect.fnUntraced(function* ({ prefix, after, onActivity }) {
    const answer = yield* call(
      "ListMultipartUploads",
      {},
      {
        Bucket: bucket,
        Prefix: prefix,
        // Keys may hold what XML cannot (S3 API Reference, ListMultipartUploads, encoding-type).
        EncodingType: "url",
        ...(after === undefined ? {} : { KeyMarker: after.key, UploadIdMarker: after.uploadId })
      },
      { onActivity }
    )
    yield* must(answer.Bucket, "Bucket", "ListMultipartUploads", {})
    const uploads = (answer.Uploads ?? []).flatMap(({ Key, UploadId, Initiated }) =>
      Key === undefined || UploadId === undefined
        ? []
        : [{ key: decodeListed(Key, answer.EncodingType), uploadId: UploadId, initiated: Initiated }]
    )
    if (answer.IsTruncated !== true) return { uploads, next: undefined }
    const next = {
      key: decodeListed(answer.NextKeyMarker ?? "", answer.EncodingType),
      uploadId: answer.NextUploadIdMarker ?? ""
    }
    // A marker that does not move would list for ever.
    if (next.key === "" || (next.key === after?.key && next.uploadId === after.uploadId)) {
      return yield* must<never>(undefined, "advancing NextKeyMarker", "ListMultipartUploads", {})
    }
    return { uploads, next }
  }),

  listObjects: Effect.fnUntraced(function* ({ prefix, after, limit, onActivity }) {
    const answer = yield* call(
      "ListObjectsV2",
      {},
      {
        Bucket: bucket,
        Prefix: prefix,
        EncodingType: "url",
        ...(after === undefined ? {} : { ContinuationToken: after }),
        ...(limit === undefined ? {} : { MaxKeys: limit })
      },
      { onActivity }
    )
    yield* must(answer.Name, "Name", "ListObjectsV2", {})
    const objects = (answer.Contents ?? []).flatMap(({ Key, Size, ETag, LastModified, StorageClass }) =>
      Key === undefined
        ? []
        : [
            {
              key: decodeListed(Key, answer.EncodingType),
              size: Size ?? 0,
              etag: normalizeEtag(ETag ?? ""),
              lastModified: LastModified,
              storageClass: StorageClass
            }
          ]
    )
    if (answer.IsTruncated !== true) return { objects, next: undefined }
    const next = answer.NextContinuationToken
    // A token that does not move would list for ever.
    if (next === undefined || next === "" || next === after) {
      return yield* must<never>(undefined, "advancing NextContinuationToken", "ListObjectsV2", {})
    }
    return { objects, next }
  }),

  listObjectVersions: Effect.fnUntraced(function* ({ prefix, after, limit, onActivity }) {
    const answer = yield* call(
      "ListObjectVersions",
      {},
      {
        Bucket: bucket,
        Prefix: prefix,
        EncodingType: "url",
        ...(after === undefined ? {} : { KeyMarker: after.key }),
        ...(after?.versionId === undefined ? {} : { VersionIdMarker: after.versionId }),
        ...(limit === undefined ? {} : { MaxKeys: limit })
      },
      { onActivity }
    )
    yield* must(answer.Name, "Name", "ListObjectVersions", {})
    const listed = (entry: ListedEntry, deleteMarker: boolean): ReadonlyArray<ListedVersion> =>
      entry.Key === undefined
        ? []
        : [
            {
              key: decodeListed(entry.Key, answer.EncodingType),
              versionId: entry.VersionId ?? "null",
              isLatest: entry.IsLatest === true,
              deleteMarker,
              size: entry.Size ?? 0,
              etag: normalizeEtag(entry.ETag ?? ""),
              lastModified: entry.LastModified,
              storageClass: entry.StorageClass
            }
          ]
    const versions = mergeVersions(
      (answer.Versions ?? []).flatMap((version) => listed(version, false)),
      (answer.DeleteMarkers ?? []).flatMap((marker) => listed(marker, true))
    )
    if (answer.IsTruncated !== true) return { versions, next: undefined }
    const next = {
      key: decodeListed(answer.NextKeyMarker ?? "", answer.EncodingType),
      versionId: answer.NextVersionIdMarker === "" ? undefined : answer.NextVersionIdMarker
    }
    // A marker that does not move would list for ever.
    if (next.key === "" || (next.key === after?.key && next.versionId === after.versionId)) {
      return yield* must<never>(undefined, "advancing NextKeyMarker", "ListObjectVersions", {})
    }
    return { versions, next }
  })
})
