import { attributesOf, encryptionEcho } from "../attributes.ts"
import { assertCopyable, assertWritable } from "../conditions.ts"
import { checksums } from "../integrity/Checksum.ts"
import type { ObjectRecord } from "../Records.ts"
import { okXml, quote } from "../respond.ts"
import type { S3Call } from "../S3Call.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import type { S3Model } from "../S3Model.ts"
import { parseTarget } from "../Target.ts"
import { requestedVersion, versionHeaders } from "../versions.ts"

/** A copy shares its source's bytes; only the record is new. */
export const copyObject: Handler = async (call, context) => {
  const { model, clock } = context
  const { bucket, key, headers } = call
  model.bucket(bucket)
  const source = copySource(call, model)
  const directive = headers["x-amz-metadata-directive"] ?? "COPY"
  if (directive !== "COPY" && directive !== "REPLACE")
    throw new S3Error("InvalidArgument", "Unknown metadata directive.")
  if (directive === "COPY" && isNewest(source, model) && source.bucket === bucket && source.key === key) {
    throw new S3Error(
      "InvalidRequest",
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
    )
  }
  const { uploadId: _upload, versionId: _version, serial: _serial, ...origin } = source
  const attributes = directive === "REPLACE" ? attributesOf(headers, context) : source.headers
  const copy: ObjectRecord = { ...origin, bucket, key, modified: clock(), headers: attributes }
  const check = (current: ObjectRecord | undefined) => assertWritable(headers, current)
  const object = await model.holding(source.segments, () => model.putObject(copy, check))
  return okXml(
    "CopyObjectResult",
    {
      ETag: quote(object.etag),
      LastModified: new Date(object.modified).toISOString(),
      ...(object.checksum === undefined
        ? {}
        : { [checksums[object.checksum.algorithm].element]: object.checksum.value, ChecksumType: object.checksum.type })
    },
    {
      ...versionHeaders(model.bucket(bucket), object),
      ...sourceVersion(source, model),
      ...encryptionEcho(attributes)
    }
  )
}

/** A copy of an older version onto its own key restores it, and changes nothing but that. */
const isNewest = (source: ObjectRecord, model: S3Model): boolean =>
  model.bucket(source.bucket).objects.get(source.key) === source

/** Which version was copied, where the source's bucket has versions. */
export function sourceVersion(source: ObjectRecord, model: S3Model): Record<string, string> {
  const version = versionHeaders(model.bucket(source.bucket), source)["x-amz-version-id"]
  return version === undefined ? {} : { "x-amz-copy-source-version-id": version }
}

/** The object that `x-amz-copy-source: [/]bucket/key[?versionId=…]`, percent-encoded, names. */
export function copySource({ headers }: S3Call, model: S3Model): ObjectRecord {
  const header = headers["x-amz-copy-source"] ?? ""
  const { bucket, key, query } = parseTarget(header.startsWith("/") ? header : `/${header}`)
  const versionId = requestedVersion({ query })
  if (bucket === undefined || key === undefined || query.size > (versionId === undefined ? 0 : 1)) {
    throw new S3Error("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
  }
  const source = model.object(bucket, key, versionId)
  assertCopyable(headers, source)
  return source
}
