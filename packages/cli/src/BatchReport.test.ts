import { MiB } from "@sluice/core/Limits"
import { expect, it } from "vitest"
import { makeBatchReport, type ReportOptions } from "./BatchReport.ts"

const setup = (options: Partial<ReportOptions> = {}) => {
  const out: Array<string> = []
  const err: Array<string> = []
  /** What the last line of the terminal showed, one after the other. */
  const shown: Array<string> = []
  const clock = { ms: 0 }
  const world = {
    env: {},
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    status: (line: (columns: number) => string) => void shown.push(line(80)),
    signal: new AbortController().signal
  }
  const report = makeBatchReport({ verb: "stored", now: () => clock.ms, ...options }, world)
  const done = (from: string, size: number) =>
    report.tell({ from, to: `s3://media/${from}`, result: "done", size, words: "stored" })
  return { clock, done, err, out, report, shown }
}

it("the terminal shows how far the items under way are, and forgets those that have ended", () => {
  const { clock, done, report, shown } = setup()
  report.moved("a", 0, MiB)
  done("a", MiB)
  clock.ms = 2_000
  report.moved("big", 4 * MiB, 100 * MiB)
  report.moved("other", 2 * MiB, undefined)
  clock.ms = 2_100
  report.moved("other", 3 * MiB, 10 * MiB)
  expect(shown.filter((line) => line !== "")).toEqual([
    "1 under way: 0 B of 1 MiB",
    "1 stored  (1 MiB)",
    "1 stored  (1 MiB)  1 under way: 4 MiB of 100 MiB  2.50 MiB/s",
    "1 stored  (1 MiB)  2 under way: 7 MiB of 110 MiB  2.50 MiB/s"
  ])
  done("other", 10 * MiB)
  expect(shown.at(-1)).toBe("2 stored  (11 MiB)  1 under way: 4 MiB of 100 MiB  2.50 MiB/s")
  done("big", 100 * MiB)
  expect(shown.at(-1)).toBe("3 stored  (111 MiB)")
})

it("many tellings of progress are few drawings, and no telling of a result is kept back", () => {
  const { clock, done, report, shown } = setup({ quiet: true })
  for (let i = 0; i < 1_000; i++) {
    clock.ms = i
    report.moved("big", i, 1_000)
  }
  expect(shown).toHaveLength(10)
  done("a", 1)
  expect(shown).toHaveLength(11)
})

it("quiet: no line for what went well, one for each failure, and the summary", () => {
  const { done, err, out, report } = setup({ quiet: true })
  done("a", 1)
  report.tell({ from: "b", result: "skipped", words: "skipped: the store has it" })
  report.fail("c", new Error("no such file"))
  expect(report.end()).toBe(1)
  expect([out, err]).toEqual([["1 stored  (1 B)  1 skipped  1 failed  in 0.0 s"], ["sluice: c: no such file"]])
})

it("quiet in JSON is the same, as lines of JSON", () => {
  const { done, err, out, report, shown } = setup({ quiet: true, json: true })
  done("a", 1)
  report.moved("d", 1, 2)
  report.fail("c", new Error("no such file"))
  report.end()
  expect(out.map((line) => JSON.parse(line))).toMatchObject([
    { from: "c", result: "failed", message: "no such file" },
    { summary: { done: 1, failed: 1 }, bytes: 1 }
  ])
  expect([err, shown.filter((line) => line !== "")]).toEqual([[], []])
})
