import { initial, type Progress } from "@sluice/core/Progress"
import { expect, it } from "vitest"
import { progressLine, storedLine } from "./progress-line.ts"

const half: Progress = {
  ...initial,
  state: "uploading",
  total: 20 * 2 ** 20,
  sent: 10 * 2 ** 20,
  percent: 50.4,
  bytesPerSecond: 5 * 2 ** 20,
  secondsLeft: 2
}

it("says how far, how fast and how long", () => {
  expect(progressLine("a.bin", half, 80)).toBe("a.bin  50 %  10 MiB of 20 MiB  5 MiB/s  2.0 s left")
})

it("says what it knows of a pipe", () => {
  const pipe = { ...half, total: undefined, percent: undefined, secondsLeft: undefined, retries: 1 }
  expect(progressLine("k", pipe, 80)).toBe("k  10 MiB  5 MiB/s  1 retry")
})

it("stays on one line, whatever the name and the terminal", () => {
  for (const columns of [10, 20, 50, 60, 80]) {
    const line = progressLine(`${"long/".repeat(40)}\u001b[31m\n.bin`, half, columns)
    expect(line.length).toBeLessThan(columns)
    expect(Array.from(line).every((c) => c >= " ")).toBe(true)
  }
  expect(progressLine("some/very/long/path/to/a/file.bin", half, 60)).toMatch(/^….*file\.bin {2}50 %/)
})

it("ends with what is stored, how fast, and its digest", () => {
  const stored = {
    ...{
      bucket: "media",
      key: "a.bin",
      uri: "s3://media/a.bin",
      location: "",
      etag: '"x"',
      versionId: undefined,
      parts: 1
    },
    size: 12 * 2 ** 20,
    crc32: 0xab,
    proof: "source" as const
  }
  expect(storedLine(stored, 1.2)).toBe("s3://media/a.bin  12 MiB in 1.2 s (10 MiB/s)  crc32 000000ab")
  expect(storedLine({ ...stored, proof: "transport" }, 0)).toContain("shown by sizes only")
})
