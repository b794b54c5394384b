import type { MarkerRecord, Version } from "./Records.ts"

/** What a delete did: the version that is gone, or the delete marker that came. `undefined`: nothing was there. */
export interface Deletion {
  readonly removed?: Version
  readonly marker?: MarkerRecord
}

export interface DeleteOptions {
  /** When a delete marker was made. */
  readonly now: number
  /** That version for good, `"null"` for the null version; without it, what versioning makes of a delete. */
  readonly versionId?: string | undefined
  /** Refuses by throwing; it sees what would be removed. */
  readonly check?: (current: Version | undefined) => void
}
