import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Bandwidth, type BandwidthWindow, bandwidthProblem, rateAt, weekdays } from "./Bandwidth.ts"

const office: BandwidthWindow = { from: "08:00", to: "18:00", bytesPerSecond: 5_000 }
const night: BandwidthWindow = { from: "22:30", to: "06:00", days: ["fri"], bytesPerSecond: 9_000 }

/** A Monday is 2026-11-23. */
const utc = (day: number, time: string): number => Date.parse(`2026-11-${day}T${time}:00Z`)
const local = (day: number, hour: number): number => new Date(2026, 10, day, hour).getTime()

describe("a bandwidth", () => {
  it("that is a number is the same at any time", () => {
    expect(rateAt(2_048, utc(23, "00:00"))).toBe(2_048)
  })

  it("by a schedule holds from the first minute until the last, and has no limit outside unless it says one", () => {
    const schedule = { windows: [office], timeZone: "utc" } as const
    const at = (time: string, of: Bandwidth = schedule) => rateAt(of, utc(23, time))
    expect(["07:59", "08:00", "17:59", "18:00"].map((time) => at(time))).toEqual([Infinity, 5_000, 5_000, Infinity])
    expect(at("18:00", { ...schedule, otherwise: 7_000 })).toBe(7_000)
  })

  it("goes by this machine's clock unless it says UTC", () => {
    expect([7, 8, 17, 18].map((hour) => rateAt({ windows: [office] }, local(23, hour)))).toEqual([
      Infinity,
      5_000,
      5_000,
      Infinity
    ])
  })

  it("over midnight belongs to the day on which it begins", () => {
    const schedule = { windows: [night], timeZone: "utc" } as const
    const at = (day: number, time: string) => rateAt(schedule, utc(day, time))
    // Friday evening and Saturday morning; not Friday morning, not Saturday evening.
    expect([at(27, "22:30"), at(27, "23:59"), at(28, "00:00"), at(28, "05:59")]).toEqual([9_000, 9_000, 9_000, 9_000])
    expect([at(27, "05:59"), at(28, "06:00"), at(28, "22:30"), at(27, "22:29")]).toEqual([
      Infinity,
      Infinity,
      Infinity,
      Infinity
    ])
  })

  it("counts the first window that holds", () => {
    const lunch: BandwidthWindow = { from: "12:00", to: "13:00", bytesPerSecond: Infinity }
    const schedule = { windows: [lunch, office], timeZone: "utc" } as const
    expect([rateAt(schedule, utc(23, "12:30")), rateAt(schedule, utc(23, "13:00"))]).toEqual([Infinity, 5_000])
  })

  it("of a window and its complement, exactly one holds at every minute of the week", () => {
    const time = fc
      .tuple(fc.nat(23), fc.nat(59))
      .map(([hours, minutes]) => `${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`)
    fc.assert(
      fc.property(time, time, fc.nat(7 * 24 * 60), (from, to, minute) => {
        fc.pre(from !== to)
        const now = utc(23, "00:00") + minute * 60_000
        const within = (from: string, to: string) =>
          rateAt({ windows: [{ from, to, bytesPerSecond: 1_024 }], timeZone: "utc" }, now) === 1_024
        expect(within(from, to)).toBe(!within(to, from))
      })
    )
  })

  it("of all days holds as that of no days named does", () => {
    fc.assert(
      fc.property(fc.nat(7 * 24 * 60), fc.constantFrom(office, { ...night, days: undefined }), (minute, window) => {
        const now = utc(23, "00:00") + minute * 60_000
        const named = { windows: [{ ...window, days: weekdays }], timeZone: "utc" } as const
        expect(rateAt(named, now)).toBe(rateAt({ windows: [window], timeZone: "utc" }, now))
      })
    )
  })

  it("that makes no sense is told, with what to write", () => {
    const window = (part: object): unknown => ({ windows: [{ ...office, ...part }] })
    const wrong: ReadonlyArray<readonly [unknown, RegExp]> = [
      [0, /at least 1024, not 0/],
      [Number.NaN, /at least 1024, not NaN/],
      ["5MiB/s", /number of bytes a second.*not 5MiB/],
      [null, /a schedule/],
      [{ windows: "08:00" }, /a schedule/],
      [{ windows: [office], otherwise: 1 }, /otherwise must be/],
      [{ windows: [office], timeZone: "CET" }, /local or utc, not CET/],
      [window({ from: "8:00" }), /HH:MM to HH:MM, not from 8:00/],
      [window({ to: "24:01" }), /not from 08:00 to 24:01/],
      [window({ to: "18:60" }), /to 18:60/],
      [window({ to: "08:00" }), /is empty; write 00:00 to 24:00/],
      [window({ days: ["monday"] }), /monday is no day/],
      [window({ bytesPerSecond: 1_023 }), /bytesPerSecond must be/]
    ]
    // As a caller without types gives it.
    for (const [value, message] of wrong) expect(Reflect.apply(bandwidthProblem, undefined, [value])).toMatch(message)
    const right: ReadonlyArray<Bandwidth> = [
      1_024,
      Infinity,
      { windows: [] },
      { windows: [office, night], otherwise: 2_000 }
    ]
    for (const bandwidth of right) expect(bandwidthProblem(bandwidth)).toBeUndefined()
    expect(bandwidthProblem({ windows: [{ ...office, from: "00:00", to: "24:00" }] })).toBeUndefined()
  })
})
