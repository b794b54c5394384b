import { describe, expect, it } from "vitest"
import { tagHeader, tagsFromHeader, tagsFromXml, tagsOf } from "./Tags.ts"
import { parseXml } from "./Xml.ts"

const xml = (tags: string) => parseXml(`<Tagging><TagSet>${tags}</TagSet></Tagging>`)
const tag = (key: string, value: string) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`

describe("tags", () => {
  it("survive their header form, whatever script they are in", () => {
    const tags = tagsFromXml(xml(tag("ключ 1", "ä=b+c/d@e:f") + tag("empty", "")))
    expect(tags).toEqual([
      ["ключ 1", "ä=b+c/d@e:f"],
      ["empty", ""]
    ])
    expect(tagsOf(tagHeader(tags))).toEqual(tags)
  })

  it.each([
    ["a key of AWS's own", tag("aws:x", "1"), "InvalidTag"],
    ["a character that is not allowed", tag("k", "a&amp;b"), "InvalidTag"],
    ["two of one key", tag("k", "1") + tag("k", "2"), "InvalidTag"],
    ["eleven", Array.from({ length: 11 }, (_, n) => tag(`k${n}`, "v")).join(""), "BadRequest"],
    ["something that is no tag", "<Label/>", "MalformedXML"],
    ["a tag without a value", "<Tag><Key>k</Key></Tag>", "MalformedXML"]
  ])("%s is refused", (_, tags, code) => {
    expect(() => tagsFromXml(xml(tags))).toThrow(expect.objectContaining({ code }))
  })

  it("in a header are held to the same rules, and to those of a query", () => {
    expect(() => tagsFromHeader("k=1&k=2")).toThrow(expect.objectContaining({ code: "InvalidArgument" }))
    expect(() => tagsFromHeader("k=%zz")).toThrow(expect.objectContaining({ code: "InvalidArgument" }))
    expect(() => tagsFromHeader(`k=${"v".repeat(257)}`)).toThrow(expect.objectContaining({ code: "InvalidTag" }))
    expect(tagsFromHeader(undefined)).toEqual([])
  })
})
