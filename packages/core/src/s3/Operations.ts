/**
 * S3's operations as the verbs ask for them, under S3's own names: what goes in, and what is read of the answer.
 *
 * Whoever speaks HTTP to a store implements `Send`: client-s3 (`sdk-send.ts`), or `fetch` (`fetch-send.ts`).
 *
 * @module
 */
import type { StorageClass } from "@aws-sdk/client-s3"
import type { StoreCall } from "./StoreCall.ts"

interface Bucket {
  readonly Bucket: string
}

interface ObjectName extends Bucket {
  readonly Key: string
}

interface UploadName extends ObjectName {
  readonly UploadId: string
}

interface Version {
  readonly VersionId?: string | undefined
}

interface Condition {
  readonly IfNoneMatch?: string | undefined
  readonly IfMatch?: string | undefined
}

interface Checksums {
  readonly ChecksumCRC32?: string | undefined
  readonly ChecksumCRC32C?: string | undefined
  readonly ChecksumCRC64NVME?: string | undefined
}

interface Attributes {
  readonly ContentType?: string | undefined
  readonly CacheControl?: string | undefined
  readonly ContentDisposition?: string | undefined
  readonly ContentEncoding?: string | undefined
  readonly ContentLanguage?: string | undefined
  readonly Metadata?: Record<string, string> | undefined
}

interface NewAttributes extends Attributes {
  readonly Tagging?: string | undefined
  readonly StorageClass?: StorageClass | undefined
  readonly ServerSideEncryption?: "AES256" | undefined
}

interface Copy {
  readonly CopySource: string
  readonly CopySourceIfMatch: string
}

/** Any checksum that a store may tell of. */
export interface ToldChecksums extends Checksums {
  readonly ChecksumSHA1?: string | undefined
  readonly ChecksumSHA256?: string | undefined
  readonly ChecksumType?: string | undefined
}

/** The store's word for what it has written. */
export interface Written extends ToldChecksums {
  readonly ETag?: string | undefined
  readonly VersionId?: string | undefined
  readonly ServerSideEncryption?: string | undefined
}

/** The store's word for an object that stands. */
export interface Head extends Written, Attributes {
  readonly ContentLength?: number | undefined
  readonly LastModified?: Date | undefined
  readonly PartsCount?: number | undefined
  readonly StorageClass?: string | undefined
}

/** What a copy shows of itself, in the answer's document. */
export interface CopyResult extends ToldChecksums {
  readonly ETag?: string | undefined
}

interface Page {
  readonly IsTruncated?: boolean | undefined
}

type Nothing = object

/** An object, a version or a delete marker in a listing; a marker has the first four. */
export interface ListedEntry {
  readonly Key?: string | undefined
  readonly VersionId?: string | undefined
  readonly IsLatest?: boolean | undefined
  readonly LastModified?: Date | undefined
  readonly Size?: number | undefined
  readonly ETag?: string | undefined
  readonly StorageClass?: string | undefined
}

