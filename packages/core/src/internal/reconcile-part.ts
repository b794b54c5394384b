import { normalizeEtag } from "../Checksum.ts"
import type { ListedPart } from "../ObjectStore.ts"
import type { PartReceipt } from "../Part.ts"

/** The three digests of one part (DESIGN §5): journalled, the source's now, the store's. */
export interface ThreeDigests {
  readonly journalled: PartReceipt | undefined
  readonly source: PartReceipt["source"]
  readonly listed: ListedPart | undefined
  /** MD5 of the source's bytes in hex; asked only where the store shows nothing better, undefined where unknown. */
  readonly md5: () => string | undefined
}

/** What becomes of the part: it is in the store, it is sent (again), or the source is not what it was. */
export type Verdict =
  | { readonly _tag: "Stored"; readonly receipt: PartReceipt }
  | { readonly _tag: "Send" }
  | { readonly _tag: "Changed" }

const send: Verdict = { _tag: "Send" }

/**
 * Decides about one part of an earlier run. Pure.
 *
 * The source is held against the journal, then the store against both: what the store lists is taken only
 * when its size and a digest of its bytes agree with ours. Without a journalled receipt (the process died
 * between the store's answer and ours, or there never was a journal) the store's digest must equal the source's.
 */
export const reconcilePart = ({ journalled, source, listed, md5 }: ThreeDigests): Verdict => {
  if (journalled !== undefined) {
    const then = journalled.source
    if (then.offset !== source.offset || then.size !== source.size || then.crc32 !== source.crc32) {
      return { _tag: "Changed" }
    }
    const { stored } = journalled
    if (listed === undefined || listed.size !== stored.size) return send
    if (normalizeEtag(listed.etag) !== normalizeEtag(stored.etag)) return send
    if (listed.crc32 !== undefined && listed.crc32 !== stored.crc32) return send
    return { _tag: "Stored", receipt: journalled }
  }
  if (listed === undefined || listed.size !== source.size) return send
  const same = listed.crc32 === undefined ? md5() === normalizeEtag(listed.etag) : listed.crc32 === source.crc32
  if (!same) return send
  return {
    _tag: "Stored",
    receipt: {
      partNumber: listed.partNumber,
      source,
      stored: { size: listed.size, crc32: source.crc32, etag: normalizeEtag(listed.etag), confirmed: true }
    }
  }
}
