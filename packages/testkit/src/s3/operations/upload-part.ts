import type { Upload } from "../arrange-records.ts"
import { assertUploadKey } from "../encryption/CustomerKey.ts"
import { assertUnsealable, encryptionEcho, etagOf } from "../encryption/seal.ts"
import { type ChecksumAlgorithm, checksums } from "../integrity/Checksum.ts"
import { type Digests, declaredAlgorithm, Integrity } from "../integrity/Integrity.ts"
import { assertDigest } from "../lock/ObjectLock.ts"
import type { PartRecord } from "../Records.ts"
import { parseRange, type Span } from "../range.ts"
import { type Received, receive } from "../receive.ts"
import { ok, okXml, quote } from "../respond.ts"
import type { S3Call } from "../S3Call.ts"
import type { Handler, S3Context } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import { slice } from "../slice.ts"
import { copySource, sourceVersion } from "./copy.ts"
import { openUpload } from "./multipart.ts"

const MAX_PART_NUMBER = 10_000

export const uploadPart: Handler = async (call, context) => {
  assertPartNumber(call)
  const upload = openUpload(call, context.model)
  assertPart(call, upload, context)
  assertDigest(call, upload.record.headers, context.model.bucket(call.bucket))
  return receive(call, context.model, partDigests(partAlgorithm(call, upload), upload, context), async (received) => {
    const { etag, checksum } = await putPart(call, upload, received, context)
    return ok({
      etag: quote(etag),
      ...encryptionEcho(upload.record, call.headers),
      ...(checksum === undefined ? {} : { [checksums[checksum.algorithm].header]: checksum.value })
    })
  })
}

/** The copied range is read once for its digests; its bytes stay where they are. */
export const uploadPartCopy: Handler = async (call, context) => {
  const { model } = context
  assertPartNumber(call)
  const upload = openUpload(call, model)
  assertPart(call, upload, context)
  const source = copySource(call, context)
  const { offset, length } = copyRange(call, source.size)
  const segments = slice(source.segments, offset, length)
  const digests = partDigests(upload.record.checksum?.algorithm, upload, context)
  const integrity = new Integrity({ ...call, headers: {}, payload: "" }, digests)
  const { etag, modified, checksum } = await model.holding(segments, async () => {
    for await (const _ of integrity.watch(model.read(segments, 0, length)));
    return putPart(call, upload, { ...integrity.verified, segments }, context)
  })
  return okXml(
    "CopyPartResult",
    {
      ETag: quote(etag),
      LastModified: new Date(modified).toISOString(),
      ...(checksum === undefined ? {} : { [checksums[checksum.algorithm].element]: checksum.value })
    },
    { ...sourceVersion(source, model), ...encryptionEcho(upload.record, call.headers) }
  )
}

async function putPart(
  { partNumber = 0 }: S3Call,
  upload: Upload,
  { md5, size, checksum, byDefault, segments }: Received,
  { model, clock }: S3Context
): Promise<PartRecord> {
  const part: PartRecord = {
    kind: "part",
    uploadId: upload.record.uploadId,
    partNumber,
    size,
    etag: etagOf(md5, upload.record),
    modified: clock(),
    segments,
    ...(checksum === undefined ? {} : { checksum }),
    ...(byDefault === undefined ? {} : { byDefault })
  }
  await model.putPart(upload, part)
  return part
}

/** Of an upload that has no algorithm the parts have S3's own, whatever else they bring: the whole follows from it. */
const partDigests = (wanted: ChecksumAlgorithm | undefined, { record }: Upload, context: S3Context): Digests => ({
  wanted,
  byDefault: context.defaultChecksum === true && record.checksum === undefined
})

function assertPart({ headers }: S3Call, { record }: Upload, context: S3Context): void {
  assertUploadKey(headers, record, context)
  assertUnsealable(record, context)
}

export function assertPartNumber({ partNumber = 0 }: S3Call): void {
  if (partNumber >= 1 && partNumber <= MAX_PART_NUMBER) return
  throw new S3Error("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", {
    ArgumentName: "partNumber"
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

/** Unlike a read, a copy's range has both ends, and both lie within the source. */
function copyRange({ headers }: S3Call, size: number): Span {
  const header = headers["x-amz-copy-source-range"]
  if (header === undefined) return { offset: 0, length: size }
  const span = /^bytes=\d+-\d+$/.test(header) ? parseRange(header, Number.MAX_SAFE_INTEGER) : undefined
  if (span === undefined) {
    throw new S3Error(
      "InvalidArgument",
      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy"
    )
  }
  if (span.offset + span.length <= size) return span
  throw new S3Error("InvalidArgument", `Range specified is not valid for source object of size: ${size}`)
}
