/**
 * The process's payload memory: slabs of one size from one pool, whose capacity is the budget.
 *
 * @module
 */
import * as Context from "effect/Context"
import { defaults, slabSize } from "../Defaults.ts"

/** A claim on the pool by one part that is being filled. */
export interface SlabTicket {
  /** `count` slabs, at once or when others have given theirs back. Settles early, by rejection, on `signal`. */
  readonly take: (count: number, signal: AbortSignal) => ReadonlyArray<Uint8Array> | Promise<ReadonlyArray<Uint8Array>>
  /** The part is filled (or given up): whatever was reserved for it is free again. Slabs stay taken until `release`. */
  readonly close: () => void
}

export interface SlabPool {
  /** Bytes all slabs may hold together. */
  readonly capacity: () => number
  /** Bytes in slabs that are taken now. */
  readonly inUse: () => number
  /** Most bytes that were taken at once. */
  readonly highWater: () => number
  /** Announces a part of up to `bytes` bytes. The oldest announced part always gets its slabs. */
  readonly open: (bytes: number) => SlabTicket
  readonly release: (slabs: ReadonlyArray<Uint8Array>) => void
  /** Changes the budget; takes hold as slabs come back. */
  readonly resize: (bytes: number) => void
  /** From now on slabs are shared memory, which digest workers see without a copy. */
  readonly share: () => void
}

interface Ticket {
  readonly slabs: number
  held: number
}

interface Waiter {
  readonly ticket: Ticket
  readonly count: number
  readonly grant: (slabs: ReadonlyArray<Uint8Array>) => void
}

/** Slabs needed for `bytes`. */
export const slabsFor = (bytes: number): number => Math.max(1, Math.ceil(bytes / slabSize))

/** Whether other threads see these bytes as they are. */
export const isShared = (bytes: Uint8Array): boolean =>
  typeof SharedArrayBuffer === "function" && bytes.buffer instanceof SharedArrayBuffer

const newSlab = (shared: boolean): Uint8Array =>
  shared ? new Uint8Array(new SharedArrayBuffer(slabSize)) : new Uint8Array(slabSize)

/**
 * A pool of `capacity` bytes.
 *
 * Progress is always possible: as many slabs as the largest announced part needs are kept back for the
 * oldest part being filled, so it never waits for parts that wait themselves. Everybody else is served
 * first come, first served.
 */
export const makeSlabPool = (capacity: number): SlabPool => {
  let limit = Math.floor(capacity / slabSize)
  let used = 0
  let highWater = 0
  let shared = false
  const free: Array<Uint8Array> = []
  const tickets = new Set<Ticket>()
  const waiting = new Set<Waiter>()

  const oldest = (): Ticket | undefined => tickets.values().next().value
  const largest = (): number => {
    let most = 0
    for (const ticket of tickets) most = Math.max(most, ticket.slabs)
    return most
  }

  const fits = (ticket: Ticket, count: number): boolean => {
    const first = oldest()
    if (first === undefined) return used + count <= limit
    // A part that was planned under a larger budget still ends: the oldest gets what it announced.
    if (ticket === first) return used + count <= Math.max(limit, first.slabs)
    return used + count + Math.max(0, largest() - first.held) <= limit
  }

  const give = (ticket: Ticket, count: number): ReadonlyArray<Uint8Array> => {
    used += count
    ticket.held += count
    highWater = Math.max(highWater, used)
    return Array.from({ length: count }, () => free.pop() ?? newSlab(shared))
  }

  const serve = (): void => {
    for (const waiter of waiting) {
      // The oldest part goes first wherever it stands in the queue; the others keep their order.
      const isOldest = waiter.ticket === oldest()
      if (fits(waiter.ticket, waiter.count)) {
        waiting.delete(waiter)
        waiter.grant(give(waiter.ticket, waiter.count))
      } else if (!isOldest) {
        const first = [...waiting].find((other) => other.ticket === oldest())
        if (first !== undefined && fits(first.ticket, first.count)) {
          waiting.delete(first)
          first.grant(give(first.ticket, first.count))
        }
        return
      }
    }
  }

  return {
    capacity: () => limit * slabSize,
    inUse: () => used * slabSize,
    highWater: () => highWater * slabSize,
    open: (bytes) => {
      const ticket: Ticket = { slabs: slabsFor(bytes), held: 0 }
      tickets.add(ticket)
      return {
        take: (count, signal) => {
          if (waiting.size === 0 && fits(ticket, count)) return give(ticket, count)
          return new Promise((resolve, reject) => {
            const onAbort = (): void => {
              waiting.delete(waiter)
              reject(new DOMException("the wait for memory was given up", "AbortError"))
            }
            const waiter: Waiter = {
              ticket,
              count,
              grant: (slabs) => {
                signal.removeEventListener("abort", onAbort)
                resolve(slabs)
              }
            }
            if (signal.aborted) return onAbort()
            signal.addEventListener("abort", onAbort, { once: true })
            waiting.add(waiter)
            serve()
          })
        },
        close: () => {
          if (tickets.delete(ticket)) serve()
        }
      }
    },
    release: (slabs) => {
      used -= slabs.length
      // Keep what the budget allows; the rest goes back to the garbage collector.
      for (const slab of slabs) if (used + free.length < limit && isShared(slab) === shared) free.push(slab)
      serve()
    },
    resize: (bytes) => {
      limit = Math.floor(bytes / slabSize)
      while (free.length > 0 && used + free.length > limit) free.pop()
      serve()
    },
    share: () => {
      if (shared) return
      shared = true
      free.length = 0
    }
  }
}

/** The process's own pool, shared by every uploader in it. */
const processPool = makeSlabPool(defaults.memoryBudget)

/** The pool uploads draw from: one a process unless a test brings its own. */
export const SlabPool = Context.Reference<SlabPool>("@sluice/core/internal/SlabPool", {
  defaultValue: () => processPool
})
