import { describe, expect, it } from "vitest"
import { childText, parseXml, xmlDocument } from "./Xml.ts"

describe("Xml", () => {
  it("writes names with any character and reads them back", () => {
    const key = `<&>"' \t\u0001 ä \u{1F600}`
    expect(childText(parseXml(xmlDocument("R", { Key: key })), "Key")).toBe(key)
  })

  it("reads what S3 clients send: a declaration, a namespace, white space, empty elements, references", () => {
    const root = parseXml(
      `<?xml version="1.0" encoding='UTF-8'?>\n<C xmlns="http://x/">\n <P><N>1</N><E>&quot;a&#x62;&#99;&quot;</E></P>\n <P a='1'/>\n</C>\n`
    )
    expect(root.children.map(({ name }) => name)).toEqual(["P", "P"])
    expect(root.children[0]?.children.map(({ text }) => text)).toEqual(["1", '"abc"'])
  })

  it.each([
    "",
    "text",
    "<a>",
    "</a>",
    "<a></b>",
    "<a/><b/>",
    "<a>text<b/></a>",
    "<a>&unknown;</a>",
    "<a>&amp</a>",
    "<a>&#x110000;</a>",
    "<a b=1/>",
    "< a/>",
    "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    "<a><![CDATA[x]]></a>",
    "<a/>trailing"
  ])("refuses %j", (text) => {
    expect(() => parseXml(text)).toThrow(expect.objectContaining({ code: "MalformedXML" }))
  })
})
