/**
 * S3's operations as HTTP requests.
 *
 * @module
 */
import { invalidRequest } from "../UploadError.ts"
import { encode, encodeKey } from "./encode.ts"
import type { Input, OperationName } from "./Operations.ts"

/** A request before it is addressed and signed. */
export interface PlainRequest {
  readonly method: string
  /** Of the key; empty for the bucket. */
  readonly path: string
  /** `name=value` pairs in their wire form. */
  readonly query: ReadonlyArray<string>
  readonly headers: Readonly<Record<string, string>>
}

interface Wire {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE"
  /** What is always in the query. */
  readonly query?: string
}

const wires: Readonly<Record<OperationName, Wire>> = {
  CreateMultipartUpload: { method: "POST", query: "uploads=" },
  UploadPart: { method: "PUT" },
  UploadPartCopy: { method: "PUT" },
  CompleteMultipartUpload: { method: "POST" },
  AbortMultipartUpload: { method: "DELETE" },
  ListParts: { method: "GET" },
  ListMultipartUploads: { method: "GET", query: "uploads=" },
  ListObjectsV2: { method: "GET", query: "list-type=2" },
  ListObjectVersions: { method: "GET", query: "versions=" },
  PutObject: { method: "PUT" },
  CopyObject: { method: "PUT" },
  HeadObject: { method: "HEAD" },
  GetObject: { method: "GET" },
  DeleteObject: { method: "DELETE" },
  HeadBucket: { method: "HEAD" }
}

/** Names of all inputs of all operations. */
type Field<Name extends OperationName = OperationName> = Name extends OperationName ? keyof Input<Name> : never

/** Where each input goes: `?` names a query parameter, anything else a header. */
const places: Readonly<Record<Exclude<Field, "Bucket" | "Key" | "Metadata">, string>> = {
  UploadId: "?uploadId",
  PartNumber: "?partNumber",
  VersionId: "?versionId",
  PartNumberMarker: "?part-number-marker",
  Prefix: "?prefix",
  EncodingType: "?encoding-type",
  KeyMarker: "?key-marker",
  UploadIdMarker: "?upload-id-marker",
  VersionIdMarker: "?version-id-marker",
  ContinuationToken: "?continuation-token",
  MaxKeys: "?max-keys",
  ContentType: "content-type",
  CacheControl: "cache-control",
  ContentDisposition: "content-disposition",
  ContentEncoding: "content-encoding",
  ContentLanguage: "content-language",
  Range: "range",
  IfMatch: "if-match",
  IfNoneMatch: "if-none-match",
  Tagging: "x-amz-tagging",
  TaggingDirective: "x-amz-tagging-directive",
  MetadataDirective: "x-amz-metadata-directive",
  StorageClass: "x-amz-storage-class",
  ServerSideEncryption: "x-amz-server-side-encryption",
  ChecksumMode: "x-amz-checksum-mode",
  ChecksumAlgorithm: "x-amz-checksum-algorithm",
  ChecksumType: "x-amz-checksum-type",
  ChecksumCRC32: "x-amz-checksum-crc32",
  ChecksumCRC32C: "x-amz-checksum-crc32c",
  ChecksumCRC64NVME: "x-amz-checksum-crc64nvme",
  MpuObjectSize: "x-amz-mp-object-size",
  CopySource: "x-amz-copy-source",
  CopySourceIfMatch: "x-amz-copy-source-if-match",
  CopySourceRange: "x-amz-copy-source-range"
}

const isPlaced = (field: string): field is keyof typeof places => field in places

/** URLs of `fetch` resolve such segments (WHATWG URL, "path state"): the request would be for another object or bucket. */
const resolvable = /(^|\/)\.\.?(\/|$)/

/** Throws `InvalidRequest` for a key that a URL cannot name. */
export const writeRequest = <Name extends OperationName>(operation: Name, input: Input<Name>): PlainRequest => {
  const { method, query: fixed } = wires[operation]
  const query = fixed === undefined ? [] : [fixed]
  const headers: Record<string, string> = {}
  let path = ""
  const fields: ReadonlyArray<readonly [string, unknown]> = Object.entries(input)
  for (const [field, value] of fields) {
    if (value === undefined) continue
    if (field === "Key") {
      if (resolvable.test(String(value))) {
        throw invalidRequest(
          `the key "${value}" has a segment "." or "..", which no URL of fetch can name; use another key`
        )
      }
      path = `/${encodeKey(String(value))}`
    } else if (field === "Metadata") {
      for (const [name, text] of Object.entries(value ?? {})) headers[`x-amz-meta-${name.toLowerCase()}`] = String(text)
    } else if (isPlaced(field)) {
      const place = places[field]
      if (place.startsWith("?")) query.push(`${place.slice(1)}=${encode(String(value))}`)
      else headers[place] = String(value)
    }
  }
  return { method, path, query, headers }
}
