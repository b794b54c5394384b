/**
 * What a reading tells of itself.
 *
 * @module
 */
import { slabSize } from "../Defaults.ts"
import type { ReadControl, ReadProgress } from "../Objects.ts"

/** Bytes between two tellings. */
const step = slabSize

export interface ReadProgressTeller {
  readonly expect: (total: number | undefined) => void
  readonly received: (bytes: number) => void
  /** Bytes that are on disk from an earlier run. */
  readonly found: (bytes: number) => void
  readonly retried: () => void
  /** All that was expected is here. */
  readonly ended: () => void
}

export const makeReadProgress = (onProgress: ReadControl["onProgress"]): ReadProgressTeller => {
  let progress: ReadProgress = { total: undefined, received: 0, found: 0, percent: undefined, retries: 0 }
  let told = 0
  const tell = (): void => {
    told = progress.received
    const { received, total } = progress
    const percent = total === undefined ? undefined : total === 0 ? 100 : Math.floor((received / total) * 10_000) / 100
    try {
      onProgress?.({ ...progress, percent })
    } catch {
      // A listener's own trouble is none of the reading's.
    }
  }
  return {
    expect: (total) => {
      progress = { ...progress, total }
      tell()
    },
    received: (bytes) => {
      progress = { ...progress, received: progress.received + bytes }
      if (progress.received - told >= step) tell()
    },
    found: (bytes) => {
      progress = { ...progress, received: progress.received + bytes, found: progress.found + bytes }
      tell()
    },
    retried: () => {
      progress = { ...progress, retries: progress.retries + 1 }
      tell()
    },
    ended: () => {
      const received = progress.total ?? progress.received
      progress = { ...progress, received, total: received }
      tell()
    }
  }
}
