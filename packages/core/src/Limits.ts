/**
 * S3's numbers, and what each provider does differently: one row a provider.
 *
 * @module
 */

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB
export const TiB = 1024 * GiB

/** Numeric limits of a store. All sizes in bytes. */
export interface Limits {
  /** Smallest part but the last (S3: 5 MiB). */
  readonly minPartSize: number
  /** Largest part (S3: 5 GiB). */
  readonly maxPartSize: number
  /** Most parts of one upload (S3: 10,000). */
  readonly maxParts: number
  /** Largest object of a multipart upload (AWS since 2025-12: 10,000 × 5 GiB). */
  readonly maxObjectSize: number
  /** Largest single PUT (S3: 5 GiB). */
  readonly maxPutSize: number
  /** Longest key in UTF-8 bytes (S3: 1,024). */
  readonly maxKeyBytes: number
  /** User metadata, names and values together, in UTF-8 bytes (S3: 2 KiB). */
  readonly maxMetadataBytes: number
  /** Most tags of one object (S3: 10). */
  readonly maxTags: number
}

/** What a store can do; planning, verification and the conformance suites read it. */
export interface Capabilities {
  readonly provider: Provider
  readonly limits: Limits
  /** All parts but the last must have one size (Cloudflare R2). */
  readonly uniformParts: boolean
  /** How CRC32 is declared on Create. `none`: the store refuses the headers, Content-MD5 is sent instead. */
  readonly checksum: "full-object" | "composite" | "none"
  /** Whether an unencrypted or SSE-S3 ETag is the MD5 (of the parts' MD5s). */
  readonly etag: "md5" | "opaque"
  /** Whether `x-amz-mp-object-size` may be sent with Complete. */
  readonly objectSizeOnComplete: boolean
  /** Whether `If-None-Match` and `If-Match` on PUT and Complete are honoured. */
  readonly conditionalWrites: boolean
}

export type Provider = "aws" | "minio" | "r2" | "b2" | "gcs" | "ceph" | "garage" | "seaweedfs" | "generic"

const s3Limits: Limits = {
  minPartSize: 5 * MiB,
  maxPartSize: 5 * GiB,
  maxParts: 10_000,
  maxObjectSize: 10_000 * 5 * GiB,
  maxPutSize: 5 * GiB,
  maxKeyBytes: 1024,
  maxMetadataBytes: 2 * KiB,
  maxTags: 10
}

/** Where the object limit of 2025-12 has not arrived: 5 TiB. */
const classicLimits: Limits = { ...s3Limits, maxObjectSize: 5 * TiB }

const s3: Omit<Capabilities, "provider"> = {
  limits: classicLimits,
  uniformParts: false,
  checksum: "full-object",
  etag: "md5",
  objectSizeOnComplete: true,
  conditionalWrites: true
}

/** One row a provider. Sources: `docs/stores.md` and the providers' own pages named there. */
export const profiles: Readonly<Record<Provider, Capabilities>> = {
  aws: { ...s3, provider: "aws", limits: s3Limits },
  minio: { ...s3, provider: "minio" },
  // Equal parts but the last; CRC32 only COMPOSITE; objects and single PUTs end at 4.995 TiB and GiB.
  r2: {
    ...s3,
    provider: "r2",
    limits: { ...classicLimits, maxObjectSize: Math.floor(4.995 * TiB), maxPutSize: Math.floor(4.995 * GiB) },
    uniformParts: true,
    checksum: "composite"
  },
  // Refuses every x-amz-checksum-* header with 400; Content-MD5 works. Objects end at 10 TB.
  b2: {
    ...s3,
    provider: "b2",
    limits: { ...classicLimits, maxObjectSize: 10_000_000_000_000 },
    checksum: "none",
    objectSizeOnComplete: false,
    conditionalWrites: false
  },
  // Multipart ETags are opaque; the XML API takes no x-amz-checksum-* trailers or types.
  gcs: {
    ...s3,
    provider: "gcs",
    checksum: "none",
    etag: "opaque",
    objectSizeOnComplete: false,
    conditionalWrites: false
  },
  ceph: { ...s3, provider: "ceph", checksum: "composite" },
  garage: { ...s3, provider: "garage", checksum: "composite", conditionalWrites: false },
  seaweedfs: { ...s3, provider: "seaweedfs", checksum: "composite" },
  generic: { ...s3, provider: "generic" }
}

const hosts: ReadonlyArray<readonly [RegExp, Provider]> = [
  [/(^|\.)amazonaws\.com(\.cn)?$/, "aws"],
  [/(^|\.)r2\.cloudflarestorage\.com$/, "r2"],
  [/(^|\.)backblazeb2\.com$/, "b2"],
  [/(^|\.)storage\.googleapis\.com$/, "gcs"]
]

/** The provider behind an endpoint URL; no endpoint is AWS, an unknown host is `generic`. */
export const providerOf = (endpoint: string | undefined): Provider => {
  if (endpoint === undefined) return "aws"
  const host = URL.canParse(endpoint) ? new URL(endpoint).hostname : endpoint
  return hosts.find(([pattern]) => pattern.test(host))?.[1] ?? "generic"
}
