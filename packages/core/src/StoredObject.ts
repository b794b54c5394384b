/**
 * The result of an upload.
 *
 * @module
 */

/**
 * What was shown about the object's bytes.
 *
 * - `source`: a digest of the caller's bytes, computed by us, matched the store's.
 * - `transport`: only sizes and per-part answers matched (the store gives no digest we can compare).
 */
export type Proof = "source" | "transport"

/** An object that is complete in the store and byte-identical to its source. */
export interface StoredObject {
  readonly bucket: string
  readonly key: string
  /** `s3://bucket/key` */
  readonly uri: string
  /** The object's URL at the store, without credentials. */
  readonly location: string
  /** Bytes in the store. */
  readonly size: number
  readonly etag: string
  readonly versionId: string | undefined
  /** CRC32 of the whole object as stored, unsigned. */
  readonly crc32: number
  readonly proof: Proof
  /** Parts of the multipart upload; 1 for a single PUT. */
  readonly parts: number
}
