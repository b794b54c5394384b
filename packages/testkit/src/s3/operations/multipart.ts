import { randomBytes } from "node:crypto"
import { attributesOf, encryptionEcho } from "../attributes.ts"
import { type ChecksumAlgorithm, checksums, isChecksumAlgorithm, isChecksumType } from "../integrity/Checksum.ts"
import { declaredAlgorithm, Integrity } from "../integrity/Integrity.ts"
import type { PartRecord, UploadRecord } from "../Records.ts"
import { parseRange } from "../range.ts"
import { receive } from "../receive.ts"
import { ok, okXml, quote } from "../respond.ts"
import type { S3Call } from "../S3Call.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import { type S3Model, slice, type Upload } from "../S3Model.ts"
import { copySource } from "./copy.ts"

const MAX_PART_NUMBER = 10_000

export const createMultipartUpload: Handler = async ({ bucket, key, headers }, context) => {
  const { model, clock } = context
  const checksum = uploadChecksum(headers)
  const upload: UploadRecord = {
    kind: "upload",
    uploadId: randomBytes(24).toString("base64url"),
    bucket,
    key,
    initiated: clock(),
    headers: attributesOf(headers, context),
    ...(checksum === undefined ? {} : { checksum })
  }
  await model.createUpload(upload)
  return okXml(
    "InitiateMultipartUploadResult",
    { Bucket: bucket, Key: key, UploadId: upload.uploadId },
    {
      ...encryptionEcho(upload.headers),
      ...(checksum === undefined
        ? {}
        : { "x-amz-checksum-algorithm": checksum.algorithm, "x-amz-checksum-type": checksum.type })
    }
  )
}

function uploadChecksum(headers: Readonly<Record<string, string>>): UploadRecord["checksum"] {
  const algorithm = headers["x-amz-checksum-algorithm"]?.toUpperCase()
  const type = headers["x-amz-checksum-type"]?.toUpperCase()
  if (algorithm === undefined) {
    if (type === undefined) return undefined
    throw new S3Error(
      "InvalidRequest",
      "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
    )
  }
  if (!isChecksumAlgorithm(algorithm)) {
    throw new S3Error(
      "InvalidRequest",
      `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${Object.keys(checksums).join(", ")}]`
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

export const uploadPart: Handler = async (call, { model, clock }) => {
  const upload = openUpload(call, model)
  const partNumber = assertPartNumber(call.partNumber)
  const algorithm = partAlgorithm(call, upload)
  return receive(call, model, algorithm, async ({ md5, size, checksum, segments }) => {
    const part: PartRecord = {
      kind: "part",
      uploadId: upload.record.uploadId,
      partNumber,
      size,
      etag: md5,
      modified: clock(),
      segments,
      ...(checksum === undefined ? {} : { checksum })
    }
    await model.putPart(upload, part)
    return ok({
      etag: quote(md5),
      ...encryptionEcho(upload.record.headers),
      ...(checksum === undefined ? {} : { [checksums[checksum.algorithm].header]: checksum.value })
    })
  })
}

/** All parts of an upload carry its algorithm; with COMPOSITE each must bring its value along. */
function partAlgorithm(call: S3Call, { record: { checksum } }: Upload): ChecksumAlgorithm | undefined {
  const declared = declaredAlgorithm(call)
  if (checksum === undefined || declared === checksum.algorithm) return declared
  if (declared === undefined && checksum.type === "FULL_OBJECT") return checksum.algorithm
  const [expected, actual] = [checksum.algorithm, declared ?? "null"].map((name) => name.toLowerCase())
  throw new S3Error(
    "InvalidRequest",
    `Checksum Type mismatch occurred, expected checksum Type: ${expected}, actual checksum Type: ${actual}`
  )
}

/** The copied range is read once for its digests; its bytes stay where they are. */
export const uploadPartCopy: Handler = async (call, { model, clock }) => {
  const upload = openUpload(call, model)
  const partNumber = assertPartNumber(call.partNumber)
  const source = copySource(call, model)
  const header = call.headers["x-amz-copy-source-range"]
  const span = parseRange(header, source.size)
  if (header !== undefined && span === undefined) {
    throw new S3Error("InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last")
  }
  const { offset, length } = span ?? { offset: 0, length: source.size }
  const segments = slice(source.segments, offset, length)
  const integrity = new Integrity({ ...call, headers: {}, payload: "" }, upload.record.checksum?.algorithm)
  for await (const _ of integrity.watch(model.read(source.segments, offset, length)));
  const { md5, size, checksum } = integrity.verified
  const part: PartRecord = {
    kind: "part",
    uploadId: upload.record.uploadId,
    partNumber,
    size,
    etag: md5,
    modified: clock(),
    segments,
    ...(checksum === undefined ? {} : { checksum })
  }
  await model.putPart(upload, part)
  return okXml("CopyPartResult", {
    ETag: quote(md5),
    LastModified: new Date(part.modified).toISOString(),
    ...(checksum === undefined ? {} : { [checksums[checksum.algorithm].element]: checksum.value })
  })
}

export const abortMultipartUpload: Handler = async (call, { model }) => {
  await model.abortUpload(openUpload(call, model))
  return { status: 204, headers: {} }
}

export const openUpload = ({ bucket, key, uploadId }: S3Call, model: S3Model): Upload =>
  model.upload(bucket, key, uploadId ?? "")

function assertPartNumber(partNumber: number | undefined): number {
  if (partNumber !== undefined && partNumber >= 1 && partNumber <= MAX_PART_NUMBER) return partNumber
  throw new S3Error("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", {
    ArgumentName: "partNumber"
  })
}
