import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { all, readXml, textOf, type XmlElement } from "./read-xml.ts"

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,8}$/)
const words = fc.string({ unit: "binary", maxLength: 20 })

const tree = fc.letrec<{ element: XmlElement }>((tie) => ({
  element: fc.record({
    name,
    text: words,
    children: fc.oneof({ maxDepth: 4 }, fc.constant([]), fc.array(tie("element"), { maxLength: 3 }))
  })
})).element

const escaped = (text: string, style: number): string =>
  style === 0 && !text.includes("]]>")
    ? `<![CDATA[${text}]]>`
    : Array.from(text, (c) =>
        /[&<>"']/.test(c) || style === 1 ? `&#x${(c.codePointAt(0) ?? 0).toString(16)};` : c
      ).join("")

/** The same document in other clothes: prefixes, attributes, comments, references, CDATA. */
const written = ({ name, text, children }: XmlElement, style: number): string => {
  const tag = style === 1 ? `s3:${name}` : name
  const attributes = style === 2 ? ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/" a='>'` : ""
  return `<${tag}${attributes}>${escaped(text, style)}<!-- & -->${children.map((child) => written(child, style)).join("")}</${tag}>`
}

describe("a document", () => {
  it("is read as it was written, whatever its clothes", () => {
    fc.assert(
      fc.property(tree, fc.integer({ min: 0, max: 3 }), (element, style) => {
        const prolog = style === 3 ? "" : '\uFEFF<?xml version="1.0" encoding="UTF-8"?>\n'
        expect(readXml(`${prolog}${written(element, style)}\n \n`)).toEqual(element)
      })
    )
  })

  it("that was cut anywhere is none", () => {
    fc.assert(
      fc.property(tree, fc.double({ min: 0, max: 0.999, noNaN: true }), (element, where) => {
        const whole = written(element, 2)
        expect(readXml(whole.slice(0, Math.floor(whole.length * where)))).toBeUndefined()
      })
    )
  })

  it("never throws, whatever is called one", () => {
    fc.assert(fc.property(fc.stringMatching(/^[<>&;/a#x!?\-[\]"'= \n]{0,40}$/), (text) => void readXml(text)))
  })

  it.each([
    ["nothing", ""],
    ["a page", "<!DOCTYPE html><html><body>Sign in</body></html>"],
    ["a page without a type", "<html><body><br>Sign in</body></html>"],
    ["a document that defines entities", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ["an entity that nobody knows", "<a>&nbsp;</a>"],
    ["a reference to no character", "<a>&#x110000;</a>"],
    ["two roots", "<a/><b/>"],
    ["text outside", "a <b/>"],
    ["tags that cross", "<a><b></a></b>"],
    ["a depth that no answer has", `${"<a>".repeat(50)}${"</a>".repeat(50)}`]
  ])("is not %s", (_, text) => expect(readXml(text)).toBeUndefined())

  it("gives children by their local name", () => {
    const root = readXml("<r xmlns:x='u'><x:Part>1</x:Part><Part>2</Part><ETag>&quot;a&quot;</ETag></r>")
    expect(root && all(root, "Part").map(({ text }) => text)).toEqual(["1", "2"])
    expect([textOf(root, "ETag"), textOf(root, "Size"), textOf(undefined, "Size")]).toEqual([
      '"a"',
      undefined,
      undefined
    ])
  })
})
