/**
 * Copies that the store makes of what it has: CopyObject and UploadPartCopy.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { normalizeEtag } from "../Checksum.ts"
import type { CopySource, ObjectStoreApi } from "../ObjectStore.ts"
import type { Caller } from "./caller.ts"
import { attributeInput, checksumOf, fullCrc32 } from "./object-attributes.ts"

/** As S3 wants it: percent-encoded, the version behind it (API Reference, CopyObject, x-amz-copy-source). */
const copySource = ({ bucket, key, versionId }: CopySource): string =>
  `${bucket}/${key.split("/").map(encodeURIComponent).join("/")}${versionId === undefined ? "" : `?versionId=${encodeURIComponent(versionId)}`}`

const sourceInput = (source: CopySource) => ({
  CopySource: copySource(source),
  CopySourceIfMatch: `"${normalizeEtag(source.ifMatch)}"`
})

export const copyVerbs = ({ bucket, call, must }: Caller): Pick<ObjectStoreApi, "copyObject" | "uploadPartCopy"> => ({
  copyObject: Effect.fnUntraced(function* ({ key, source, ifMatch, ifNoneMatch, onActivity, ...attributes }) {
    const at = { key }
    const answer = yield* call(
      "CopyObject",
      at,
      {
        Bucket: bucket,
        Key: key,
        ...sourceInput(source),
        ...attributeInput(attributes),
        MetadataDirective: "REPLACE",
        ...(attributes.tags === undefined ? {} : { TaggingDirective: "REPLACE" }),
        ...(ifNoneMatch === undefined ? {} : { IfNoneMatch: ifNoneMatch }),
        ...(ifMatch === undefined ? {} : { IfMatch: `"${normalizeEtag(ifMatch)}"` })
      },
      { onActivity }
    )
    const result = answer.CopyObjectResult ?? {}
    return {
      etag: normalizeEtag(yield* must(result.ETag, "ETag", "CopyObject", at)),
      versionId: answer.VersionId,
      encryption: answer.ServerSideEncryption,
      crc32: fullCrc32(result.ChecksumCRC32, result.ChecksumType),
      checksum: checksumOf(result)
    }
  }),

  uploadPartCopy: Effect.fnUntraced(function* ({ key, uploadId, partNumber, source, range, onActivity }) {
    const at = { key, uploadId, partNumber }
    const answer = yield* call(
      "UploadPartCopy",
      at,
      {
        Bucket: bucket,
        Key: key,
        UploadId: uploadId,
        PartNumber: partNumber,
        ...sourceInput(source),
        CopySourceRange: `bytes=${range.start}-${range.end}`
      },
      { onActivity }
    )
    const result = answer.CopyPartResult ?? {}
    return {
      etag: normalizeEtag(yield* must(result.ETag, "ETag", "UploadPartCopy", at)),
      crc32: fullCrc32(result.ChecksumCRC32, undefined),
      encryption: answer.ServerSideEncryption
    }
  })
})
