/** How urgent an upload is beside the others of its uploader. */
export type Priority = "low" | "normal" | "high"

/** Who waits, and whose turn is next. */
export interface TurnQueue<A> {
  readonly add: (waiter: A, priority: Priority) => void
  /** The waiter leaves; false when it is not in the queue (any more). */
  readonly remove: (waiter: A) => boolean
  /** Whose turn it is; it leaves the queue. */
  readonly next: () => A | undefined
  readonly size: () => number
}

/** Turns that go to more urgent waiters before one goes to a less urgent one. */
export const patience = 8

const urgentFirst = ["high", "normal", "low"] as const
const urgentLast = ["low", "normal", "high"] as const

/**
 * First come, first served among equals; the more urgent first, but a less urgent waiter is passed over
 * `patience` times at most, so that nobody starves. No clock: only turns count.
 */
export const makeTurnQueue = <A>(): TurnQueue<A> => {
  // A Set keeps the order in which its members came and forgets any of them at once.
  const lines: Readonly<Record<Priority, Set<A>>> = { high: new Set(), normal: new Set(), low: new Set() }
  const passedOver: Record<Priority, number> = { high: 0, normal: 0, low: 0 }

  const chosen = (): Priority | undefined =>
    urgentLast.find((priority) => lines[priority].size > 0 && passedOver[priority] >= patience) ??
    urgentFirst.find((priority) => lines[priority].size > 0)

  return {
    add: (waiter, priority) => {
      if (lines[priority].size === 0) passedOver[priority] = 0
      lines[priority].add(waiter)
    },
    remove: (waiter) => urgentFirst.some((priority) => lines[priority].delete(waiter)),
    next: () => {
      const priority = chosen()
      if (priority === undefined) return undefined
      for (const other of urgentFirst) if (other !== priority && lines[other].size > 0) passedOver[other]++
      passedOver[priority] = 0
      const [first] = lines[priority]
      if (first !== undefined) lines[priority].delete(first)
      return first
    },
    size: () => lines.high.size + lines.normal.size + lines.low.size
  }
}
