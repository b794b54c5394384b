/**
 * How far the items of a batch are whose bytes are on their way.
 *
 * @module
 */
import { formatSize } from "./units.ts"

export interface UnderWay {
  /** Bytes of an item, and how many there will be. */
  readonly moved: (item: string, bytes: number, total: number | undefined) => void
  readonly ended: (item: string) => void
  /** Empty when nothing is on its way. `before`: bytes of the items that have ended. */
  readonly words: (before: number) => string
}

/** Shortest time between two looks at the speed, in milliseconds. */
const speedEveryMs = 1_000

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((a, b) => a + b, 0)

/** `now`: milliseconds, since whenever. */
export const makeUnderWay = (now: () => number): UnderWay => {
  const items = new Map<string, { readonly bytes: number; readonly total: number | undefined }>()
  let speed = 0
  let seen = { at: now(), bytes: 0 }
  return {
    moved: (item, bytes, total) => void items.set(item, { bytes, total }),
    ended: (item) => void items.delete(item),
    words: (before) => {
      if (items.size === 0) return ""
      const all = [...items.values()]
      const bytes = sum(all.map(({ bytes }) => bytes))
      const total = sum(all.map(({ total }) => total ?? Number.NaN))
      const elapsed = now() - seen.at
      if (elapsed >= speedEveryMs) {
        speed = (Math.max(0, before + bytes - seen.bytes) / elapsed) * 1_000
        seen = { at: now(), bytes: before + bytes }
      }
      const of = Number.isNaN(total) ? "" : ` of ${formatSize(total)}`
      return `${items.size} under way: ${formatSize(bytes)}${of}${speed > 0 ? `  ${formatSize(speed)}/s` : ""}`
    }
  }
}
