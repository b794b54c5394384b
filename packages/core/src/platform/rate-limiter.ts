import { type Bandwidth, rateAt } from "../Bandwidth.ts"

/** Leave to send bytes, for all sockets of one store together. */
export interface RateLimiter {
  /**
   * Asks for leave to send up to `bytes` (1 or more). `granted` is told how many, at once or later: at least
   * one, no more than a second allows. Who asks while others wait gets its turn after them. The function
   * that is returned gives up the wait.
   */
  readonly ask: (bytes: number, granted: (bytes: number) => void) => () => void
}

/** What time it is, and a timer. */
export interface LimiterClock {
  /** Milliseconds since some moment; never set back. */
  readonly monotonicMs: () => number
  /** Milliseconds since the epoch, for the time of day. */
  readonly epochMs: () => number
  /** Runs `task` after so many milliseconds, unless it is called off. */
  readonly after: (ms: number, task: () => void) => () => void
}

const systemClock: LimiterClock = {
  monotonicMs: () => performance.now(),
  epochMs: () => Date.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms)
    return () => clearTimeout(timer)
  }
}

interface Asker {
  readonly bytes: number
  readonly granted: (bytes: number) => void
}

/** Small enough to be smooth, large enough to fill packets; never more than a second's worth. */
const burstOf = (rate: number): number => Math.floor(Math.min(rate, Math.max(16 * 1024, rate / 10)))

/**
 * A token bucket: it fills at the present rate, holds a tenth of a second's bytes (16 KiB at least, where a
 * second allows so many), and is emptied in the order of asking, a bucketful at most a turn, so that sockets
 * with the same to send get the same.
 *
 * @param rateAt bytes a second at a time of day; `Infinity` for no limit
 */
export const makeRateLimiter = (
  rateAt: (epochMs: number) => number,
  clock: LimiterClock = systemClock
): RateLimiter => {
  const askers = new Set<Asker>()
  let tokens = Number.POSITIVE_INFINITY
  let filledAt = clock.monotonicMs()
  let stopTimer: (() => void) | undefined
  let serving = false

  const fill = (): number => {
    const now = clock.monotonicMs()
    const rate = rateAt(clock.epochMs())
    tokens =
      rate === Number.POSITIVE_INFINITY ? rate : Math.min(burstOf(rate), tokens + ((now - filledAt) * rate) / 1_000)
    filledAt = now
    return rate
  }

  const serve = (): void => {
    // `granted` may ask again at once: the loop that runs already serves it, in its turn.
    if (serving) return
    serving = true
    stopTimer?.()
    stopTimer = undefined
    try {
      for (const asker of askers) {
        const rate = fill()
        const bytes = Math.min(asker.bytes, burstOf(rate))
        if (tokens < bytes) {
          // A second at most, because a bucketful is no more: a schedule that changes the rate is seen in time.
          stopTimer = clock.after(Math.ceil(((bytes - tokens) / rate) * 1_000), serve)
          return
        }
        tokens -= bytes
        askers.delete(asker)
        asker.granted(bytes)
      }
    } finally {
      serving = false
    }
  }

  return {
    ask: (bytes, granted) => {
      const asker: Asker = { bytes, granted }
      askers.add(asker)
      serve()
      return () => {
        if (askers.delete(asker)) serve()
      }
    }
  }
}

/** The limiter of a bandwidth, where there is one. */
export const limiterOf = (bandwidth: Bandwidth | undefined): RateLimiter | undefined =>
  bandwidth === undefined ? undefined : makeRateLimiter((epochMs) => rateAt(bandwidth, epochMs))
