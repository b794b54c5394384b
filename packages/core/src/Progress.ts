/**
 * A snapshot of an upload, folded from its events. Pure: the clock is the events' own.
 *
 * @module
 */
import type { UploadEvent } from "./UploadEvent.ts"

export interface Progress {
  readonly state: "waiting" | "uploading" | "completing" | "completed" | "failed" | "cancelled"
  /** Bytes of the source, when known. */
  readonly total: number | undefined
  /** Bytes that sockets accepted or the store has. Never falls. */
  readonly sent: number
  /** Bytes the store has confirmed. Never falls. */
  readonly stored: number
  /** 0 … 100; 100 only when completed. Undefined while the total is unknown. */
  readonly percent: number | undefined
  /** Bytes a second, smoothed over about five seconds. */
  readonly bytesPerSecond: number
  /** Seconds left, when the total and a speed are known. */
  readonly secondsLeft: number | undefined
  readonly partsStored: number
  readonly retries: number
  readonly startedAt: number | undefined
  /** Time of the newest event, milliseconds since the epoch. */
  readonly at: number | undefined
}

export const initial: Progress = {
  state: "waiting",
  total: undefined,
  sent: 0,
  stored: 0,
  percent: undefined,
  bytesPerSecond: 0,
  secondsLeft: undefined,
  partsStored: 0,
  retries: 0,
  startedAt: undefined,
  at: undefined
}

/** Time constant of the speed's moving average, in milliseconds. */
const smoothingMs = 5_000

/** 99.99 at most while uploading: a hundred is a promise. */
const percentOf = (sent: number, total: number | undefined): number | undefined =>
  total === undefined ? undefined : total === 0 ? 0 : Math.min(99.99, Math.floor((sent / total) * 10_000) / 100)

const advance = (p: Progress, at: number, sent: number, stored: number): Progress => {
  // No more than the total: plugins may add bytes on the wire, and a retry sends some twice.
  const limit = p.total ?? Number.POSITIVE_INFINITY
  const most = Math.max(p.sent, Math.min(limit, Math.max(sent, stored)))
  const elapsed = p.at === undefined ? 0 : at - p.at
  const weight = elapsed <= 0 ? 0 : 1 - Math.exp(-elapsed / smoothingMs)
  const now = elapsed <= 0 ? p.bytesPerSecond : ((most - p.sent) / elapsed) * 1_000
  // The first measurement stands for itself; after that the average moves.
  const bytesPerSecond = p.bytesPerSecond === 0 ? now : p.bytesPerSecond + weight * (now - p.bytesPerSecond)
  return {
    ...p,
    at,
    sent: most,
    stored: Math.max(p.stored, Math.min(limit, stored)),
    percent: percentOf(most, p.total),
    bytesPerSecond,
    secondsLeft:
      p.total === undefined || bytesPerSecond <= 0 ? undefined : Math.max(0, (p.total - most) / bytesPerSecond)
  }
}

const hasEnded = ({ state }: Progress): boolean => state === "completed" || state === "failed" || state === "cancelled"

/** The next snapshot after one event. Bytes never go backwards, whatever is retried; nothing follows the end. */
export const next = (p: Progress, event: UploadEvent): Progress => {
  if (hasEnded(p)) return p
  switch (event._tag) {
    case "UploadStarted":
      return {
        ...p,
        state: "uploading",
        total: event.size,
        percent: percentOf(p.sent, event.size),
        startedAt: p.startedAt ?? event.at,
        at: event.at
      }
    case "BytesSent":
      return advance(p, event.at, event.sent, event.stored)
    case "PartVerified": {
      // Nothing moved: the speed is that of what is sent.
      const moved = advance(p, event.at, p.sent + event.size, p.stored + event.size)
      return { ...moved, bytesPerSecond: p.bytesPerSecond, partsStored: p.partsStored + 1 }
    }
    case "PartStored": {
      const moved = advance(p, event.at, p.sent, p.stored + event.size)
      return { ...moved, partsStored: p.partsStored + 1 }
    }
    case "Retrying":
      return { ...p, retries: p.retries + 1 }
    case "Completing":
      return { ...p, state: "completing", total: p.total ?? p.stored, percent: percentOf(p.sent, p.total ?? p.stored) }
    case "UploadCompleted":
      return { ...p, state: "completed", percent: 100, secondsLeft: 0, at: event.at }
    case "UploadFailed":
      return { ...p, state: "failed", secondsLeft: undefined, at: event.at }
    case "UploadCancelled":
      return { ...p, state: "cancelled", secondsLeft: undefined, at: event.at }
  }
}