/** Every operation, once. */
export interface Operations {
  readonly CreateMultipartUpload: {
    readonly input: ObjectName &
      NewAttributes & {
        readonly ChecksumAlgorithm?: "CRC32" | "CRC32C" | "CRC64NVME" | undefined
        readonly ChecksumType?: "FULL_OBJECT" | "COMPOSITE" | undefined
      }
    readonly output: { readonly UploadId?: string | undefined; readonly ServerSideEncryption?: string | undefined }
  }
  readonly UploadPart: {
    readonly input: UploadName & Checksums & { readonly PartNumber: number }
    readonly output: Written
  }
  readonly UploadPartCopy: {
    readonly input: UploadName & Copy & { readonly PartNumber: number; readonly CopySourceRange: string }
    readonly output: {
      readonly CopyPartResult?: CopyResult | undefined
      readonly ServerSideEncryption?: string | undefined
    }
  }
  readonly CompleteMultipartUpload: {
    readonly input: UploadName &
      Condition &
      Checksums & {
        readonly ChecksumType?: "FULL_OBJECT" | "COMPOSITE" | undefined
        readonly MpuObjectSize?: number | undefined
      }
    readonly output: Written
  }
  readonly AbortMultipartUpload: { readonly input: UploadName; readonly output: Nothing }
  readonly ListParts: {
    readonly input: UploadName & { readonly PartNumberMarker?: string | undefined }
    readonly output: Page & {
      readonly UploadId?: string | undefined
      readonly NextPartNumberMarker?: string | undefined
      readonly ChecksumAlgorithm?: string | undefined
      readonly ChecksumType?: string | undefined
      readonly Parts?:
        | ReadonlyArray<{
            readonly PartNumber?: number | undefined
            readonly Size?: number | undefined
            readonly ETag?: string | undefined
            readonly ChecksumCRC32?: string | undefined
          }>
        | undefined
    }
  }
  readonly ListMultipartUploads: {
    readonly input: Bucket & {
      readonly Prefix: string
      readonly EncodingType: "url"
      readonly KeyMarker?: string | undefined
      readonly UploadIdMarker?: string | undefined
    }
    readonly output: Page & {
      readonly Bucket?: string | undefined
      readonly EncodingType?: string | undefined
      readonly NextKeyMarker?: string | undefined
      readonly NextUploadIdMarker?: string | undefined
      readonly Uploads?:
        | ReadonlyArray<{
            readonly Key?: string | undefined
            readonly UploadId?: string | undefined
            readonly Initiated?: Date | undefined
          }>
        | undefined
    }
  }
  readonly ListObjectsV2: {
    readonly input: Bucket & {
      readonly Prefix: string
      readonly EncodingType: "url"
      readonly ContinuationToken?: string | undefined
      readonly MaxKeys?: number | undefined
    }
    readonly output: Page & {
      readonly Name?: string | undefined
      readonly EncodingType?: string | undefined
      readonly NextContinuationToken?: string | undefined
      readonly Contents?: ReadonlyArray<ListedEntry> | undefined
    }
  }
  readonly ListObjectVersions: {
    readonly input: Bucket & {
      readonly Prefix: string
      readonly EncodingType: "url"
      readonly KeyMarker?: string | undefined
      readonly VersionIdMarker?: string | undefined
      readonly MaxKeys?: number | undefined
    }
    readonly output: Page & {
      readonly Name?: string | undefined
      readonly EncodingType?: string | undefined
      readonly NextKeyMarker?: string | undefined
      readonly NextVersionIdMarker?: string | undefined
      readonly Versions?: ReadonlyArray<ListedEntry> | undefined
      readonly DeleteMarkers?: ReadonlyArray<ListedEntry> | undefined
    }
  }
  readonly PutObject: { readonly input: ObjectName & NewAttributes & Checksums & Condition; readonly output: Written }
  readonly CopyObject: {
    readonly input: ObjectName &
      NewAttributes &
      Copy &
      Condition & {
        readonly MetadataDirective: "REPLACE"
        readonly TaggingDirective?: "REPLACE" | undefined
      }
    readonly output: {
      readonly CopyObjectResult?: CopyResult | undefined
      readonly VersionId?: string | undefined
      readonly ServerSideEncryption?: string | undefined
    }
  }
  readonly HeadObject: {
    readonly input: ObjectName &
      Version & { readonly ChecksumMode: "ENABLED"; readonly PartNumber?: number | undefined }
    readonly output: Head
  }
  readonly GetObject: {
    readonly input: ObjectName &
      Version & { readonly Range?: string | undefined; readonly IfMatch?: string | undefined }
    readonly output: Head & {
      readonly Body?: ReadableStream<Uint8Array> | undefined
      readonly ContentRange?: string | undefined
    }
  }
  readonly DeleteObject: { readonly input: ObjectName & Version; readonly output: Nothing }
  readonly HeadBucket: { readonly input: Bucket; readonly output: Nothing }
}

export type OperationName = keyof Operations
export type Input<Name extends OperationName> = Operations[Name]["input"]
export type Output<Name extends OperationName> = Operations[Name]["output"]

/** One attempt of one operation. Rejects in the words of `StoreRefusal`, or of the transport. */
export type Send = <Name extends OperationName>(
  operation: Name,
  input: Input<Name>,
  call: StoreCall
) => Promise<Output<Name>>
