/**
 * Ends an attempt that shows no sign of life, that only trickles, or that takes too long.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { KiB } from "../Limits.ts"
import type { Activity } from "../platform/exchange.ts"
import { type ErrorContext, type UploadError, uploadError } from "../UploadError.ts"

export interface WatchdogOptions {
  /** Silence that ends the attempt, in milliseconds. */
  readonly stallMs: number
  /** Longest attempt, in milliseconds. */
  readonly deadlineMs: number
  /** The least that must leave, while bytes are left; default: nothing. */
  readonly floor?: ThroughputFloor | undefined
  readonly context: ErrorContext
}

export interface ThroughputFloor {
  /** Bytes that the attempt sends. A source is read before: it cannot be what is slow. */
  readonly bytes: number
  /** Bytes a second; 0: no floor. */
  readonly bytesPerSecond: number
  /** Milliseconds over which they are counted. */
  readonly windowMs: number
}

/** Slower than any line worth waiting for, in bytes a second: a modem's 64 kbit/s. */
const slowestLine = 8 * KiB

/**
 * The longest that an attempt may take, in milliseconds: `attemptTimeoutMs` for the store, and what its bytes
 * need on the slowest line. A large part that moves is not ended.
 */
export const deadlineFor = (attemptTimeoutMs: number, bytes: number, minThroughput: number): number =>
  attemptTimeoutMs + (bytes / Math.max(minThroughput, slowestLine)) * 1_000

/** A stalled attempt's successor gets at most so many times the usual time. */
const mostPatience = 4

/**
 * How many times the usual silence and deadline the next attempt of a request may take, of whose attempts so many
 * stalled: a line that is slower than anybody thought gets through at last.
 */
export const patienceAfter = (stalls: number): number => Math.min(mostPatience, 2 ** stalls)

/** How an attempt tells that it lives. Neither suspends, and neither is an effect. */
export interface SignsOfLife {
  /** Anything that moved, and when our own limit holds the bytes back. */
  readonly touch: (activity?: Activity) => void
  /** Bytes that the socket took since the last call. */
  readonly took: (bytes: number) => void
}

/** While our own limit holds the bytes back nothing runs out: the watchdog looks again now and then. */
const heldLookMs = 1_000

/**
 * Runs an attempt that reports signs of life. They only read the clock: no effect a chunk. The attempt is interrupted (and with it its socket, which is awaited) before `Stalled` is raised.
 *
 * The time in which our own bandwidth limit holds the bytes back is neither silence nor part of the attempt.
 */
export const watched = <A>(
  attempt: (touch: SignsOfLife["touch"], took: SignsOfLife["took"]) => Effect.Effect<A, UploadError>,
  { stallMs, deadlineMs, floor, context }: WatchdogOptions
): Effect.Effect<A, UploadError> =>
  Effect.flatMap(Clock.Clock, (clock) => {
    const started = clock.currentTimeMillisUnsafe()
    let heldMs = 0
    let heldSince: number | undefined
    const elapsed = (): number => (heldSince ?? clock.currentTimeMillisUnsafe()) - started - heldMs
    let alive = 0
    const touch = (activity: Activity = "moved"): void => {
      const now = clock.currentTimeMillisUnsafe()
      if (activity === "held") heldSince ??= now
      if (activity === "freed" && heldSince !== undefined) {
        heldMs += now - heldSince
        heldSince = undefined
      }
      alive = elapsed()
    }
    let taken = 0
    const took = (bytes: number): void => {
      taken += bytes
    }
    let windowBegan = 0
    let takenBefore = 0
    /** Milliseconds until the floor must be looked at again; undefined when it was not held. */
    const floorHolds = (now: number): number | undefined => {
      if (floor === undefined || floor.bytesPerSecond === 0 || taken >= floor.bytes) return Number.POSITIVE_INFINITY
      if (now - windowBegan >= floor.windowMs) {
        if (taken - takenBefore < (floor.bytesPerSecond * floor.windowMs) / 1_000) return undefined
        windowBegan = now
        takenBefore = taken
      }
      return floor.windowMs - (now - windowBegan)
    }
    const watch: Effect.Effect<never, UploadError> = Effect.gen(function* () {
      while (true) {
        const now = elapsed()
        if (now >= deadlineMs) {
          return yield* stalled(`an attempt took longer than ${deadlineMs} ms`, context)
        }
        if (now - alive >= stallMs) {
          return yield* stalled(`the store took and gave nothing for ${stallMs} ms`, context)
        }
        const untilFloor = floorHolds(now)
        if (untilFloor === undefined) {
          return yield* stalled(
            `the store took less than ${floor?.bytesPerSecond} bytes a second for ${floor?.windowMs} ms`,
            context
          )
        }
        const left = Math.min(stallMs - (now - alive), deadlineMs - now, untilFloor)
        yield* Effect.sleep(heldSince === undefined ? left : Math.max(left, heldLookMs))
      }
    })
    return Effect.raceFirst(attempt(touch, took), watch)
  })

const stalled = (message: string, context: ErrorContext): UploadError =>
  uploadError({ _tag: "Stalled", message: `${message}; the attempt was ended` }, context)
