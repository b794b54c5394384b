import { describe, expect, it } from "vitest"
import { contentTypeOf } from "./content-type.ts"

describe("the content type of a name", () => {
  it.each([
    ["intro.mp4", "video/mp4"],
    ["talks/2026/intro.MP4", "video/mp4"],
    ["C:\\files\\rows.csv", "text/csv; charset=utf-8"],
    ["page.html", "text/html; charset=utf-8"],
    ["data.parquet", "application/vnd.apache.parquet"]
  ])("%s is %s", (name, type) => expect(contentTypeOf(name)).toBe(type))

  it("goes by the last extension only", () => {
    expect(contentTypeOf("backup.tar.gz")).toBe("application/gzip")
    expect(contentTypeOf("page.html.bak")).toBeUndefined()
    expect(contentTypeOf("page.html/upload")).toBeUndefined()
  })

  it.each([
    [undefined],
    [""],
    ["README"],
    [".html"],
    ["dir/.gitignore"],
    ["file."],
    ["a.unheard-of"],
    ["x.constructor"]
  ])("is not guessed for %s", (name) => expect(contentTypeOf(name)).toBeUndefined())
})
