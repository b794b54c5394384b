import type { Segment } from "./Records.ts"

/** The segments that make up bytes `[offset, offset + length)` of their concatenation. */
export function slice(segments: ReadonlyArray<Segment>, offset: number, length: number): ReadonlyArray<Segment> {
  const slices: Array<Segment> = []
  let start = 0
  for (const segment of segments) {
    const from = Math.max(offset, start)
    const to = Math.min(offset + length, start + segment.length)
    if (from < to) slices.push({ blob: segment.blob, offset: segment.offset + from - start, length: to - from })
    start += segment.length
  }
  return slices
}
