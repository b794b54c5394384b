import { expect, it } from "vitest"
import { MiB } from "../Limits.ts"
import { makePace } from "./pace.ts"

it("a quick line gets larger batches, up to 8 MiB", () => {
  const pace = makePace()
  const seen = Array.from({ length: 5 }, () => {
    const batch = pace.batch()
    pace.taken(1)
    return batch
  })
  expect(seen).toEqual([MiB, 2 * MiB, 4 * MiB, 8 * MiB, 8 * MiB])
})

it("a line that takes a batch in a moment keeps its pace", () => {
  const pace = makePace()
  pace.taken(1)
  pace.taken(1_000)
  expect(pace.batch()).toBe(2 * MiB)
})

it("a slow line gets smaller batches, but never less than 1 MiB", () => {
  const pace = makePace()
  pace.taken(1)
  pace.taken(2_001)
  pace.taken(2_001)
  expect(pace.batch()).toBe(MiB)
})

it("an attempt that was ended makes the next one say more", () => {
  const pace = makePace()
  pace.taken(1)
  pace.taken(1)
  pace.fallBack()
  expect(pace.batch()).toBe(MiB)
})
