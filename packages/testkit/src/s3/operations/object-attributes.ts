import { assertReadKey } from "../encryption/CustomerKey.ts"
import { assertUnsealable } from "../encryption/seal.ts"
import { checksums } from "../integrity/Checksum.ts"
import type { ObjectRecord } from "../Records.ts"
import { okXml } from "../respond.ts"
import type { S3Call } from "../S3Call.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import { requestedObject, versionHeaders } from "../versions.ts"
import type { XmlFields } from "../Xml.ts"
import { pageSize, wholeNumber } from "./paging.ts"

const names: ReadonlyArray<string> = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]

/** What of an object is asked for, without its bytes. */
export const getObjectAttributes: Handler = async (call, context) => {
  const object = requestedObject(call, context.model)
  assertReadKey(call.headers, object, context)
  assertUnsealable(object, context)
  const asked = requestedAttributes(call)
  const all: XmlFields = {
    // Here alone S3 writes it without its quotes.
    ETag: object.etag,
    Checksum: checksumFields(object),
    ObjectParts: partFields(call, object),
    StorageClass: object.headers["x-amz-storage-class"] ?? "STANDARD",
    ObjectSize: object.size
  }
  return okXml("GetObjectAttributesResponse", Object.fromEntries(asked.map((name) => [name, all[name]])), {
    ...versionHeaders(context.model.bucket(call.bucket), object),
    "last-modified": new Date(object.modified).toUTCString()
  })
}

/** In S3's order, whatever the header's. */
function requestedAttributes({ headers }: S3Call): ReadonlyArray<string> {
  const asked = (headers["x-amz-object-attributes"] ?? "").split(",").flatMap((name) => name.trim() || [])
  if (asked.length === 0) {
    throw new S3Error(
      "InvalidRequest",
      "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty"
    )
  }
  if (!asked.every((name) => names.includes(name))) {
    throw new S3Error("InvalidArgument", "Invalid attribute name specified.", {
      ArgumentName: "x-amz-object-attributes"
    })
  }
  return names.filter((name) => asked.includes(name))
}

function checksumFields({ checksum }: ObjectRecord): XmlFields | undefined {
  if (checksum === undefined) return undefined
  return { [checksums[checksum.algorithm].element]: checksum.value, ChecksumType: checksum.type }
}

/** The parts of what was a multipart upload: one by one only where they have checksums (API reference). */
function partFields({ headers }: S3Call, object: ObjectRecord): XmlFields | undefined {
  const { partSizes, partChecksums, checksum } = object
  if (partSizes === undefined) return undefined
  if (partChecksums === undefined || checksum === undefined) return { PartsCount: partSizes.length }
  const values = new Map(Object.entries(headers))
  const max = pageSize(values, "x-amz-max-parts")
  const after = wholeNumber(values, "x-amz-part-number-marker", 0)
  const { element } = checksums[checksum.algorithm]
  const parts = partSizes.map((Size, index) => ({ PartNumber: index + 1, Size, [element]: partChecksums[index] }))
  const page = parts.slice(after, after + max)
  return {
    PartsCount: partSizes.length,
    PartNumberMarker: after,
    NextPartNumberMarker: page.at(-1)?.PartNumber ?? 0,
    MaxParts: max,
    IsTruncated: after + page.length < parts.length,
    Part: page
  }
}
