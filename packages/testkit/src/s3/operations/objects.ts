import { attributeHeaders, attributesOf, encryptionEcho, tagsOf } from "../attributes.ts"
import { assertReadable, assertWritable } from "../conditions.ts"
import { checksums } from "../integrity/Checksum.ts"
import type { S3Response } from "../message.ts"
import type { ObjectRecord } from "../Records.ts"
import { parseRange, type Span } from "../range.ts"
import { receive } from "../receive.ts"
import { ok, okXml, quote } from "../respond.ts"
import type { S3Call } from "../S3Call.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import type { S3Model } from "../S3Model.ts"
import { requestedObject, versionHeaders } from "../versions.ts"

export const putObject: Handler = async (call, context) => {
  const { bucket, key, headers } = call
  const { model, clock } = context
  assertWritable(headers, model.bucket(bucket).objects.get(key))
  const attributes = attributesOf(headers, context)
  return receive(call, model, undefined, async ({ md5, size, checksum, segments }) => {
    const object: ObjectRecord = {
      kind: "object",
      bucket,
      key,
      size,
      etag: md5,
      modified: clock(),
      headers: attributes,
      segments,
      ...(checksum === undefined ? {} : { checksum: { ...checksum, type: "FULL_OBJECT" } })
    }
    const stored = await model.putObject(object, (current) => assertWritable(headers, current))
    return ok({
      etag: quote(md5),
      ...versionHeaders(model.bucket(bucket), stored),
      ...encryptionEcho(attributes),
      ...checksumHeaders(object)
    })
  })
}

export const getObject: Handler = async (call, { model }) => {
  const object = requestedObject(call, model)
  const { status, headers, span } = readResponse(call, object, model)
  return { status, headers, body: model.read(object.segments, span.offset, span.length) }
}

export const headObject: Handler = async (call, { model }) => {
  const { status, headers } = readResponse(call, requestedObject(call, model), model)
  return { status, headers }
}

function readResponse(call: S3Call, object: ObjectRecord, model: S3Model): S3Response & { readonly span: Span } {
  assertReadable(call.headers, object)
  const part = partSpan(call, object)
  const partial = part ?? parseRange(call.headers["range"], object.size)
  const span = partial ?? { offset: 0, length: object.size }
  const headers: Record<string, string> = {
    ...attributeHeaders(object.headers),
    ...versionHeaders(model.bucket(object.bucket), object),
    etag: quote(object.etag),
    "last-modified": new Date(object.modified).toUTCString(),
    "accept-ranges": "bytes",
    "content-length": `${span.length}`
  }
  if (partial !== undefined && object.size > 0) {
    headers["content-range"] = `bytes ${span.offset}-${span.offset + span.length - 1}/${object.size}`
  }
  if (part !== undefined && object.partSizes !== undefined)
    headers["x-amz-mp-parts-count"] = `${object.partSizes.length}`
  const whole = partial === undefined || span.length === object.size
  if (whole && call.headers["x-amz-checksum-mode"]?.toUpperCase() === "ENABLED") {
    Object.assign(headers, checksumHeaders(object))
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

export function checksumHeaders({ checksum }: ObjectRecord): Record<string, string> {
  if (checksum === undefined) return {}
  return { [checksums[checksum.algorithm].header]: checksum.value, "x-amz-checksum-type": checksum.type }
}

export const getObjectTagging: Handler = async (call, { model }) => {
  const tags = tagsOf(requestedObject(call, model).headers["x-amz-tagging"])
  return okXml("Tagging", { TagSet: { Tag: tags.map(([Key, Value]) => ({ Key, Value })) } })
}
