/**
 * One line that says how an upload goes. Pure.
 *
 * @module
 */
import type { Progress, StoredObject } from "@sluice/core/promise"
import { formatSeconds, formatSize } from "./units.ts"

const words = ({ bytesPerSecond, percent, retries, secondsLeft, sent, state, total }: Progress): string =>
  [
    percent === undefined ? undefined : `${Math.floor(percent)} %`,
    total === undefined ? formatSize(sent) : `${formatSize(sent)} of ${formatSize(total)}`,
    bytesPerSecond > 0 ? `${formatSize(bytesPerSecond)}/s` : undefined,
    state === "uploading" && secondsLeft !== undefined ? `${formatSeconds(secondsLeft)} left` : undefined,
    state === "completing" ? "completing" : undefined,
    retries > 0 ? `${retries} ${retries === 1 ? "retry" : "retries"}` : undefined
  ]
    .filter((word) => word !== undefined)
    .join("  ")

/** A file's name may hold anything; a terminal acts on control characters. */
export const printable = (name: string): string =>
  Array.from(name, (c) => (c < " " || c === "\u007f" ? "?" : c)).join("")

/** At most `columns` wide; the name gives way, the numbers do not. */
export const progressLine = (name: string, progress: Progress, columns: number): string => {
  const numbers = words(progress)
  const room = columns - numbers.length - 3
  const whole = printable(name)
  const shown = whole.length <= room ? whole : room < 8 ? "" : `…${whole.slice(whole.length - room + 1)}`
  return `${shown === "" ? "" : `${shown}  `}${numbers}`.slice(0, Math.max(0, columns - 1))
}

/** The last word on an upload: `s3://media/a.bin  12.3 MiB in 1.2 s (10 MiB/s)  crc32 0a1b2c3d` */
export const storedLine = ({ crc32, proof, size, uri }: StoredObject, seconds: number): string => {
  const speed = seconds > 0 ? ` (${formatSize(size / seconds)}/s)` : ""
  const digest = `crc32 ${crc32.toString(16).padStart(8, "0")}`
  const shown = proof === "source" ? digest : `${digest}, shown by sizes only`
  return `${uri}  ${formatSize(size)} in ${formatSeconds(seconds)}${speed}  ${shown}`
}
