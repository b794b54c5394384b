/**
 * Multipart uploads: Create, UploadPart, Complete, Abort.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { normalizeEtag } from "../Checksum.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import type { Caller } from "./caller.ts"
import { checksumField, checksumFields, checksumInput, crc32OfAll } from "./checksum-fields.ts"
import { completeBody } from "./complete-body.ts"
import { attributeInput, checksumOf, fullCrc32 } from "./object-attributes.ts"
import { confirmPayload, describePayload, documentPayload } from "./payload.ts"

type MultipartVerbs = Pick<
  ObjectStoreApi,
  "createMultipartUpload" | "uploadPart" | "completeMultipartUpload" | "abortMultipartUpload"
>

export const multipartVerbs = ({ bucket, capabilities, signed, call, must }: Caller): MultipartVerbs => ({
  createMultipartUpload: Effect.fnUntraced(function* (input) {
    const at = { key: input.key }
    const answer = yield* call(
      "CreateMultipartUpload",
      at,
      {
        Bucket: bucket,
        Key: input.key,
        ...attributeInput(input),
        ...(input.checksum === "none"
          ? {}
          : { ChecksumAlgorithm: input.checksumAlgorithm ?? "CRC32", ChecksumType: input.checksum })
      },
      { onActivity: input.onActivity }
    )
    const uploadId = yield* must(answer.UploadId, "UploadId", "CreateMultipartUpload", at)
    return { uploadId, encryption: answer.ServerSideEncryption }
  }),

  uploadPart: Effect.fnUntraced(function* (input) {
    const { key, uploadId, partNumber, body, crc32, checksum, attempt, onActivity } = input
    const at = { key, uploadId, partNumber }
    const payload = yield* describePayload(body, capabilities, signed)
    const answer = yield* call(
      "UploadPart",
      at,
      {
        Bucket: bucket,
        Key: key,
        UploadId: uploadId,
        PartNumber: partNumber,
        ...checksumInput(capabilities, crc32, checksum)
      },
      { payload, onActivity, freshConnection: attempt > 1 }
    )
    const etag = yield* must(answer.ETag, "ETag", "UploadPart", at)
    const encryption = answer.ServerSideEncryption
    const shown = { etag, encryption, checksum: answer[checksumField[checksum?.algorithm ?? "CRC32"]] }
    return {
      etag: normalizeEtag(etag),
      confirmed: yield* confirmPayload(payload, shown, capabilities, { ...at, bucket, stored: false }),
      crc32: fullCrc32(answer.ChecksumCRC32, undefined),
      ...(checksum === undefined ? {} : { checksum: answer[checksumField[checksum.algorithm]] }),
      encryption
    }
  }),

  completeMultipartUpload: Effect.fnUntraced(function* (input) {
    const at = { key: input.key, uploadId: input.uploadId }
    const withChecksum = input.checksum !== "none"
    const partField = withChecksum ? checksumField[input.otherChecksum?.algorithm ?? "CRC32"] : undefined
    const payload = yield* documentPayload(completeBody(input.parts, partField))
    const answer = yield* call(
      "CompleteMultipartUpload",
      at,
      {
        Bucket: bucket,
        Key: input.key,
        UploadId: input.uploadId,
        // MinIO refuses the CRC of an empty object in parts, and there is nothing for it to protect.
        ...(input.checksum === "COMPOSITE" || (input.checksum === "FULL_OBJECT" && input.size > 0)
          ? { ...checksumFields(input.otherChecksum ?? crc32OfAll(input)), ChecksumType: input.checksum }
          : {}),
        ...(capabilities.objectSizeOnComplete ? { MpuObjectSize: input.size } : {}),
        ...(input.ifNoneMatch === undefined ? {} : { IfNoneMatch: input.ifNoneMatch }),
        ...(input.ifMatch === undefined ? {} : { IfMatch: `"${normalizeEtag(input.ifMatch)}"` })
      },
      { payload, onActivity: input.onActivity }
    )
    const etag = yield* must(answer.ETag, "ETag", "CompleteMultipartUpload", at)
    return {
      etag: normalizeEtag(etag),
      versionId: answer.VersionId,
      encryption: answer.ServerSideEncryption,
      crc32: fullCrc32(answer.ChecksumCRC32, answer.ChecksumType),
      checksum: checksumOf(answer)
    }
  }),

  abortMultipartUpload: ({ key, uploadId, onActivity }) =>
    Effect.asVoid(
      call("AbortMultipartUpload", { key, uploadId }, { Bucket: bucket, Key: key, UploadId: uploadId }, { onActivity })
    )
})
