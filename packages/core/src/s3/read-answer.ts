/**
 * A store's HTTP answers as S3's operations tell them.
 *
 * @module
 */
import type { ExchangeResponse } from "../platform/exchange.ts"
import type { CopyResult, Head, ListedEntry, OperationName, Output, ToldChecksums, Written } from "./Operations.ts"
import { all, readXml, textOf, type XmlElement } from "./read-xml.ts"
import { StoreRefusal } from "./StoreRefusal.ts"

type Headers = Readonly<Record<string, string>>

const numberOf = (text: string | undefined): number | undefined => {
  const number = text === undefined || text.trim() === "" ? Number.NaN : Number(text)
  return Number.isFinite(number) ? number : undefined
}

const dateOf = (text: string | undefined): Date | undefined => {
  const date = new Date(text ?? "")
  return Number.isNaN(date.getTime()) ? undefined : date
}

const toldInHeaders = (headers: Headers): ToldChecksums => ({
  ChecksumCRC32: headers["x-amz-checksum-crc32"],
  ChecksumCRC32C: headers["x-amz-checksum-crc32c"],
  ChecksumCRC64NVME: headers["x-amz-checksum-crc64nvme"],
  ChecksumSHA1: headers["x-amz-checksum-sha1"],
  ChecksumSHA256: headers["x-amz-checksum-sha256"],
  ChecksumType: headers["x-amz-checksum-type"]
})

const toldIn = (element: XmlElement): CopyResult => ({
  ETag: textOf(element, "ETag"),
  ChecksumCRC32: textOf(element, "ChecksumCRC32"),
  ChecksumCRC32C: textOf(element, "ChecksumCRC32C"),
  ChecksumCRC64NVME: textOf(element, "ChecksumCRC64NVME"),
  ChecksumSHA1: textOf(element, "ChecksumSHA1"),
  ChecksumSHA256: textOf(element, "ChecksumSHA256"),
  ChecksumType: textOf(element, "ChecksumType")
})

const writtenIn = (headers: Headers) => ({
  VersionId: headers["x-amz-version-id"],
  ServerSideEncryption: headers["x-amz-server-side-encryption"]
})

const written = (headers: Headers): Written => ({
  ETag: headers["etag"],
  ...writtenIn(headers),
  ...toldInHeaders(headers)
})

const metadataPrefix = "x-amz-meta-"

const headIn = (headers: Headers): Head => ({
  ...written(headers),
  ContentLength: numberOf(headers["content-length"]),
  LastModified: dateOf(headers["last-modified"]),
  PartsCount: numberOf(headers["x-amz-mp-parts-count"]),
  ContentType: headers["content-type"],
  CacheControl: headers["cache-control"],
  ContentDisposition: headers["content-disposition"],
  ContentEncoding: headers["content-encoding"],
  ContentLanguage: headers["content-language"],
  StorageClass: headers["x-amz-storage-class"],
  Metadata: Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith(metadataPrefix))
      .map(([name, value]) => [name.slice(metadataPrefix.length), value])
  )
})

const truncated = (element: XmlElement) => ({ IsTruncated: textOf(element, "IsTruncated") === "true" })

const listed = (entry: XmlElement): ListedEntry => ({
  Key: textOf(entry, "Key"),
  VersionId: textOf(entry, "VersionId"),
  IsLatest: textOf(entry, "IsLatest") === "true",
  LastModified: dateOf(textOf(entry, "LastModified")),
  Size: numberOf(textOf(entry, "Size")),
  ETag: textOf(entry, "ETag"),
  StorageClass: textOf(entry, "StorageClass")
})

/** An answer in its headers alone, in a document with this root, or with bytes that are the caller's. */
type Reader<A> =
  | { readonly bytes: (headers: Headers, body: ReadableStream<Uint8Array>) => A }
  | { readonly headers: (headers: Headers) => A }
  | { readonly root: string; readonly document: (root: XmlElement, headers: Headers) => A }

type Readers = { readonly [Name in OperationName]: Reader<Output<Name>> }

const nothing = { headers: () => ({}) }

