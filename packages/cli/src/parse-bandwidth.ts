import { type Bandwidth, type BandwidthWindow, bandwidthProblem, type Weekday, weekdays } from "@sluice/core/Bandwidth"
import * as Result from "effect/Result"
import { type Parse, parseSize } from "./units.ts"

const expected = "give a speed such as 20MiB/s, or a schedule such as mon-fri 08:00-18:00=5MiB/s,else=50MiB/s"

const names: ReadonlyArray<string> = weekdays

const parseRate: Parse<number> = (text) =>
  text === "unlimited" ? Result.succeed(Number.POSITIVE_INFINITY) : parseSize(text.replace(/ *\/ *s$/, ""))

/** `mon-fri+sun`: ranges and single days; a range may go over the end of the week. */
const parseDays = (text: string): ReadonlyArray<Weekday> | undefined => {
  const days = new Set<Weekday>()
  for (const range of text.split("+")) {
    const [from = "", to = from] = range.split("-")
    const first = names.indexOf(from)
    const last = names.indexOf(to)
    if (first < 0 || last < 0) return undefined
    for (let i = first; ; i = (i + 1) % weekdays.length) {
      const day = weekdays[i]
      if (day !== undefined) days.add(day)
      if (i === last) break
    }
  }
  return [...days]
}

const parseWindow = (when: string, rate: string): BandwidthWindow | undefined => {
  const [, named, from = "", to = ""] = /^(?:([a-z+-]+) +)?(\d\d:\d\d)-(\d\d:\d\d)$/.exec(when) ?? []
  const days = named === undefined ? undefined : parseDays(named)
  const bytesPerSecond = parseRate(rate)
  if (from === "" || (named !== undefined && days === undefined) || Result.isFailure(bytesPerSecond)) return undefined
  return { from, to, ...(days === undefined ? {} : { days }), bytesPerSecond: bytesPerSecond.success }
}

const parseSchedule: Parse<Bandwidth> = (text) => {
  const windows: Array<BandwidthWindow> = []
  let otherwise: number | undefined
  let timeZone: "utc" | undefined
  for (const item of text.split(",").map((one) => one.trim())) {
    const [when = "", rate = ""] = item.split("=").map((half) => half.trim())
    const window = parseWindow(when, rate)
    const rest = when === "else" && otherwise === undefined ? parseRate(rate) : undefined
    if (window !== undefined) windows.push(window)
    else if (item === "utc") timeZone = "utc"
    else if (rest !== undefined && Result.isSuccess(rest)) otherwise = rest.success
    else return Result.fail(`"${item}" is not understood; ${expected}`)
  }
  return Result.succeed({
    windows,
    ...(otherwise === undefined ? {} : { otherwise }),
    ...(timeZone === undefined ? {} : { timeZone })
  })
}

/**
 * `20MiB/s`, or a schedule: windows `[days ]HH:MM-HH:MM=speed`, the first that holds counts; `else=speed` for
 * the rest of the time; `utc` where the times are not this machine's. A speed may be `unlimited`.
 */
export const parseBandwidth: Parse<Bandwidth> = (given) => {
  const text = given.trim().toLowerCase()
  const rate = parseRate(text)
  const parsed = Result.isSuccess(rate) ? rate : /[=,]/.test(text) ? parseSchedule(text) : Result.fail(expected)
  return Result.flatMap(parsed, (bandwidth) => {
    const problem = bandwidthProblem(bandwidth)
    return problem === undefined ? Result.succeed(bandwidth) : Result.fail(problem)
  })
}
