import { posix, win32 } from "node:path"
import * as Result from "effect/Result"
import { expect, it } from "vitest"
import { keyOf, namesOf } from "./KeyPath.ts"

/** Every word of up to five of these. */
const words = (alphabet: ReadonlyArray<string>, most: number): ReadonlyArray<string> =>
  most === 0 ? [""] : ["", ...words(alphabet, most - 1).flatMap((rest) => alphabet.map((one) => one + rest))]

it.each([
  ["/", posix],
  ["\\", win32]
] as const)("no key leads out of a directory, and no two lead to one file (%s)", (separator, path) => {
  const root = separator === "/" ? "/srv/here" : "C:\\srv\\here"
  const keys = new Set(words(["a", ".", "/", "\\", ":", "\0", "b.sluice-part"], 4))
  const files = new Map<string, string>()
  for (const key of keys) {
    const names = namesOf(key, separator)
    if (Result.isFailure(names)) continue
    const file = path.resolve(path.join(root, ...names.success))
    expect(file.startsWith(`${root}${separator}`), key).toBe(true)
    expect(files.get(file), key).toBeUndefined()
    expect(file).not.toMatch(/\.sluice-part(\.record)?$/)
    files.set(file, key)
  }
  expect(files.size).toBeGreaterThan(20)
})

it("a refusal says what is wrong with the key", () => {
  const why = (key: string, separator = "/") =>
    Result.match(namesOf(key, separator), { onSuccess: String, onFailure: String })
  expect(why("../etc/passwd")).toContain('".." in it')
  expect(why("/etc/passwd")).toContain("empty name")
  expect(why("a//b")).toContain("empty name")
  expect(why("a\0b")).toContain("NUL")
  expect(why("a.sluice-part.record")).toContain("unfinished")
  expect(why("C:\\x", "\\")).toContain("no name of a file on this system")
  expect(why("aux.txt", "\\")).toContain("no name of a file on this system")
})

it("the key of a file is its path, and different files have different keys", () => {
  const key = (path: string, separator: string) => Result.getOrThrow(keyOf("p/", path, separator))
  expect(key("a/b c/ü.txt", "/")).toBe("p/a/b c/ü.txt")
  expect(key("a\\b\\c", "\\")).toBe("p/a/b/c")
  // On POSIX a backslash is part of a name.
  expect(key("a\\b", "/")).toBe("p/a\\b")
  for (const separator of ["/", "\\"]) {
    const names = words(["a", "b", "."], 2).filter((name) => !["", ".", ".."].includes(name))
    const paths = names.flatMap((one) => [one, ...names.map((two) => `${one}${separator}${two}`)])
    expect(new Set(paths.map((path) => key(path, separator))).size).toBe(paths.length)
    // And back again, where the system has all names that we use.
    for (const path of separator === "/" ? paths : []) {
      expect(
        Result.getOrThrow(namesOf(key(path, separator), separator))
          .slice(1)
          .join(separator)
      ).toBe(path)
    }
  }
  expect(Result.isFailure(keyOf("p/", "ü".repeat(512), "/"))).toBe(true)
  expect(Result.isSuccess(keyOf("p/", "ü".repeat(511), "/"))).toBe(true)
})
