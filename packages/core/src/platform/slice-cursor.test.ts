import * as fc from "fast-check"
import { expect, it } from "vitest"
import { makeSliceCursor } from "./slice-cursor.ts"

it("gives the same bytes in the same order, however they are taken", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 20 })
  fc.assert(
    fc.property(sizes, fc.array(fc.integer({ min: 1, max: 50 })), (lengths, takes) => {
      const total = lengths.reduce((sum, length) => sum + length, 0)
      const bytes = Uint8Array.from({ length: total }, (_, i) => i)
      const slices: Array<Uint8Array> = []
      for (let at = 0, i = 0; at < total; at += lengths[i++] ?? total) {
        slices.push(bytes.subarray(at, at + (lengths[i] ?? total)))
      }
      const cursor = makeSliceCursor(slices)
      const taken: Array<number> = []
      for (const take of [...takes, total]) {
        const views = cursor.take(take)
        const got = views.reduce((sum, view) => sum + view.length, 0)
        expect(got).toBe(Math.min(take, total - taken.length))
        for (const view of views) taken.push(...view)
        expect(cursor.ahead(total + 1)).toBe(total - taken.length)
        expect(cursor.ended()).toBe(taken.length === total)
      }
      expect(taken).toEqual([...bytes])
    })
  )
})

it("gives whole slices as they are, and views of the others", () => {
  const slices = [Uint8Array.of(1, 2), Uint8Array.of(3, 4, 5), Uint8Array.of(6)]
  const cursor = makeSliceCursor(slices)
  expect(cursor.ahead(5)).toBe(5)
  expect(cursor.ahead(9)).toBe(6)
  expect(cursor.take(2)[0]).toBe(slices[0])
  expect(cursor.take(1)[0]?.buffer).toBe(slices[1]?.buffer)
  expect(cursor.ahead(9)).toBe(3)
  expect(cursor.take(9)).toEqual([Uint8Array.of(4, 5), Uint8Array.of(6)])
  expect([cursor.ahead(1), cursor.ended(), cursor.take(1)]).toEqual([0, true, []])
})

it("has nothing left when all that is left is empty", () => {
  expect(makeSliceCursor([new Uint8Array(0)]).ended()).toBe(true)
  const cursor = makeSliceCursor([new Uint8Array(0), Uint8Array.of(1), new Uint8Array(0)])
  expect(cursor.take(1).flatMap((slice) => [...slice])).toEqual([1])
  expect(cursor.ended()).toBe(true)
})
