import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { contiguousOffset, missingParts, type PartReceipt, sortReceipts, storedSize } from "./Part.ts"

/** Receipts of parts in a row, each stored with `overhead` more bytes. */
const inARow = (sizes: ReadonlyArray<number>, overhead = 0): ReadonlyArray<PartReceipt> => {
  let offset = 0
  return sizes.map((size, index) => {
    const source = { offset, size, crc32: 0 }
    offset += size
    return { partNumber: index + 1, source, stored: { size: size + overhead, crc32: 0, etag: "e", confirmed: true } }
  })
}

const sizes = fc.array(fc.integer({ min: 1, max: 1_000 }), { maxLength: 40 })
/** Some of the receipts, in any order, as parts finish. */
const arrived = sizes.chain((all) => fc.tuple(fc.constant(inARow(all)), fc.shuffledSubarray([...inARow(all)])))

describe("receipts", () => {
  it("are sorted by part number, whatever order they came in", () => {
    fc.assert(
      fc.property(arrived, ([, some]) => {
        const numbers = sortReceipts(some).map(({ partNumber }) => partNumber)
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
        expect(numbers).toHaveLength(some.length)
      })
    )
  })

  it("and the missing parts together are all parts", () => {
    fc.assert(
      fc.property(arrived, ([all, some]) => {
        const have = some.map(({ partNumber }) => partNumber)
        const missing = missingParts(some, all.length)
        expect([...have, ...missing].sort((a, b) => a - b)).toEqual(all.map(({ partNumber }) => partNumber))
      })
    )
  })
})

describe("the contiguous offset", () => {
  it("ends at the first gap: bytes behind it may not be forgotten", () => {
    fc.assert(
      fc.property(arrived, ([all, some]) => {
        const gap = missingParts(some, all.length)[0]
        const expected = all
          .filter(({ partNumber }) => gap === undefined || partNumber < gap)
          .reduce((sum, { source }) => sum + source.size, 0)
        expect(contiguousOffset(some)).toBe(expected)
      })
    )
  })

  it("counts the caller's bytes, not what plugins made of them", () => {
    const receipts = inARow([5, 5, 3], 28)
    expect(contiguousOffset(receipts)).toBe(13)
    expect(storedSize(receipts)).toBe(13 + 3 * 28)
  })

  it("is 0 with no receipts, and with all but the first", () => {
    expect(contiguousOffset([])).toBe(0)
    expect(contiguousOffset(inARow([1, 2, 3]).slice(1))).toBe(0)
  })
})
