import { copiedAttributesOf, replaces } from "../attributes.ts"
import { assertCopyable, assertNotArchived, assertWritable } from "../conditions.ts"
import { assertSourceKey } from "../encryption/CustomerKey.ts"
import { assertUnsealable, encryptionEcho, etagOf, hasPlainETag } from "../encryption/seal.ts"
import { type ChecksumAlgorithm, checksumAlgorithm, checksums, DEFAULT_ALGORITHM } from "../integrity/Checksum.ts"
import { Integrity, type Verified } from "../integrity/Integrity.ts"
import type { ObjectRecord } from "../Records.ts"
import { okXml, quote } from "../respond.ts"
import type { S3Call } from "../S3Call.ts"
import type { Handler, S3Context } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import type { S3Model } from "../S3Model.ts"
import { parseTarget, type Target } from "../Target.ts"
import { requestedVersion, versionHeaders, writtenVersion } from "../versions.ts"

/** S3 copies no more than this in one request. */
const MAX_COPY_BYTES = 5 * 1024 ** 3

/** A copy shares its source's bytes; only the record is new. */
export const copyObject: Handler = async (call, context) => {
  const { model, clock } = context
  const { bucket, key, headers } = call
  const target = model.bucket(bucket)
  const algorithm = checksumAlgorithm(headers["x-amz-checksum-algorithm"])
  const source = copySource(call, context)
  if (source.size > MAX_COPY_BYTES) {
    const message = `The specified copy source is larger than the maximum allowable size for a copy source: ${MAX_COPY_BYTES}`
    throw new S3Error("InvalidRequest", message)
  }
  const seal = copiedAttributesOf(headers, source.headers, target, context)
  assertChanges(call, source, model)
  const { segments, size } = source
  const object = await model.holding(segments, async () => {
    const digests = await digestsOf(call, source, algorithm, context)
    const copy: ObjectRecord = {
      ...{ kind: "object", bucket, key, size, segments, modified: clock() },
      ...seal,
      etag: etagOf(digests.md5, seal),
      ...(digests.checksum === undefined ? {} : { checksum: { ...digests.checksum, type: "FULL_OBJECT" } })
    }
    return model.putObject(copy, (current) => assertWritable(headers, current))
  })
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
      ...writtenVersion(object),
      ...sourceVersion(source, model),
      ...encryptionEcho(object, headers)
    }
  )
}

/** A copy is one part, whatever its source was: its digests are those of all the bytes, read again where need be. */
async function digestsOf(
  call: S3Call,
  source: ObjectRecord,
  asked: ChecksumAlgorithm | undefined,
  { model, defaultChecksum = false }: S3Context
): Promise<Omit<Verified, "size">> {
  const algorithm = asked ?? source.checksum?.algorithm ?? (defaultChecksum ? DEFAULT_ALGORITHM : undefined)
  const kept = source.checksum?.type === "FULL_OBJECT" && source.checksum.algorithm === algorithm
  if (source.partSizes === undefined && hasPlainETag(source) && (kept || algorithm === undefined)) {
    const { checksum } = source
    return { md5: source.etag, ...(checksum === undefined ? {} : { checksum }) }
  }
  const integrity = new Integrity({ ...call, headers: {}, payload: "" }, { wanted: algorithm })
  for await (const _ of integrity.watch(model.read(source.segments, 0, source.size)));
  return integrity.verified
}

function assertChanges({ bucket, key, headers }: S3Call, source: ObjectRecord, model: S3Model): void {
  const itself = source.bucket === bucket && source.key === key && isNewest(source, model)
  const changes =
    replaces(headers, "metadata") ||
    ["x-amz-storage-class", "x-amz-website-redirect-location"].some((name) => headers[name] !== undefined) ||
    Object.keys(headers).some((name) => name.startsWith("x-amz-server-side-encryption"))
  if (!itself || changes) return
  throw new S3Error(
    "InvalidRequest",
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
  )
}

/** A copy of an older version onto its own key restores it, and changes nothing but that. */
const isNewest = (source: ObjectRecord, model: S3Model): boolean =>
  model.bucket(source.bucket).objects.get(source.key) === source

/** A header that is no path is an argument that is wrong, where a target would be a URI that is. */
function parseSource(header: string): Target {
  try {
    return parseTarget(header)
  } catch {
    throw new S3Error("InvalidArgument", "Invalid copy source encoding.", { ArgumentName: "x-amz-copy-source" })
  }
}

/** Which version was copied, where the source's bucket has versions. */
export function sourceVersion(source: ObjectRecord, model: S3Model): Record<string, string> {
  const version = versionHeaders(model.bucket(source.bucket), source)["x-amz-version-id"]
  return version === undefined ? {} : { "x-amz-copy-source-version-id": version }
}

/** The object that `x-amz-copy-source: [/]bucket/key[?versionId=…]`, percent-encoded, names. */
export function copySource({ headers }: S3Call, context: S3Context): ObjectRecord {
  const header = headers["x-amz-copy-source"] ?? ""
  const { bucket, key, query } = parseSource(header.startsWith("/") ? header : `/${header}`)
  const versionId = requestedVersion({ query })
  if (bucket === undefined || key === undefined || query.size > (versionId === undefined ? 0 : 1)) {
    throw new S3Error("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
  }
  const source = context.model.object(bucket, key, versionId)
  assertSourceKey(headers, source, context)
  assertUnsealable(source, context)
  assertCopyable(headers, source)
  assertNotArchived(source)
  return source
}
