/**
 * How many bytes a second may leave towards a store: one number, or a schedule by the time of day. Pure.
 *
 * @module
 */

/** A day of the week. */
export type Weekday = (typeof weekdays)[number]

/** From `from` until `to`, no more than so much. */
export interface BandwidthWindow {
  /** `HH:MM`, the first minute. */
  readonly from: string
  /** `HH:MM`, no longer within; up to `24:00`. Earlier than `from`: on the next day. */
  readonly to: string
  /** Days on which it begins. Default: every day. */
  readonly days?: ReadonlyArray<Weekday> | undefined
  /** 1,024 or more; `Infinity` for no limit. */
  readonly bytesPerSecond: number
}

/** The first window that holds the present minute counts. */
export interface BandwidthSchedule {
  readonly windows: ReadonlyArray<BandwidthWindow>
  /** Bytes a second outside all windows. Default: no limit. */
  readonly otherwise?: number | undefined
  /** Whose time of day. Default: this machine's. */
  readonly timeZone?: "local" | "utc" | undefined
}

/** Bytes a second, always (1,024 or more; `Infinity` for no limit) or by the time of day. */
export type Bandwidth = number | BandwidthSchedule

/** In the order of `Date.getDay`. */
export const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const

/** Slower than this, stores close the connection before a part is through. */
export const leastBytesPerSecond = 1_024

const minutesADay = 24 * 60

/** Minutes since midnight, 0 … 1,440, or undefined where it is no time of day. */
const minutesOf = (time: unknown): number | undefined => {
  const [, hours, minutes] = typeof time === "string" ? (/^(\d\d):([0-5]\d)$/.exec(time) ?? []) : []
  const total = Number(hours) * 60 + Number(minutes)
  return total <= minutesADay ? total : undefined
}

const rateProblem = (name: string, rate: unknown): string | undefined =>
  typeof rate === "number" && rate >= leastBytesPerSecond
    ? undefined
    : `${name} must be a number of bytes a second, at least ${leastBytesPerSecond}, not ${String(rate)}`

const windowProblem = (window: BandwidthWindow): string | undefined => {
  const { from, to, days, bytesPerSecond } = window
  if (minutesOf(from) === undefined || minutesOf(to) === undefined) {
    return `a bandwidth window goes from HH:MM to HH:MM, not from ${String(from)} to ${String(to)}`
  }
  if (from === to) return `the bandwidth window from ${from} to ${to} is empty; write 00:00 to 24:00 for the whole day`
  const unknown = days?.find((day) => !weekdays.includes(day))
  if (unknown !== undefined) return `${String(unknown)} is no day; write ${weekdays.join(", ")}`
  return rateProblem("bytesPerSecond", bytesPerSecond)
}

/** What is wrong with a bandwidth, or undefined. */
export const bandwidthProblem = (bandwidth: Bandwidth): string | undefined => {
  if (typeof bandwidth !== "object") return rateProblem("bandwidth", bandwidth)
  if (bandwidth === null || !Array.isArray(bandwidth.windows)) {
    return "bandwidth must be a number of bytes a second or a schedule, { windows: [{ from, to, bytesPerSecond }] }"
  }
  const { windows, otherwise, timeZone } = bandwidth
  if (timeZone !== undefined && timeZone !== "local" && timeZone !== "utc") {
    return `the bandwidth's timeZone must be local or utc, not ${String(timeZone)}`
  }
  for (const window of windows) {
    const problem = windowProblem(window)
    if (problem !== undefined) return problem
  }
  return otherwise === undefined ? undefined : rateProblem("otherwise", otherwise)
}

/** Whether a minute of a day lies in a window; one over midnight belongs to the day on which it begins. */
const holds = ({ from, to, days }: BandwidthWindow, day: number, minute: number): boolean => {
  const begin = minutesOf(from) ?? 0
  const end = minutesOf(to) ?? 0
  const begins = (day: number): boolean => days === undefined || days.some((name) => weekdays.indexOf(name) === day)
  if (begin < end) return begins(day) && minute >= begin && minute < end
  return minute >= begin ? begins(day) : minute < end && begins((day + 6) % 7)
}

/** Bytes a second at a time, in milliseconds since the epoch; `Infinity` for no limit. */
export const rateAt = (bandwidth: Bandwidth, epochMs: number): number => {
  if (typeof bandwidth === "number") return bandwidth
  const { windows, otherwise = Number.POSITIVE_INFINITY, timeZone } = bandwidth
  const date = new Date(epochMs)
  const [day, hours, minutes] =
    timeZone === "utc"
      ? [date.getUTCDay(), date.getUTCHours(), date.getUTCMinutes()]
      : [date.getDay(), date.getHours(), date.getMinutes()]
  return windows.find((window) => holds(window, day, hours * 60 + minutes))?.bytesPerSecond ?? otherwise
}
