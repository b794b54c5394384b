import { createHash } from "node:crypto"
import type { Upload } from "../arrange-records.ts"
import { assertWritable, unquote } from "../conditions.ts"
import { assertUploadKey } from "../encryption/CustomerKey.ts"
import { encryptionEcho } from "../encryption/seal.ts"
import {
  algorithmOf,
  type ChecksumAlgorithm,
  checksums,
  DEFAULT_ALGORITHM,
  objectChecksum
} from "../integrity/Checksum.ts"
import type { ObjectRecord, PartRecord } from "../Records.ts"
import { receiveText } from "../receive.ts"
import { okXml, quote } from "../respond.ts"
import type { S3Call } from "../S3Call.ts"
import type { Handler, S3Context } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import { encode } from "../Target.ts"
import { writtenVersion } from "../versions.ts"
import { childText, parseXml, type XmlElement } from "../Xml.ts"
import { openUpload } from "./multipart.ts"

/** All parts but the last: 5 MiB, checked at Complete and not before. */
const MIN_PART_BYTES = 5 * 1024 * 1024

export const completeMultipartUpload: Handler = async (call, context) => {
  const listed = parsePartList(await receiveText(withoutChecksums(call)))
  const { model } = context
  if (context.idempotentComplete) {
    const earlier = model
      .bucket(call.bucket)
      .versions(call.key)
      .find((version) => version.kind === "object" && version.uploadId === call.uploadId)
    if (earlier?.kind === "object" && earlier.uploadId !== undefined) return completed(call, earlier)
  }
  const upload = openUpload(call, model)
  // The key is asked for again where part checksums have to be decrypted (API reference, CompleteMultipartUpload).
  if (upload.record.checksum !== undefined) assertUploadKey(call.headers, upload.record, context)
  const object = await model.completeUpload(
    upload,
    () => assemble(call, upload, listed, context),
    (current) => assertWritable(call.headers, current)
  )
  return completed(call, object)
}

/** A checksum here is the object's, not that of the part list in the body. */
function withoutChecksums(call: S3Call): S3Call {
  const headers = Object.entries(call.headers).filter(([name]) => !/^x-amz-(sdk-)?checksum-/.test(name))
  return { ...call, headers: Object.fromEntries(headers) }
}

function completed({ headers }: S3Call, object: ObjectRecord) {
  const { bucket, key, etag, checksum } = object
  return okXml(
    "CompleteMultipartUploadResult",
    {
      Location: `http://${headers["host"] ?? ""}/${bucket}/${key.split("/").map(encode).join("/")}`,
      Bucket: bucket,
      Key: key,
      ETag: quote(etag),
      ...(checksum === undefined
        ? {}
        : { [checksums[checksum.algorithm].element]: checksum.value, ChecksumType: checksum.type })
    },
    { ...writtenVersion(object), ...encryptionEcho(object, headers) }
  )
}

interface ListedPart {
  readonly partNumber: number
  readonly etag: string
  readonly checksums: ReadonlyMap<ChecksumAlgorithm, string>
}

function parsePartList(text: string): ReadonlyArray<ListedPart> {
  const root = parseXml(text)
  if (root.name !== "CompleteMultipartUpload" || root.children.length === 0) throw new S3Error("MalformedXML")
  return root.children.map(parsePart)
}

function parsePart(element: XmlElement): ListedPart {
  const number = childText(element, "PartNumber").trim()
  if (element.name !== "Part" || !/^\d{1,9}$/.test(number)) throw new S3Error("MalformedXML")
  const values = new Map<ChecksumAlgorithm, string>()
  for (const { name, text } of element.children) {
    const algorithm = algorithmOf(name)
    if (algorithm !== undefined) values.set(algorithm, text.trim())
    else if (name !== "PartNumber" && name !== "ETag") throw new S3Error("MalformedXML")
  }
  return { partNumber: Number(number), etag: unquote(childText(element, "ETag").trim()), checksums: values }
}