const readers: Readers = {
  CreateMultipartUpload: {
    root: "InitiateMultipartUploadResult",
    document: (root, headers) => ({ UploadId: textOf(root, "UploadId"), ...writtenIn(headers) })
  },
  UploadPart: { headers: written },
  UploadPartCopy: {
    root: "CopyPartResult",
    document: (root, headers) => ({ CopyPartResult: toldIn(root), ...writtenIn(headers) })
  },
  CompleteMultipartUpload: {
    root: "CompleteMultipartUploadResult",
    document: (root, headers) => ({ ...writtenIn(headers), ...toldIn(root) })
  },
  AbortMultipartUpload: nothing,
  ListParts: {
    root: "ListPartsResult",
    document: (root) => ({
      ...truncated(root),
      UploadId: textOf(root, "UploadId"),
      NextPartNumberMarker: textOf(root, "NextPartNumberMarker"),
      ChecksumAlgorithm: textOf(root, "ChecksumAlgorithm"),
      ChecksumType: textOf(root, "ChecksumType"),
      Parts: all(root, "Part").map((part) => ({
        PartNumber: numberOf(textOf(part, "PartNumber")),
        Size: numberOf(textOf(part, "Size")),
        ETag: textOf(part, "ETag"),
        ChecksumCRC32: textOf(part, "ChecksumCRC32")
      }))
    })
  },
  ListMultipartUploads: {
    root: "ListMultipartUploadsResult",
    document: (root) => ({
      ...truncated(root),
      Bucket: textOf(root, "Bucket"),
      EncodingType: textOf(root, "EncodingType"),
      NextKeyMarker: textOf(root, "NextKeyMarker"),
      NextUploadIdMarker: textOf(root, "NextUploadIdMarker"),
      Uploads: all(root, "Upload").map((upload) => ({
        Key: textOf(upload, "Key"),
        UploadId: textOf(upload, "UploadId"),
        Initiated: dateOf(textOf(upload, "Initiated"))
      }))
    })
  },
  ListObjectsV2: {
    root: "ListBucketResult",
    document: (root) => ({
      ...truncated(root),
      Name: textOf(root, "Name"),
      EncodingType: textOf(root, "EncodingType"),
      NextContinuationToken: textOf(root, "NextContinuationToken"),
      Contents: all(root, "Contents").map(listed)
    })
  },
  ListObjectVersions: {
    root: "ListVersionsResult",
    document: (root) => ({
      ...truncated(root),
      Name: textOf(root, "Name"),
      EncodingType: textOf(root, "EncodingType"),
      NextKeyMarker: textOf(root, "NextKeyMarker"),
      NextVersionIdMarker: textOf(root, "NextVersionIdMarker"),
      Versions: all(root, "Version").map(listed),
      DeleteMarkers: all(root, "DeleteMarker").map(listed)
    })
  },
  PutObject: { headers: written },
  CopyObject: {
    root: "CopyObjectResult",
    document: (root, headers) => ({ CopyObjectResult: toldIn(root), ...writtenIn(headers) })
  },
  HeadObject: { headers: headIn },
  GetObject: { bytes: (headers, Body) => ({ ...headIn(headers), ContentRange: headers["content-range"], Body }) },
  DeleteObject: nothing,
  HeadBucket: nothing
}

const streamOf = (body: ExchangeResponse["body"]): ReadableStream<Uint8Array> =>
  body instanceof Uint8Array
    ? new ReadableStream({
        start: (controller) => {
          if (body.length > 0) controller.enqueue(body)
          controller.close()
        }
      })
    : body

/** A success as the operation tells it; throws `StoreRefusal` for one that holds an error, or is none of S3's. */
export const readAnswer = <Name extends OperationName>(operation: Name, response: ExchangeResponse): Output<Name> => {
  const reader: Reader<Output<Name>> = readers[operation]
  const { headers, body } = response
  if ("bytes" in reader) return reader.bytes(headers, streamOf(body))
  const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : ""
  if ("headers" in reader) {
    // What S3 answers without a body has none: a page would be somebody else's.
    if (text !== "") throw new StoreRefusal(response, readXml(text))
    return reader.headers(headers)
  }
  const root = readXml(text)
  if (root?.name !== reader.root) throw new StoreRefusal(response, root)
  return reader.document(root, headers)
}
