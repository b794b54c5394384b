import { expect, it } from "vitest"
import { corsProblems, corsRules, mergeCors } from "./Cors.ts"

it("the rule lets a page send parts and read what it needs to complete them", () => {
  const [rule] = corsRules({ origins: ["https://app.example.com"] })
  expect(rule).toMatchObject({ AllowedOrigins: ["https://app.example.com"], MaxAgeSeconds: 3_600 })
  expect(rule?.AllowedMethods).toContain("PUT")
  expect(rule?.ExposeHeaders).toEqual(expect.arrayContaining(["ETag", "x-amz-checksum-crc32"]))
})

it("an origin is a scheme and a host", () => {
  expect(corsProblems({ origins: ["*", "https://*.example.com", "http://localhost:5173"] })).toEqual([])
  for (const origin of ["app.example.com", "https://app.example.com/", "https://a/b", "ftp://a", "null", ""]) {
    expect(corsProblems({ origins: [origin] }), origin).toHaveLength(1)
  }
  expect(() => corsRules({ origins: [] })).toThrow("name an origin")
})

it("rules of others stay", () => {
  const theirs = [{ ID: "web", AllowedOrigins: ["*"], AllowedMethods: ["GET"] }]
  const merged = mergeCors(theirs, corsRules({ origins: ["*"] }))
  expect(merged.rules[0]).toEqual(theirs[0])
  expect(merged.changes).toMatchObject([{ change: "added" }])
})
