import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import {
  formatSeconds,
  formatSize,
  type Parse,
  parseCount,
  parseDuration,
  parseOneOf,
  parseSize,
  within
} from "./units.ts"

const valueOf = <A>(parse: Parse<A>, text: string) => Result.getOrUndefined(parse(text))

describe("sizes", () => {
  it.each([
    ["8MiB", 8 * 2 ** 20],
    ["1.5 GiB", 1.5 * 2 ** 30],
    ["10MB", 10e6],
    ["5242880", 5_242_880],
    ["12 B", 12],
    ["8 mib", 8 * 2 ** 20]
  ])("reads %s", (text, bytes) => expect(valueOf(parseSize, text)).toBe(bytes))

  it.each(["", "MiB", "-1", "8 XiB", "1e6", "0.5", "8MiB!", "99999999999999999999"])("refuses %j", (text) =>
    expect(valueOf(parseSize, text)).toBeUndefined()
  )

  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [12.34 * 2 ** 20, "12.3 MiB"],
    [1.234 * 2 ** 30, "1.23 GiB"],
    [0.4, "0 B"]
  ])("writes %d as %s", (bytes, text) => expect(formatSize(bytes)).toBe(text))
})

describe("durations", () => {
  it.each([
    ["500", 500],
    ["250ms", 250],
    ["5 seconds", 5_000],
    ["1 second", 1_000],
    ["10 minutes", 600_000],
    ["2h", 7_200_000]
  ])("reads %s", (text, ms) => expect(valueOf(parseDuration, text)).toBe(ms))

  it.each(["soon", "5 lightyears", "-5s", "1.0001s"])("refuses %j", (text) =>
    expect(valueOf(parseDuration, text)).toBeUndefined()
  )

  it.each([
    [0.04, "0.0 s"],
    [9.96, "10.0 s"],
    [45.2, "45 s"],
    [200, "3 min 20 s"],
    [7_500, "2 h 5 min"],
    [300, "5 min"],
    [86_399, "23 h 59 min"],
    [7 * 86_400, "7 d"],
    [36 * 3_600, "1 d 12 h"]
  ])("writes %d as %s", (seconds, text) => expect(formatSeconds(seconds)).toBe(text))
})

it("keeps values within their bounds and says which they are", () => {
  const parse = within(parseCount, 1, 256)
  expect(valueOf(parse, "256")).toBe(256)
  expect(Result.getOrUndefined(Result.flip(parse("257")))).toBe("must be 1 to 256")
  expect(Result.getOrUndefined(Result.flip(within(parseCount, 1, Number.POSITIVE_INFINITY)("0")))).toBe(
    "must be at least 1"
  )
})

it("takes one of a few words", () => {
  expect(valueOf(parseOneOf(["a", "b"]), "b")).toBe("b")
  expect(valueOf(parseOneOf(["a", "b"]), "toString")).toBeUndefined()
})