/** The object that the listed parts make, or the refusal S3 has for the list. */
function assemble(call: S3Call, upload: Upload, listed: ReadonlyArray<ListedPart>, { clock }: S3Context): ObjectRecord {
  const parts = chooseParts(upload, listed)
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  const md5 = createHash("md5")
  for (const part of parts) md5.update(Buffer.from(part.etag, "hex"))
  const checksum = checksumOf(upload, parts)
  assertClaims(call, size, checksum)
  const { bucket, key, uploadId, headers, customerKey } = upload.record
  return {
    kind: "object",
    bucket,
    key,
    size,
    etag: `${md5.digest("hex")}-${parts.length}`,
    modified: clock(),
    headers,
    ...(customerKey === undefined ? {} : { customerKey }),
    segments: parts.flatMap((part) => part.segments),
    uploadId,
    partSizes: parts.map((part) => part.size),
    ...(checksum === undefined ? {} : { checksum }),
    ...(upload.record.checksum === undefined ? {} : { partChecksums: parts.map((part) => part.checksum?.value ?? "") })
  }
}

function chooseParts({ record, parts }: Upload, listed: ReadonlyArray<ListedPart>): ReadonlyArray<PartRecord> {
  const composite = record.checksum?.type === "COMPOSITE" ? record.checksum.algorithm : undefined
  return listed.map((entry, index) => {
    const { partNumber, etag } = entry
    // With composite checksums part numbers start at 1 and have no gaps (API reference, CompletedPart).
    const before = listed[index - 1]?.partNumber ?? 0
    if (partNumber <= before || (composite !== undefined && partNumber !== before + 1)) {
      throw new S3Error("InvalidPartOrder", undefined, { UploadId: record.uploadId })
    }
    const part = parts.get(partNumber)
    const invalid = { UploadId: record.uploadId, PartNumber: `${partNumber}`, ETag: etag }
    if (part === undefined || part.etag !== etag) throw new S3Error("InvalidPart", undefined, invalid)
    if (composite !== undefined && !entry.checksums.has(composite)) {
      const name = composite.toLowerCase()
      throw new S3Error(
        "InvalidRequest",
        `The upload was created using a ${name} checksum. The complete request must include the checksum for each part. It was missing for part ${partNumber} in the request.`
      )
    }
    for (const [algorithm, value] of entry.checksums) {
      if (part.checksum?.algorithm === algorithm && part.checksum.value !== value) {
        throw new S3Error("InvalidPart", undefined, invalid)
      }
    }
    if (part.size < MIN_PART_BYTES && index < listed.length - 1) {
      throw new S3Error("EntityTooSmall", undefined, {
        ProposedSize: `${part.size}`,
        MinSizeAllowed: `${MIN_PART_BYTES}`,
        PartNumber: `${partNumber}`,
        ETag: etag
      })
    }
    return part
  })
}

function checksumOf({ record }: Upload, parts: ReadonlyArray<PartRecord>): ObjectRecord["checksum"] {
  if (record.checksum === undefined) return defaultChecksumOf(parts)
  const { algorithm, type } = record.checksum
  const values = parts.map((part) => ({ value: part.checksum?.value ?? "", size: part.size }))
  return { algorithm, type, value: objectChecksum(algorithm, type, values) }
}

/** S3's own of the whole, where each part has it. */
function defaultChecksumOf(parts: ReadonlyArray<PartRecord>): ObjectRecord["checksum"] {
  const values = parts.flatMap(({ byDefault: value, size }) => (value === undefined ? [] : { value, size }))
  if (values.length < parts.length) return undefined
  const type = "FULL_OBJECT"
  return { algorithm: DEFAULT_ALGORITHM, type, value: objectChecksum(DEFAULT_ALGORITHM, type, values) }
}

/** What the client says the whole object is: its size, its checksum, the checksum's type. */
function assertClaims({ headers }: S3Call, size: number, checksum: ObjectRecord["checksum"]): void {
  const claimedSize = headers["x-amz-mp-object-size"]
  if (claimedSize !== undefined && claimedSize !== `${size}`) {
    throw new S3Error(
      "InvalidRequest",
      `The provided 'x-amz-mp-object-size' header value ${claimedSize} does not match what was computed: ${size}`
    )
  }
  const claimedType = headers["x-amz-checksum-type"]
  if (claimedType !== undefined && claimedType !== checksum?.type) {
    throw new S3Error("BadDigest", `The upload's checksum type is ${checksum?.type ?? "null"}, not ${claimedType}.`)
  }
  for (const algorithm of Object.keys(checksums)) {
    const claimed = headers[`x-amz-checksum-${algorithm.toLowerCase()}`]
    if (claimed === undefined) continue
    // A composite value may come with or without its part count.
    const matches =
      checksum?.algorithm === algorithm && [checksum.value, checksum.value.replace(/-\d+$/, "")].includes(claimed)
    if (!matches)
      throw new S3Error("BadDigest", `The ${algorithm} you specified did not match the calculated checksum.`)
  }
}
