import { expect, it } from "vitest"
import { makePace } from "./pace.ts"

it("a quick line gets larger batches, up to 32 slices", () => {
  const pace = makePace()
  const seen = Array.from({ length: 5 }, () => {
    const batch = pace.batch()
    pace.taken(1)
    return batch
  })
  expect(seen).toEqual([4, 8, 16, 32, 32])
})

it("a line that takes a batch in a moment keeps its pace", () => {
  const pace = makePace()
  pace.taken(1)
  pace.taken(1_000)
  expect(pace.batch()).toBe(8)
})

it("a slow line gets smaller batches, but never fewer than 4 slices", () => {
  const pace = makePace()
  pace.taken(1)
  pace.taken(2_001)
  pace.taken(2_001)
  expect(pace.batch()).toBe(4)
})

it("an attempt that was ended makes the next one say more", () => {
  const pace = makePace()
  pace.taken(1)
  pace.taken(1)
  pace.fallBack()
  expect(pace.batch()).toBe(4)
})
