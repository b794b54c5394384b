/**
 * Parts, receipts, and the arithmetic over them. Pure.
 *
 * @module
 */

/** Bytes with their size and CRC32 (unsigned 32-bit integer). */
export interface Digest {
  /** Bytes. */
  readonly size: number
  /** CRC32 (IEEE) as an unsigned 32-bit integer. */
  readonly crc32: number
}

/** What the store answered for one part, together with what we know about its bytes. */
export interface PartReceipt {
  /** 1 … 10,000 (S3 limit). A single PUT is part 1 of 1. */
  readonly partNumber: number
  /** The caller's bytes: where they start in the source, how many, their CRC32. */
  readonly source: Digest & { readonly offset: number }
  /** What the store counts; differs from `source` when a plugin changes bytes. */
  readonly stored: Digest & {
    readonly etag: string
    /** The checksum that was sent instead of the CRC32, in base64. */
    readonly checksum?: string | undefined
    /** The store answered with a digest of its own that equals ours. */
    readonly confirmed: boolean
  }
}

/** Receipts by part number, ascending. */
export const sortReceipts = (receipts: Iterable<PartReceipt>): ReadonlyArray<PartReceipt> =>
  [...receipts].sort((a, b) => a.partNumber - b.partNumber)

/** Which of 1 … `count` have no receipt. */
export const missingParts = (receipts: Iterable<PartReceipt>, count: number): ReadonlyArray<number> => {
  const have = new Set<number>()
  for (const receipt of receipts) have.add(receipt.partNumber)
  const missing: Array<number> = []
  for (let n = 1; n <= count; n++) if (!have.has(n)) missing.push(n)
  return missing
}

/**
 * Bytes of the source that are stored without a gap from the start: what a client may forget.
 * A sum over all parts would count bytes behind a gap (the fault of tus stores on S3).
 */
export const contiguousOffset = (receipts: Iterable<PartReceipt>): number => {
  let offset = 0
  for (const { source } of sortReceipts(receipts)) {
    if (source.offset !== offset) break
    offset += source.size
  }
  return offset
}

/** Sum of the stored sizes in bytes: what S3 must report for the object. */
export const storedSize = (receipts: Iterable<PartReceipt>): number => {
  let size = 0
  for (const { stored } of receipts) size += stored.size
  return size
}
