import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { ListedPart } from "../ObjectStore.ts"
import type { PartReceipt } from "../Part.ts"
import { reconcilePart } from "./reconcile-part.ts"

/** A part's content, as far as digests tell: equal ids are equal bytes. */
interface Content {
  readonly id: number
  readonly size: number
}
const etagOf = ({ id }: Content): string => id.toString(16).padStart(32, "0")
const offset = 100

const sourceOf = ({ id, size }: Content): PartReceipt["source"] => ({ offset, size, crc32: id })
const receiptOf = (content: Content): PartReceipt => ({
  partNumber: 1,
  source: sourceOf(content),
  stored: { size: content.size, crc32: content.id, etag: etagOf(content), confirmed: true }
})
const listedOf = (content: Content, showsCrc: boolean): ListedPart => ({
  partNumber: 1,
  size: content.size,
  etag: `"${etagOf(content)}"`,
  crc32: showsCrc ? content.id : undefined
})

const content = fc.record({ id: fc.integer({ min: 1, max: 4 }), size: fc.integer({ min: 1, max: 3 }) })
const maybe = fc.option(content, { nil: undefined })

const verdictOf = (then: Content | undefined, now: Content, held: Content | undefined, showsCrc: boolean) =>
  reconcilePart({
    journalled: then === undefined ? undefined : receiptOf(then),
    source: sourceOf(now),
    listed: held === undefined ? undefined : listedOf(held, showsCrc),
    md5: () => etagOf(now)
  })

const same = (a: Content | undefined, b: Content): boolean => a?.id === b.id && a.size === b.size

describe("a part of an earlier run", () => {
  it("is another source where the journal knows other bytes, whatever the store has", () => {
    fc.assert(
      fc.property(content, content, maybe, fc.boolean(), (then, now, held, showsCrc) => {
        const verdict = verdictOf(then, now, held, showsCrc)
        expect(verdict._tag === "Changed").toBe(!same(then, now))
      })
    )
  })

  it("is taken as stored only when the store's bytes are the source's, and then it is not sent", () => {
    fc.assert(
      fc.property(maybe, content, maybe, fc.boolean(), (journalled, now, held, showsCrc) => {
        const then = journalled === undefined || same(journalled, now) ? journalled : undefined
        const verdict = verdictOf(then, now, held, showsCrc)
        expect(verdict._tag).toBe(same(held, now) ? "Stored" : "Send")
      })
    )
  })

  it("has a receipt of the source's digests, journalled or made from what the store shows", () => {
    fc.assert(
      fc.property(content, fc.boolean(), fc.boolean(), (now, journalled, showsCrc) => {
        const verdict = verdictOf(journalled ? now : undefined, now, now, showsCrc)
        expect(verdict).toEqual({ _tag: "Stored", receipt: receiptOf(now) })
      })
    )
  })

  it("is another source when it begins elsewhere: the layout is another", () => {
    const part: Content = { id: 1, size: 2 }
    const verdict = reconcilePart({
      journalled: receiptOf(part),
      source: { ...sourceOf(part), offset: offset + 1 },
      listed: listedOf(part, true),
      md5: () => undefined
    })
    expect(verdict._tag).toBe("Changed")
  })

  it("is sent again where the store shows no digest that we can compare", () => {
    const part: Content = { id: 1, size: 2 }
    const listed = { ...listedOf(part, false), etag: "opaque" }
    const asked = { journalled: undefined, source: sourceOf(part), listed }
    expect(reconcilePart({ ...asked, md5: () => undefined })._tag).toBe("Send")
    expect(reconcilePart({ ...asked, md5: () => etagOf(part) })._tag).toBe("Send")
  })

  it("whose stored bytes a plugin made is compared by what the journal knows of them", () => {
    const sealed: PartReceipt = {
      partNumber: 1,
      source: { offset, size: 2, crc32: 1 },
      stored: { size: 18, crc32: 9, etag: "e", confirmed: true }
    }
    const ask = (listed: ListedPart) =>
      reconcilePart({ journalled: sealed, source: sealed.source, listed, md5: () => undefined })._tag
    expect(ask({ partNumber: 1, size: 18, etag: "e", crc32: 9 })).toBe("Stored")
    expect(ask({ partNumber: 1, size: 18, etag: "e", crc32: undefined })).toBe("Stored")
    expect(ask({ partNumber: 1, size: 18, etag: "e", crc32: 8 })).toBe("Send")
    expect(ask({ partNumber: 1, size: 18, etag: "f", crc32: 9 })).toBe("Send")
    expect(ask({ partNumber: 1, size: 2, etag: "e", crc32: 9 })).toBe("Send")
  })
})

describe("an upload resumed part by part, against a model of the store", () => {
  it("ends with the source's bytes and sends nothing that was there, or is refused as another source", () => {
    const parts = fc.array(fc.record({ now: content, before: maybe, held: maybe, showsCrc: fc.boolean() }), {
      minLength: 1,
      maxLength: 12
    })
    fc.assert(
      fc.property(parts, (upload) => {
        const store = upload.map(({ held }) => held)
        const sent: Array<number> = []
        for (const [index, { now, before, showsCrc }] of upload.entries()) {
          const verdict = verdictOf(before, now, store[index], showsCrc)
          if (verdict._tag === "Changed") {
            expect(before !== undefined && !same(before, now)).toBe(true)
            return
          }
          if (verdict._tag === "Stored") continue
          store[index] = now
          sent.push(index)
        }
        expect(store).toEqual(upload.map(({ now }) => now))
        expect(sent.filter((index) => same(upload[index]?.held, store[index] ?? { id: 0, size: 0 }))).toEqual([])
      })
    )
  })
})
