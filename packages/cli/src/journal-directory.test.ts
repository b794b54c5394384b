import { expect, it } from "vitest"
import { journalDirectory } from "./journal-directory.ts"

const linux = { home: "/home/ann", platform: "linux" } as const

it("is the one that was named, else the variable's, from the directory we are in", () => {
  expect(journalDirectory("/a", { SLUICE_JOURNAL: "/b" }, linux)).toBe("/a")
  expect(journalDirectory(undefined, { SLUICE_JOURNAL: "/b", XDG_STATE_HOME: "/c" }, linux)).toBe("/b")
  expect(journalDirectory("a", {}, linux)).toBe(`${process.cwd()}/a`)
})

it("else lies in the user's state directory", () => {
  expect(journalDirectory("", { XDG_STATE_HOME: "/state" }, linux)).toBe("/state/sluice/journal")
  expect(journalDirectory(undefined, {}, linux)).toBe("/home/ann/.local/state/sluice/journal")
  expect(journalDirectory(undefined, { XDG_STATE_HOME: "relative" }, linux)).toBe(
    "/home/ann/.local/state/sluice/journal"
  )
  expect(journalDirectory(undefined, { LOCALAPPDATA: "/local" }, { home: "/home/ann", platform: "win32" })).toBe(
    "/local/sluice/journal"
  )
})
