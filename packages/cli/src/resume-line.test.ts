import { expect, it } from "vitest"
import { resumeLine } from "./resume-line.ts"

it("names the session, and what the next process cannot know", () => {
  expect(resumeLine("/a.bin", { directory: "/state", byFlag: false })("5e55")).toBe("sluice resume 5e55")
  expect(resumeLine("-", { directory: "/state", byFlag: false })("5e55")).toBe("sluice resume 5e55 -")
  expect(resumeLine("/a.bin", { directory: "/my state's", byFlag: true })("5e55")).toBe(
    "sluice resume 5e55 --journal '/my state'\\''s'"
  )
})
