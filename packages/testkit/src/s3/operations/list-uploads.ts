import type { Upload } from "../arrange-records.ts"
import { assertUploadKey } from "../encryption/CustomerKey.ts"
import { checksums } from "../integrity/Checksum.ts"
import { abortHeaders } from "../lifecycle.ts"
import { okXml, quote } from "../respond.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import { isUploadId, openUpload } from "./multipart.ts"
import { compareKeys, nameEncoder, pageOf, pageSize, wholeNumber } from "./paging.ts"

/** Open uploads, sorted by key and then by the time they began. */
export const listMultipartUploads: Handler = async ({ bucket, query }, { model }) => {
  model.bucket(bucket)
  const name = nameEncoder(query)
  const max = pageSize(query, "max-uploads")
  const uploads = [...model.uploads.values()].filter(({ record }) => record.bucket === bucket).sort(compareUploads)
  const keyMarker = query.get("key-marker") ?? ""
  // An upload-id-marker means nothing without a key-marker (API reference).
  const idMarker = keyMarker === "" ? undefined : query.get("upload-id-marker")
  if (idMarker !== undefined && !isUploadId(idMarker)) {
    throw new S3Error("InvalidArgument", "Invalid uploadId marker", {
      ArgumentName: "upload-id-marker",
      ArgumentValue: idMarker
    })
  }
  // The upload that is named decides, though the key should be another's before it.
  const marked = uploads.findIndex(
    ({ record }) => record.uploadId === idMarker && compareKeys(record.key, keyMarker) >= 0
  )
  const page = pageOf(
    uploads.slice(marked + 1),
    ({ record }) => record.key,
    (key, upload) => {
      if (keyMarker === "") return true
      const order = compareKeys(key, keyMarker)
      return order > 0 || (order === 0 && marked >= 0 && upload.record.key === key)
    },
    { prefix: query.get("prefix") ?? "", delimiter: query.get("delimiter") ?? "", max }
  )
  const last = page.items.at(-1)?.record
  return okXml("ListMultipartUploadsResult", {
    Bucket: bucket,
    KeyMarker: name(keyMarker),
    UploadIdMarker: idMarker ?? "",
    Prefix: name(query.get("prefix") ?? ""),
    Delimiter: query.get("delimiter"),
    EncodingType: query.get("encoding-type"),
    MaxUploads: max,
    IsTruncated: page.truncated,
    NextKeyMarker: page.truncated ? name(page.last ?? "") : undefined,
    NextUploadIdMarker: page.truncated && last !== undefined && last.key === page.last ? last.uploadId : undefined,
    Upload: page.items.map(({ record }) => ({
      Key: name(record.key),
      UploadId: record.uploadId,
      Initiated: new Date(record.initiated).toISOString(),
      StorageClass: record.headers["x-amz-storage-class"] ?? "STANDARD",
      ChecksumAlgorithm: record.checksum?.algorithm,
      ChecksumType: record.checksum?.type
    })),
    CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: name(prefix) }))
  })
}

const compareUploads = (a: Upload, b: Upload): number =>
  compareKeys(a.record.key, b.record.key) ||
  a.record.initiated - b.record.initiated ||
  compareKeys(a.record.uploadId, b.record.uploadId)

export const listParts: Handler = async (call, context) => {
  const { model } = context
  const upload = openUpload(call, model)
  const { record, parts } = upload
  if (record.checksum !== undefined) assertUploadKey(call.headers, record, context)
  const name = nameEncoder(call.query)
  const max = pageSize(call.query, "max-parts")
  const marker = wholeNumber(call.query, "part-number-marker", 0)
  const after = [...parts.values()]
    .filter((part) => part.partNumber > marker)
    .sort((a, b) => a.partNumber - b.partNumber)
  const page = after.slice(0, max)
  return okXml(
    "ListPartsResult",
    {
      Bucket: record.bucket,
      Key: name(record.key),
      UploadId: record.uploadId,
      StorageClass: record.headers["x-amz-storage-class"] ?? "STANDARD",
      PartNumberMarker: marker,
      NextPartNumberMarker: page.at(-1)?.partNumber ?? 0,
      MaxParts: max,
      IsTruncated: max > 0 && after.length > max,
      EncodingType: call.query.get("encoding-type"),
      ChecksumAlgorithm: record.checksum?.algorithm,
      ChecksumType: record.checksum?.type,
      Part: page.map((part) => ({
        PartNumber: part.partNumber,
        LastModified: new Date(part.modified).toISOString(),
        ETag: quote(part.etag),
        Size: part.size,
        ...(part.checksum === undefined ? {} : { [checksums[part.checksum.algorithm].element]: part.checksum.value })
      }))
    },
    abortHeaders(model.bucket(record.bucket), upload)
  )
}
