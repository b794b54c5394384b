import * as fc from "fast-check"
import { expect, it } from "vitest"
import { missingRanges } from "./missing-ranges.ts"
import { clampRange, planRanges, type Range } from "./plan-ranges.ts"

/** How often each byte is in one of the ranges. */
const covered = (size: number, ranges: ReadonlyArray<Range>): ReadonlyArray<number> => {
  const times = Array.from({ length: size }, () => 0)
  for (const { offset, size } of ranges)
    for (let at = offset; at < offset + size; at++) times[at] = (times[at] ?? 0) + 1
  return times
}

const size = fc.integer({ min: 0, max: 200 })
const range = fc.record({ offset: fc.integer({ min: 0, max: 199 }), size: fc.integer({ min: 1, max: 50 }) })

it("ranges of a plan hold every byte once, in order, none larger than asked and only the last smaller", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 50 }), size, fc.integer({ min: 1, max: 60 }), (offset, size, rangeSize) => {
      const plan = planRanges({ offset, size }, rangeSize)
      const ranges = Array.from({ length: plan.count }, (_, index) => plan.at(index)).filter((r) => r !== undefined)
      expect(covered(offset + size, ranges)).toEqual([
        ...Array.from({ length: offset }, () => 0),
        ...Array.from({ length: size }, () => 1)
      ])
      expect(ranges.slice(0, -1).every((r) => r.size === rangeSize)).toBe(true)
      expect([plan.at(-1), plan.at(plan.count)]).toEqual([undefined, undefined])
    })
  )
})

it("what is missing and what is finished hold every byte, and no missing byte is finished", () => {
  fc.assert(
    fc.property(size, fc.array(range), fc.integer({ min: 1, max: 60 }), (size, some, rangeSize) => {
      const finished = some.filter(({ offset, size: length }) => offset + length <= size)
      const missing = missingRanges(size, finished, rangeSize)
      const done = covered(size, finished)
      expect(covered(size, missing)).toEqual(done.map((times) => (times === 0 ? 1 : 0)))
      expect(missing.every((r) => r.size >= 1 && r.size <= rangeSize)).toBe(true)
    })
  )
})

it("a range is held to the bytes that are there", () => {
  expect(clampRange(10, 4)).toEqual({ offset: 4, size: 6 })
  expect(clampRange(10, 4, 3)).toEqual({ offset: 4, size: 3 })
  expect(clampRange(10, 8, 100)).toEqual({ offset: 8, size: 2 })
  expect(clampRange(10, 11, 100)).toEqual({ offset: 10, size: 0 })
})
