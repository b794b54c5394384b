/**
 * The events of one upload, kept for listeners that come late or are slow.
 *
 * @module
 */
import type { UploadEvent } from "../UploadEvent.ts"

export interface EventHistory {
  readonly add: (event: UploadEvent) => void
  /** No event follows. */
  readonly end: () => void
  /** What is kept and then what comes, each once and in order; ends with the history. */
  readonly follow: () => AsyncGenerator<UploadEvent, void, undefined>
}

/** Keeps at most `limit` events: the first, which says how the upload started, and the newest. */
export const makeEventHistory = (limit: number): EventHistory => {
  const kept: Array<{ readonly number: number; readonly event: UploadEvent }> = []
  const waiting = new Set<() => void>()
  let count = 0
  let ended = false

  const wakeAll = (): void => {
    for (const wake of waiting) wake()
    waiting.clear()
  }

  return {
    add: (event) => {
      if (kept.length >= limit) kept.splice(limit > 1 ? 1 : 0, 1)
      kept.push({ number: ++count, event })
      wakeAll()
    },
    end: () => {
      ended = true
      wakeAll()
    },
    follow: async function* () {
      // By number: what a slow listener saw last may not be kept any more.
      let seen = 0
      while (true) {
        const from = kept.findLastIndex(({ number }) => number <= seen) + 1
        for (const { number, event } of kept.slice(from)) {
          seen = number
          yield event
        }
        if (seen < count) continue
        if (ended) return
        await new Promise<void>((resolve) => waiting.add(resolve))
      }
    }
  }
}
