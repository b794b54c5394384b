/**
 * How bytes are read: consecutive ranges of one size. Pure.
 *
 * @module
 */

/** Bytes of an object. */
export interface Range {
  /** Where it starts, in bytes. */
  readonly offset: number
  /** Bytes; never 0. */
  readonly size: number
}

/** Ranges that are made as they are asked for: an object of 50 TB has millions. */
export interface RangePlan {
  readonly count: number
  /** The range of an index from 0 to `count` − 1; undefined beyond. */
  readonly at: (index: number) => Range | undefined
}

/** The bytes from `offset` on, `size` of them, in ranges of `rangeSize` bytes; the last has what is left. */
export const planRanges = ({ offset, size }: Range, rangeSize: number): RangePlan => {
  const count = Math.ceil(size / rangeSize)
  return {
    count,
    at: (index) =>
      Number.isInteger(index) && index >= 0 && index < count
        ? { offset: offset + index * rangeSize, size: Math.min(rangeSize, size - index * rangeSize) }
        : undefined
  }
}

/** What is left of `size` bytes when `length` are wanted from `offset` on (without it: all); fewer where they end. */
export const clampRange = (size: number, offset: number, length = Number.POSITIVE_INFINITY): Range => {
  const from = Math.min(Math.max(0, offset), size)
  return { offset: from, size: Math.max(0, Math.min(length, size - from)) }
}
