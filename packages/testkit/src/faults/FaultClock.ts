import { setTimeout as delay } from "node:timers/promises"
import { Hangup } from "../s3/message.ts"

/** The time of faults that take some: real by default, a test's own where a test says so. */
export interface FaultClock {
  /** Resolves so many milliseconds later; may reject when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export const realClock: FaultClock = { sleep: (ms, signal) => delay(ms, undefined, { signal }) }

/** A clock that a test moves. */
export interface ManualClock extends FaultClock {
  /** Wakes everyone whose time has come, in the order of their times. */
  advance(ms: number): void
  /** How many sleep. */
  readonly sleeping: number
}

/**
 * A clock that stands still until it is told to move: nothing sleeps in a test.
 *
 * @example
 * const clock = manualClock()
 * await using s3 = await startS3({ faults: { clock } })
 * s3.faults.add({ match: { op: "UploadPart" }, action: { type: "delay", ms: 60_000 } })
 * clock.advance(60_000)
 */
export function manualClock(): ManualClock {
  let now = 0
  let sleepers: Array<{ readonly at: number; readonly wake: () => void }> = []
  return {
    sleep: (ms) => new Promise((wake) => sleepers.push({ at: now + ms, wake })),
    advance: (ms) => {
      now += ms
      const due = sleepers.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at)
      sleepers = sleepers.filter(({ at }) => at > now)
      for (const { wake } of due) wake()
    },
    get sleeping() {
      return sleepers.length
    }
  }
}

/** Sleeps; where the client goes away meanwhile, the connection ends. */
export async function pause(clock: FaultClock, ms: number, signal: AbortSignal): Promise<void> {
  const slept = clock.sleep(ms, signal).catch(() => {})
  const gone = new AbortController()
  await Promise.race([slept, aborted(signal, gone.signal)])
  gone.abort()
  if (signal.aborted) throw new Hangup("close")
}

/** Waits until the client is gone or the server closes. */
export async function untilGone(signal: AbortSignal): Promise<never> {
  await aborted(signal)
  throw new Hangup("close")
}

/** Resolves when `signal` is aborted; `enough` takes the listener away again. */
const aborted = async (signal: AbortSignal, enough?: AbortSignal): Promise<void> => {
  if (signal.aborted) return
  await new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), {
      once: true,
      ...(enough === undefined ? {} : { signal: enough })
    })
  )
}
