/**
 * Objects' attributes in S3's words, there and back.
 *
 * @module
 */
import type { StorageClass } from "@aws-sdk/client-s3"
import { decodeCrc32, normalizeEtag } from "../Checksum.ts"
import type { ObjectAttributes, ObjectHead, StoredChecksum } from "../ObjectStore.ts"
import type { Head, ToldChecksums } from "./Operations.ts"

/** Stores name classes of their own: the SDK's closed list is a hint, and the store has the last word. */
const namesClass = (name: string): name is StorageClass => name !== ""

/** The input fields of Create and PutObject. */
export const attributeInput = (a: ObjectAttributes) => ({
  ...(a.contentType === undefined ? {} : { ContentType: a.contentType }),
  ...(a.cacheControl === undefined ? {} : { CacheControl: a.cacheControl }),
  ...(a.contentDisposition === undefined ? {} : { ContentDisposition: a.contentDisposition }),
  ...(a.contentEncoding === undefined ? {} : { ContentEncoding: a.contentEncoding }),
  ...(a.contentLanguage === undefined ? {} : { ContentLanguage: a.contentLanguage }),
  ...(a.metadata === undefined ? {} : { Metadata: { ...a.metadata } }),
  ...(a.tags === undefined || Object.keys(a.tags).length === 0
    ? {}
    : { Tagging: new URLSearchParams(a.tags).toString() }),
  ...(a.storageClass !== undefined && namesClass(a.storageClass) ? { StorageClass: a.storageClass } : {}),
  ...(a.encryption === undefined ? {} : { ServerSideEncryption: "AES256" as const })
})

/** A full-object CRC32 the store keeps; a composite one (`…-N`) says nothing about the whole. */
export const fullCrc32 = (encoded: string | undefined, type: string | undefined): number | undefined =>
  encoded === undefined || type === "COMPOSITE" || encoded.includes("-") ? undefined : decodeCrc32(encoded)

/** The one checksum of an answer, with its kind. */
export const checksumOf = (answer: ToldChecksums): StoredChecksum | undefined => {
  const { ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1, ChecksumSHA256, ChecksumType } = answer
  const found = (
    [
      ["CRC32", ChecksumCRC32],
      ["CRC32C", ChecksumCRC32C],
      ["CRC64NVME", ChecksumCRC64NVME],
      ["SHA256", ChecksumSHA256],
      ["SHA1", ChecksumSHA1]
    ] as const
  ).find(([, value]) => value !== undefined)
  if (found?.[1] === undefined) return undefined
  const [algorithm, value] = found
  // MinIO names no type; the number of parts tells.
  return { algorithm, value, type: ChecksumType === "COMPOSITE" || value.includes("-") ? "COMPOSITE" : "FULL_OBJECT" }
}

/** A HEAD or GET answer as `ObjectHead`. */
export const headOf = (key: string, size: number, answer: Head): ObjectHead => ({
  key,
  size,
  etag: normalizeEtag(answer.ETag ?? ""),
  versionId: answer.VersionId,
  lastModified: answer.LastModified,
  parts: answer.PartsCount,
  checksum: checksumOf(answer),
  crc32: fullCrc32(answer.ChecksumCRC32, answer.ChecksumType),
  serverSideEncryption: answer.ServerSideEncryption,
  contentType: answer.ContentType,
  cacheControl: answer.CacheControl,
  contentDisposition: answer.ContentDisposition,
  contentEncoding: answer.ContentEncoding,
  contentLanguage: answer.ContentLanguage,
  metadata: answer.Metadata,
  storageClass: answer.StorageClass
})
