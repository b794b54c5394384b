import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { slabSize } from "../Defaults.ts"
import { isShared, makeSlabBlocks, slabsPerBlock, viewOf } from "./slab-blocks.ts"

const inARow = (slabs: ReadonlyArray<Uint8Array>): boolean => viewOf(slabs, 0, slabs.length * slabSize).length === 1

describe("slab blocks", () => {
  it("lay a part's slabs side by side, taken at once or one after the other", () => {
    const blocks = makeSlabBlocks(() => 64)
    expect(inARow(blocks.take(slabsPerBlock, undefined))).toBe(true)
    const slabs: Array<Uint8Array> = []
    for (let i = 0; i < 20; i++) slabs.push(...blocks.take(1, slabs.at(-1)))
    expect(inARow(slabs)).toBe(true)
  })

  it("lay the slabs of two parts that are filled by turns side by side as far as they go", () => {
    const blocks = makeSlabBlocks(() => 64)
    const parts: [Array<Uint8Array>, Array<Uint8Array>] = [[], []]
    for (let i = 0; i < 16; i++) for (const part of parts) part.push(...blocks.take(1, part.at(-1)))
    for (const part of parts) expect(new Set(part).size).toBe(16)
  })

  it("use again what was used before they grow", () => {
    const blocks = makeSlabBlocks(() => 128)
    const first = blocks.take(8, undefined)
    blocks.give(first)
    expect(blocks.take(8, undefined)).toEqual(first)
    expect(blocks.size()).toBe(slabsPerBlock)
  })

  it("give scattered slabs when no more are in a row", () => {
    const blocks = makeSlabBlocks(() => 32)
    const all = blocks.take(32, undefined)
    blocks.give(all.filter((_, i) => i % 2 === 0))
    expect(blocks.take(16, undefined)).toHaveLength(16)
    expect(blocks.size()).toBe(32)
  })

  it("grow beyond the limit for who must have memory, and shrink again", () => {
    const blocks = makeSlabBlocks(() => 4)
    const slabs = blocks.take(10, undefined)
    expect(new Set(slabs).size).toBe(10)
    blocks.give(slabs)
    blocks.shrink(4)
    expect(blocks.size()).toBeLessThanOrEqual(6)
  })

  it("are shared memory from a moment on; the others go when their last slab comes back", () => {
    const blocks = makeSlabBlocks(() => 8)
    const before = blocks.take(2, undefined)
    blocks.share()
    const after = blocks.take(2, before.at(-1))
    expect([before.some(isShared), after.every(isShared)]).toEqual([false, true])
    blocks.give(before)
    blocks.give(after)
    expect(blocks.take(8, undefined).every(isShared)).toBe(true)
  })

  it("never give a slab twice, and the limit's worth of memory is enough for the limit's worth of slabs", () => {
    const step = fc.record({ take: fc.integer({ min: 1, max: 40 }), give: fc.nat(), follow: fc.boolean() })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.array(step), (limit, steps) => {
        const blocks = makeSlabBlocks(() => limit)
        const held: Array<ReadonlyArray<Uint8Array>> = []
        let used = 0
        for (const { take, give, follow } of steps) {
          if (used + take <= limit) {
            const slabs = blocks.take(take, follow ? held.at(-1)?.at(-1) : undefined)
            expect(slabs).toHaveLength(take)
            held.push(slabs)
            used += take
          } else if (held.length > 0) {
            const [back = []] = held.splice(give % held.length, 1)
            blocks.give(back)
            used -= back.length
          }
          const all = held.flat()
          expect(new Set(all).size).toBe(all.length)
          expect(blocks.size()).toBeLessThanOrEqual(limit)
        }
      })
    )
  })
})

describe("a view on slabs", () => {
  it("shows exactly the bytes it is asked for, in order, in as few pieces as neighbours allow", () => {
    const blocks = makeSlabBlocks(() => 3)
    const [a, b, c] = blocks.take(3, undefined)
    if (a === undefined || b === undefined || c === undefined) return expect.fail("three slabs were taken")
    for (const [slab, byte] of [
      [a, 1],
      [b, 2],
      [c, 3]
    ] as const) {
      slab.fill(byte)
    }
    expect(viewOf([a, b, c], 1, 3 * slabSize - 1).map((view) => view.length)).toEqual([3 * slabSize - 2])
    const apart = viewOf([a, c, b], slabSize - 1, 2 * slabSize + 1)
    expect(apart.map((view) => [view.length, view[0]])).toEqual([
      [1, 1],
      [slabSize, 3],
      [1, 2]
    ])
    expect(viewOf([a], 5, 5)).toEqual([])
  })
})
