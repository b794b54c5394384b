import type { ObjectRecord } from "../Records.ts"
import { okXml, quote } from "../respond.ts"
import type { S3Call } from "../S3Call.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import type { S3Model } from "../S3Model.ts"
import { owner } from "./owner.ts"
import { compareKeys, nameEncoder, type Page, pageOf, pageSize } from "./paging.ts"

/** Version 2: the marker is an opaque token. */
export const listObjectsV2: Handler = async (call, { model }) => {
  const { query } = call
  if (query.get("list-type") !== "2") {
    throw new S3Error("InvalidArgument", "Invalid List Type specified in Request", { ArgumentName: "list-type" })
  }
  const token = query.get("continuation-token")
  const startAfter = query.get("start-after")
  const page = objectPage(call, model, token === undefined ? (startAfter ?? "") : fromToken(token))
  const name = nameEncoder(query)
  return okXml("ListBucketResult", {
    ...commonFields(call, page, name, query.get("fetch-owner") === "true"),
    KeyCount: page.items.length + page.prefixes.length,
    ContinuationToken: token,
    StartAfter: startAfter === undefined ? undefined : name(startAfter),
    NextContinuationToken: page.truncated ? toToken(page.last ?? "") : undefined
  })
}

/** Version 1, which older clients still use: the marker is a key. */
export const listObjects: Handler = async (call, { model }) => {
  const marker = call.query.get("marker") ?? ""
  const page = objectPage(call, model, marker)
  const name = nameEncoder(call.query)
  return okXml("ListBucketResult", {
    ...commonFields(call, page, name, true),
    Marker: name(marker),
    // Without a delimiter the last key of the page is the marker of the next (API reference, ListObjects).
    NextMarker: page.truncated && call.query.has("delimiter") ? name(page.last ?? "") : undefined
  })
}

function objectPage({ bucket, query }: S3Call, model: S3Model, marker: string): Page<ObjectRecord> {
  const objects = [...model.bucket(bucket).objects.values()].sort((a, b) => compareKeys(a.key, b.key))
  return pageOf(
    objects,
    (object) => object.key,
    (name) => marker === "" || compareKeys(name, marker) > 0,
    { prefix: query.get("prefix") ?? "", delimiter: query.get("delimiter") ?? "", max: pageSize(query, "max-keys") }
  )
}

function commonFields(
  { bucket, query }: S3Call,
  page: Page<ObjectRecord>,
  name: (key: string) => string,
  withOwner: boolean
) {
  const delimiter = query.get("delimiter")
  return {
    Name: bucket,
    Prefix: name(query.get("prefix") ?? ""),
    Delimiter: delimiter === undefined ? undefined : name(delimiter),
    MaxKeys: pageSize(query, "max-keys"),
    EncodingType: query.get("encoding-type"),
    IsTruncated: page.truncated,
    Contents: page.items.map((object) => ({
      Key: name(object.key),
      LastModified: new Date(object.modified).toISOString(),
      ETag: quote(object.etag),
      ...(object.checksum === undefined
        ? {}
        : { ChecksumAlgorithm: object.checksum.algorithm, ChecksumType: object.checksum.type }),
      Size: object.size,
      StorageClass: object.headers["x-amz-storage-class"] ?? "STANDARD",
      Owner: withOwner ? owner : undefined
    })),
    CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: name(prefix) }))
  }
}

const toToken = (key: string): string => Buffer.from(key).toString("base64url")

function fromToken(token: string): string {
  const key = Buffer.from(token, "base64url").toString()
  if (token === "" || toToken(key) !== token) {
    throw new S3Error("InvalidArgument", "The continuation token provided is incorrect", {
      ArgumentName: "continuation-token"
    })
  }
  return key
}
