import { expect, it } from "vitest"
import { fileFailed, isDiskFull } from "./file-failed.ts"

const thrown = (code: string): Error => Object.assign(new Error(`${code}: write`), { code })

it("a disk without room is told as such, and is no passing trouble", () => {
  for (const [code, words] of [
    ["ENOSPC", /the disk is full; make room/],
    ["EDQUOT", /quota is used up; make room/]
  ] as const) {
    const error = fileFailed("/films/intro.mp4", thrown(code))
    expect(error.message).toMatch(/^JournalFailed: cannot write the file "\/films\/intro.mp4"/)
    expect(error.message).toMatch(words)
    expect([error.retry, isDiskFull(error)]).toEqual(["permanent", true])
  }
})

it("a place where nobody may write is a wrong request, and says what to do", () => {
  expect(fileFailed("/a", thrown("EACCES")).message).toMatch(/^InvalidRequest: .*check the owner and permissions/)
  expect(isDiskFull(fileFailed("/a", thrown("EACCES")))).toBe(false)
  expect(fileFailed("/a", thrown("EIO")).message).toMatch(/^JournalFailed: .*EIO: write/)
})
