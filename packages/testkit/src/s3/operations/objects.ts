import { attributeHeaders, attributesOf } from "../attributes.ts"
import { assertNotArchived, assertReadable, assertWritable } from "../conditions.ts"
import { assertReadKey } from "../encryption/CustomerKey.ts"
import { assertUnsealable, encryptionEcho, etagOf } from "../encryption/seal.ts"
import { checksums, DEFAULT_ALGORITHM } from "../integrity/Checksum.ts"
import { expirationHeaders } from "../lifecycle.ts"
import { assertDigest } from "../lock/ObjectLock.ts"
import type { S3Response } from "../message.ts"
import type { ObjectRecord } from "../Records.ts"
import { parseRange, type Span } from "../range.ts"
import { receive } from "../receive.ts"
import { ok, quote } from "../respond.ts"
import type { S3Call } from "../S3Call.ts"
import type { Handler, S3Context } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import { requestedObject, versionHeaders, writtenVersion } from "../versions.ts"
import { assertPartNumber } from "./upload-part.ts"

export const putObject: Handler = async (call, context) => {
  const { bucket, key, headers } = call
  const { model, clock } = context
  assertWritable(headers, model.bucket(bucket).objects.get(key))
  const seal = attributesOf(headers, model.bucket(bucket), context)
  assertDigest(call, seal.headers, model.bucket(bucket))
  const wanted = context.defaultChecksum === true ? DEFAULT_ALGORITHM : undefined
  return receive(call, model, { wanted }, async ({ md5, size, checksum, segments }) => {
    const object: ObjectRecord = {
      kind: "object",
      bucket,
      key,
      size,
      etag: etagOf(md5, seal),
      modified: clock(),
      ...seal,
      segments,
      ...(checksum === undefined ? {} : { checksum: { ...checksum, type: "FULL_OBJECT" } })
    }
    const stored = await model.putObject(object, (current) => assertWritable(headers, current))
    return ok({
      etag: quote(stored.etag),
      ...writtenVersion(stored),
      ...expirationHeaders(model.bucket(bucket), stored),
      ...encryptionEcho(seal, headers),
      ...checksumHeaders(object)
    })
  })
}

export const getObject: Handler = async (call, context) => {
  const { model } = context
  if (call.partNumber !== undefined) assertPartNumber(call)
  const object = requestedObject(call, model)
  assertNotArchived(object)
  const { status, headers, span } = readResponse(call, object, context)
  return { status, headers, body: model.read(object.segments, span.offset, span.length) }
}

export const headObject: Handler = async (call, context) => {
  if (call.partNumber !== undefined) assertPartNumber(call)
  const { status, headers } = readResponse(call, requestedObject(call, context.model), context)
  return { status, headers }
}

function readResponse(call: S3Call, object: ObjectRecord, context: S3Context): S3Response & { readonly span: Span } {
  assertReadKey(call.headers, object, context)
  assertUnsealable(object, context)
  assertReadable(call.headers, object)
  const part = partSpan(call, object)
  const partial = part ?? parseRange(call.headers["range"], object.size)
  const span = partial ?? { offset: 0, length: object.size }
  const headers: Record<string, string> = {
    ...attributeHeaders(object.headers),
    ...encryptionEcho(object, call.headers),
    ...versionHeaders(context.model.bucket(object.bucket), object),
    ...expirationHeaders(context.model.bucket(object.bucket), object),
    etag: quote(object.etag),
    "last-modified": new Date(object.modified).toUTCString(),
    "accept-ranges": "bytes",
    "content-length": `${span.length}`
  }
  if (partial !== undefined && object.size > 0) {
    headers["content-range"] = `bytes ${span.offset}-${span.offset + span.length - 1}/${object.size}`
  }
  if (part !== undefined && object.partSizes !== undefined) {
    headers["x-amz-mp-parts-count"] = `${object.partSizes.length}`
  }
  if (call.headers["x-amz-checksum-mode"]?.toUpperCase() === "ENABLED") {
    Object.assign(headers, readChecksum(object, span, part === undefined ? undefined : call.partNumber))
  }
  for (const [name, value] of call.query) {
    if (name.startsWith("response-")) headers[name.slice("response-".length)] = value
  }
  return { status: partial === undefined ? 200 : 206, headers, span }
}

/** `?partNumber=N` reads one part of what was a multipart upload; anything else is one part. */
function partSpan({ partNumber, headers }: S3Call, object: ObjectRecord): Span | undefined {
  if (partNumber === undefined) return undefined
  if (headers["range"] !== undefined)
    throw new S3Error("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
  const sizes = object.partSizes ?? [object.size]
  const length = sizes[partNumber - 1]
  if (length === undefined) throw new S3Error("InvalidPartNumber")
  return { offset: sizes.slice(0, partNumber - 1).reduce((sum, size) => sum + size, 0), length }
}

/** Of the bytes that are read: the whole object's, or a part's own. Of any other range none is known. */
function readChecksum(object: ObjectRecord, span: Span, partNumber: number | undefined): Record<string, string> {
  if (span.length === object.size && (object.partSizes?.length ?? 1) === 1) return checksumHeaders(object)
  if (partNumber === undefined) return span.length === object.size ? checksumHeaders(object) : {}
  const value = object.partChecksums?.[partNumber - 1]
  if (object.checksum === undefined || !value) return {}
  return { [checksums[object.checksum.algorithm].header]: value, "x-amz-checksum-type": object.checksum.type }
}

export function checksumHeaders({ checksum }: ObjectRecord): Record<string, string> {
  if (checksum === undefined) return {}
  return { [checksums[checksum.algorithm].header]: checksum.value, "x-amz-checksum-type": checksum.type }
}
