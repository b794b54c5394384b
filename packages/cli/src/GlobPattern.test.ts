import { matchesGlob } from "node:path/posix"
import { expect, it } from "vitest"
import { isPattern, matcher, splitPattern } from "./GlobPattern.ts"

/** Words over a small alphabet, the same in every run: each number is one. */
const word = (alphabet: ReadonlyArray<string>, seed: number, most: number): string => {
  let state = seed * 2_654_435_761
  const turn = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state
  }
  return Array.from({ length: 1 + (turn() % most) }, () => alphabet[(turn() >> 8) % alphabet.length] ?? "").join("")
}

it("matches what node:path matches, wherever no name begins with a dot", () => {
  let matched = 0
  for (let i = 0; i < 1_000; i++) {
    const pattern = word(["a", "b", "*", "?", "/", "**/", "[ab]", "[!a]", "{a,bb}"], i, 5)
    // Empty names are in no path below a directory.
    if (/^\/|\/\/|\/$/.test(pattern)) continue
    const matches = matcher(pattern)
    for (let j = 0; j < 20; j++) {
      const path = word(["a", "b", "c", "a/", "b/"], i * 20 + j, 5).replace(/\/$/, "")
      expect([pattern, path, matches(path)]).toEqual([pattern, path, matchesGlob(path, pattern)])
      if (matches(path)) matched++
    }
  }
  expect(matched).toBeGreaterThan(300)
})

it("takes every other character for itself", () => {
  for (const name of ["a.b", "a+b", "(a)", "a|b", "^a$", "a\\b", "naïve", "a-b"]) {
    expect(matcher(name)(name)).toBe(true)
    expect(matcher(name)(`${name}x`)).toBe(false)
  }
  expect(matcher("a.b")("axb")).toBe(false)
  expect(matcher("[.]x")("ax")).toBe(false)
  expect(matcher("*.jpg")(".hidden.jpg")).toBe(true)
  expect(matcher("[a")("[a")).toBe(true)
})

it("begins to look in the directory above the first pattern", () => {
  expect(splitPattern("a/b/*.c")).toEqual({ base: "a/b", pattern: "*.c" })
  expect(splitPattern("**/x")).toEqual({ base: ".", pattern: "**/x" })
  expect(splitPattern("/*/x")).toEqual({ base: "/", pattern: "*/x" })
  expect([isPattern("a.b"), isPattern("a/{b,c}")]).toEqual([false, true])
})
