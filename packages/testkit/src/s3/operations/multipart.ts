import { randomBytes } from "node:crypto"
import type { Upload } from "../arrange-records.ts"
import { attributesOf } from "../attributes.ts"
import { encryptionEcho } from "../encryption/seal.ts"
import { checksumAlgorithm, checksums, isChecksumType } from "../integrity/Checksum.ts"
import { abortHeaders } from "../lifecycle.ts"
import type { UploadRecord } from "../Records.ts"
import { okXml } from "../respond.ts"
import type { S3Call } from "../S3Call.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import type { S3Model } from "../S3Model.ts"

export const createMultipartUpload: Handler = async ({ bucket, key, headers }, context) => {
  const { model, clock } = context
  const checksum = uploadChecksum(headers)
  const upload: UploadRecord = {
    kind: "upload",
    uploadId: randomBytes(UPLOAD_ID_BYTES).toString("base64url"),
    bucket,
    key,
    initiated: clock(),
    ...attributesOf(headers, model.bucket(bucket), context),
    ...(checksum === undefined ? {} : { checksum })
  }
  await model.createUpload(upload)
  return okXml(
    "InitiateMultipartUploadResult",
    { Bucket: bucket, Key: key, UploadId: upload.uploadId },
    {
      ...encryptionEcho(upload, headers),
      ...abortHeaders(model.bucket(bucket), { record: upload }),
      ...(checksum === undefined
        ? {}
        : { "x-amz-checksum-algorithm": checksum.algorithm, "x-amz-checksum-type": checksum.type })
    }
  )
}

const UPLOAD_ID_BYTES = 24

/** Whether it could be an id that was given here. */
export const isUploadId = (text: string): boolean => /^[\w-]{32}$/.test(text)

function uploadChecksum(headers: Readonly<Record<string, string>>): UploadRecord["checksum"] {
  const algorithm = checksumAlgorithm(headers["x-amz-checksum-algorithm"])
  const type = headers["x-amz-checksum-type"]?.toUpperCase()
  if (algorithm === undefined) {
    if (type === undefined) return undefined
    throw new S3Error(
      "InvalidRequest",
      "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
    )
  }
  const { types } = checksums[algorithm]
  if (type === undefined) return { algorithm, type: types[0] }
  if (!isChecksumType(type)) throw new S3Error("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
  if (!types.includes(type)) {
    throw new S3Error(
      "InvalidRequest",
      `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`
    )
  }
  return { algorithm, type }
}

export const abortMultipartUpload: Handler = async (call, { model }) => {
  await model.abortUpload(openUpload(call, model))
  return { status: 204, headers: {} }
}

export const openUpload = ({ bucket, key, uploadId }: S3Call, model: S3Model): Upload =>
  model.upload(bucket, key, uploadId ?? "")
