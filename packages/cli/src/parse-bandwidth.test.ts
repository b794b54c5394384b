import { type Bandwidth, type BandwidthWindow, weekdays } from "@sluice/core/Bandwidth"
import { MiB } from "@sluice/core/Limits"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parseBandwidth } from "./parse-bandwidth.ts"

const office: BandwidthWindow = { from: "08:00", to: "18:00", bytesPerSecond: 5 * MiB }

describe("a bandwidth", () => {
  it.each<readonly [string, Bandwidth]>([
    ["20MiB/s", 20 * MiB],
    [" 1.5 MiB / s ", 1.5 * MiB],
    ["5000", 5_000],
    ["unlimited", Infinity],
    ["08:00-18:00=5MiB/s", { windows: [office] }],
    ["08:00-18:00=5MiB/s,else=50MiB/s", { windows: [office], otherwise: 50 * MiB }],
    ["else=50MiB/s", { windows: [], otherwise: 50 * MiB }],
    ["utc, 08:00-18:00 = 5 MiB/s", { windows: [office], timeZone: "utc" }],
    ["Mon-Fri 08:00-18:00=5MiB/s", { windows: [{ ...office, days: ["mon", "tue", "wed", "thu", "fri"] }] }],
    ["sat-mon+wed 08:00-18:00=5MiB/s", { windows: [{ ...office, days: ["sat", "sun", "mon", "wed"] }] }],
    [
      "12:00-13:00=unlimited,08:00-18:00=5MiB/s",
      { windows: [{ from: "12:00", to: "13:00", bytesPerSecond: Infinity }, office] }
    ]
  ])("reads %s", (text, bandwidth) => expect(Result.getOrThrow(parseBandwidth(text))).toEqual(bandwidth))

  it.each<readonly [string, RegExp]>([
    ["", /give a speed such as 20MiB\/s, or a schedule/],
    ["fast", /give a speed/],
    ["5MiB/h", /give a speed/],
    ["100", /at least 1024/],
    ["0", /at least 1024/],
    ["08:00-18:00", /give a speed/],
    ["8-18=5MiB/s", /"8-18=5mib\/s" is not understood/],
    ["08:00-18:00=fast", /"08:00-18:00=fast" is not understood/],
    ["08:00-25:00=5MiB/s", /HH:MM to HH:MM, not from 08:00 to 25:00/],
    ["08:00-08:00=5MiB/s", /is empty; write 00:00 to 24:00/],
    ["monday 08:00-18:00=5MiB/s", /is not understood/],
    ["else=5MiB/s,else=6MiB/s", /"else=6mib\/s" is not understood/],
    ["08:00-18:00=5MiB/s,", /"" is not understood/],
    ["08:00-18:00=5MiB/s,cet", /"cet" is not understood/]
  ])("refuses %j, saying what to write", (text, message) =>
    expect(Result.getOrThrow(Result.flip(parseBandwidth(text)))).toMatch(message)
  )

  it("reads back what it can mean", () => {
    const time = fc.tuple(fc.nat(23), fc.nat(59)).map((pair) => pair.map((n) => String(n).padStart(2, "0")).join(":"))
    const rate = fc.oneof(fc.integer({ min: 1_024, max: 2 ** 50 }), fc.constant(Infinity))
    const window = fc
      .record(
        {
          from: time,
          to: time,
          bytesPerSecond: rate,
          days: fc.uniqueArray(fc.constantFrom(...weekdays), { minLength: 1 })
        },
        { requiredKeys: ["from", "to", "bytesPerSecond"] }
      )
      .filter(({ from, to }) => from !== to)
    const schedule = fc.record(
      { windows: fc.array(window), otherwise: rate, timeZone: fc.constant("utc" as const) },
      { requiredKeys: ["windows", "otherwise"] }
    )
    const speed = (bytes: number) => (bytes === Infinity ? "unlimited" : `${bytes}/s`)
    fc.assert(
      fc.property(schedule, ({ otherwise, timeZone, windows }) => {
        const items = [
          ...windows.map(
            ({ bytesPerSecond, days, from, to }) =>
              `${days === undefined ? "" : `${days.join("+")} `}${from}-${to}=${speed(bytesPerSecond)}`
          ),
          `else=${speed(otherwise)}`,
          ...(timeZone === undefined ? [] : [timeZone])
        ]
        const read = Result.getOrThrow(parseBandwidth(items.join(",")))
        expect(read).toEqual({ windows, otherwise, ...(timeZone === undefined ? {} : { timeZone }) })
      })
    )
  })

  it("is read or refused, never thrown at, whatever is typed", () => {
    const word = fc.constantFrom("08:00", "-", "=", ",", "5MiB/s", "else", "utc", "mon", "+", " ", "unlimited", "x")
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join(""))
        ),
        (text) => {
          const read = parseBandwidth(text)
          if (Result.isFailure(read)) expect(read.failure.length).toBeGreaterThan(10)
        }
      )
    )
  })
})
