import type { Range } from "./plan-ranges.ts"

/** What is left of `size` bytes beside those that are finished, in ranges of at most `rangeSize` bytes. Pure. */
export const missingRanges = (
  size: number,
  finished: ReadonlyArray<Range>,
  rangeSize: number
): ReadonlyArray<Range> => {
  const missing: Array<Range> = []
  let at = 0
  const upTo = (end: number): void => {
    for (; at < end; at = Math.min(end, at + rangeSize))
      missing.push({ offset: at, size: Math.min(rangeSize, end - at) })
  }
  for (const range of finished.toSorted((a, b) => a.offset - b.offset)) {
    upTo(range.offset)
    at = Math.max(at, range.offset + range.size)
  }
  upTo(size)
  return missing
}
