import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { keysFor, parseTarget } from "./Target.ts"

const keys = (target: string, ...sources: ReadonlyArray<string>) =>
  Result.match(
    Result.flatMap(parseTarget(target), (parsed) => keysFor(parsed, sources)),
    {
      onSuccess: (pairs) => pairs.map(([, key]) => key),
      onFailure: (why) => why
    }
  )

describe("a target", () => {
  it.each([
    ["s3://media/talks/", ["/tmp/a.bin"], ["talks/a.bin"]],
    ["s3://media/talks/", ["a.bin", "b/c.bin"], ["talks/a.bin", "talks/c.bin"]],
    ["s3://media/talks", ["a.bin", "c.bin"], ["talks/a.bin", "talks/c.bin"]],
    ["s3://media/talks/intro.mp4", ["a.bin"], ["talks/intro.mp4"]],
    ["s3://media", ["a.bin"], ["a.bin"]],
    ["s3://media/", ["a.bin"], ["a.bin"]],
    ["s3://media/from/pipe", ["-"], ["from/pipe"]]
  ])("%s gives %j the keys %j", (target, sources, expected) => expect(keys(target, ...sources)).toEqual(expected))

  it.each([
    ["s3://media/logs/", ["-"], "standard input has no name"],
    ["s3://media/logs", ["-", "a"], "standard input has no name"],
    ["s3://media/", ["x/a.bin", "y/a.bin"], '"x/a.bin" and "y/a.bin" would both be s3://media/a.bin'],
    ["media/key", ["a"], "name a target such as s3://"],
    ["s3:///key", ["a"], "name a target such as s3://"],
    ["s3://ab/key", ["a"], "3 to 63 letters"],
    ["https://media/key", ["a"], "name a target such as s3://"]
  ])("%s refuses %j", (target, sources, why) => expect(keys(target, ...sources)).toContain(why))
})
