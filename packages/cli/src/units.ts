/**
 * Sizes and durations as people write and read them. Pure.
 *
 * @module
 */
import * as Result from "effect/Result"

/** Turns what somebody typed into a value, or says what it should have been. */
export type Parse<A> = (text: string) => Result.Result<A, string>

const sizeUnits: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40
}

const durationUnits: Readonly<Record<string, number>> = {
  "": 1,
  ms: 1,
  milli: 1,
  millisecond: 1,
  s: 1e3,
  sec: 1e3,
  second: 1e3,
  m: 6e4,
  min: 6e4,
  minute: 6e4,
  h: 36e5,
  hour: 36e5,
  d: 864e5,
  day: 864e5
}

const measure =
  (units: Readonly<Record<string, number>>, expected: string): Parse<number> =>
  (text) => {
    const [, amount, word = ""] = /^(\d+(?:\.\d+)?) *([a-z]*)$/i.exec(text.trim()) ?? []
    const name = word.toLowerCase()
    const unit = units[name] ?? units[name.replace(/s$/, "")]
    const value = unit === undefined ? Number.NaN : Number(amount) * unit
    return Number.isSafeInteger(value) ? Result.succeed(value) : Result.fail(expected)
  }

/** `8MiB`, `1.5 GiB`, `10MB` or plain bytes. */
export const parseSize = measure(sizeUnits, "give a size such as 8MiB, 1GiB or plain bytes")

/** `5 seconds`, `10m`, `250ms` or plain milliseconds; answers milliseconds. */
export const parseDuration = measure(durationUnits, 'give a time such as "5 seconds", 10m or plain milliseconds')

/** A whole number of things. */
export const parseCount: Parse<number> = (text) =>
  /^\d{1,15}$/.test(text.trim()) ? Result.succeed(Number(text)) : Result.fail("give a whole number")

/** One of a few words. */
export const parseOneOf =
  <const A extends string>(words: ReadonlyArray<A>): Parse<A> =>
  (text) => {
    const word = words.find((candidate) => candidate === text.trim())
    return word === undefined ? Result.fail(`give one of ${words.join(", ")}`) : Result.succeed(word)
  }

/** The same value, if it lies within the bounds. */
export const within =
  (parse: Parse<number>, min: number, max: number, show: (value: number) => string = String): Parse<number> =>
  (text) =>
    Result.flatMap(parse(text), (value) =>
      value >= min && value <= max
        ? Result.succeed(value)
        : Result.fail(
            max === Number.POSITIVE_INFINITY ? `must be at least ${show(min)}` : `must be ${show(min)} to ${show(max)}`
          )
    )

/** `12.3 MiB` */
export const formatSize = (bytes: number): string => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 2 ** (10 * power)
  const digits = power === 0 || value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2
  return `${value.toFixed(digits)} ${units[power]}`
}

/** `2 h 5 min`; without what is none: `2 h`, `7 d`. */
const inUnits = (whole: number, large: string, part: number, small: string): string =>
  [`${whole} ${large}`, ...(part === 0 ? [] : [`${part} ${small}`])].join(" ")

/** `45 s`, `3 min 20 s`, `2 h 5 min`, `7 d` */
export const formatSeconds = (seconds: number): string => {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return inUnits(Math.floor(whole / 60), "min", whole % 60, "s")
  if (whole < 86_400) return inUnits(Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "min")
  return inUnits(Math.floor(whole / 86_400), "d", Math.floor((whole % 86_400) / 3600), "h")
}
