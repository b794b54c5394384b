import type { Prng } from "./Prng.ts"

interface Timer {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** How a simulation ended: nothing is left to do, or it went on for longer than anything should. */
export type TimeEnd = "quiet" | "endless"

/** All that has to be done yet leaves the queue of the runtime: promises that have settled run their continuations. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * The time of one simulated world. What is ready runs in an order that the generator chooses; when nothing is ready,
 * time jumps to the next timer. No clock of the machine is read.
 *
 * Promises settle between two moments, so code that awaits what is in memory runs in one order as well. What waits for
 * threads or sockets does not: keep those out of a simulation.
 */
export class VirtualTime {
  readonly #prng: Prng
  readonly #ready: Array<() => void> = []
  readonly #timers: Array<Timer> = []
  #now: number
  #order = 0

  constructor(prng: Prng, startMs: number) {
    this.#prng = prng
    this.#now = startMs
  }

  /** Milliseconds since the epoch. */
  get now(): number {
    return this.#now
  }

  /** Runs soon, before time goes on. */
  readonly soon = (run: () => void): void => {
    this.#ready.push(run)
  }

  /** Runs in so many milliseconds; the answer takes it back. */
  readonly in = (ms: number, run: () => void): (() => void) => {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, run }
    if (Number.isFinite(timer.at)) this.#push(timer)
    return () => {
      timer.run = undefined
    }
  }

  /** Lets time pass until nothing is left to do. */
  async run(most = 1_000_000): Promise<TimeEnd> {
    for (let steps = 0; ; ) {
      for (let task = this.#next(); task !== undefined; task = this.#next()) {
        task()
        if (++steps > most) return "endless"
      }
      await settled()
      if (this.#ready.length > 0) continue
      const timer = this.#pop()
      if (timer === undefined) return "quiet"
      if (timer.run === undefined) continue
      this.#now = timer.at
      timer.run()
      if (++steps > most) return "endless"
    }
  }

  #next(): (() => void) | undefined {
    const ready = this.#ready
    const last = ready.pop()
    if (ready.length === 0 || last === undefined) return last
    const chosen = this.#prng.below(ready.length + 1)
    const task = ready[chosen]
    if (task === undefined) return last
    ready[chosen] = last
    return task
  }

  #push(timer: Timer): void {
    const heap = this.#timers
    let at = heap.push(timer) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = heap[up]
      if (parent === undefined || before(parent, timer)) break
      heap[at] = parent
      at = up
    }
    heap[at] = timer
  }

  #pop(): Timer | undefined {
    const heap = this.#timers
    const [first] = heap
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]]
      if (left === undefined) break
      const small = right !== undefined && before(right, left) ? right : left
      if (before(last, small)) break
      heap[at] = small
      at = small === left ? 2 * at + 1 : 2 * at + 2
    }
    heap[at] = last
    return first
  }
}
