/**
 * The process's payload memory: slabs of one size from one pool, whose capacity is the budget.
 *
 * @module
 */
import * as Context from "effect/Context"
import { defaults, slabSize } from "../Defaults.ts"
import { makeSlabBlocks } from "./slab-blocks.ts"
import type { Priority } from "./turn-queue.ts"

export { isShared } from "./slab-blocks.ts"

/** When memory is short, what an upload holds counts for as much as its weight. */
const weights: Readonly<Record<Priority, number>> = { low: 1, normal: 4, high: 16 }

/** A claim on the pool by one part that is being filled. */
export interface SlabTicket {
  /** `count` slabs, at once or when others have given theirs back. Settles early, by rejection, on `signal`. */
  readonly take: (count: number, signal: AbortSignal) => ReadonlyArray<Uint8Array> | Promise<ReadonlyArray<Uint8Array>>
  /** The part is filled (or given up): whatever was reserved for it is free again. Slabs stay taken until `release`. */
  readonly close: () => void
}

/** One upload's share of the pool. */
export interface SlabShare {
  /** Announces a part of up to `bytes` bytes. The oldest announced part of all always gets its slabs. */
  readonly open: (bytes: number) => SlabTicket
  /**
   * One slab for bytes that nobody waits for yet, or undefined. All of these together leave half of the budget alone: a
   * reader that never takes what was read ahead for it holds up no part, which has at most the other half.
   */
  readonly spare: () => Uint8Array | undefined
  readonly release: (slabs: ReadonlyArray<Uint8Array>) => void
}

export interface SlabPool {
  /** Bytes all slabs may hold together. */
  readonly capacity: () => number
  /** Bytes in slabs that are taken now. */
  readonly inUse: () => number
  /** Most bytes that were taken at once. */
  readonly highWater: () => number
  /** A share for one upload. It holds nothing until it takes, so it need not be left. */
  readonly join: (priority?: Priority) => SlabShare
  /** Changes the budget; takes hold as slabs come back. */
  readonly resize: (bytes: number) => void
  /** From now on slabs are shared memory, which digest workers see without a copy. */
  readonly share: () => void
}

interface Share {
  readonly weight: number
  /** Slabs that the upload holds, in parts being filled and parts being sent. */
  held: number
  last: Uint8Array | undefined
}

interface Ticket {
  readonly share: Share
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

/**
 * A pool of `capacity` bytes.
 *
 * Progress is always possible: as many slabs as the largest announced part needs are kept back for the
 * oldest part being filled, so it never waits for parts that wait themselves. Everybody else is served in
 * the order of what their upload holds, least first (max-min fair, weighted by priority); among equals who
 * came first. Whoever is next is waited for: smaller requests do not pass a larger one by.
 */
export const makeSlabPool = (capacity: number): SlabPool => {
  let limit = Math.floor(capacity / slabSize)
  let used = 0
  let highWater = 0
  const blocks = makeSlabBlocks(() => limit)
  const tickets = new Set<Ticket>()
  const waiting = new Set<Waiter>()

  const oldest = (): Ticket | undefined => tickets.values().next().value
  const largest = (): number => {
    let most = 0
    for (const ticket of tickets) most = Math.max(most, ticket.slabs)
    return most
  }

  const fits = ({ ticket, count }: Pick<Waiter, "ticket" | "count">): boolean => {
    const first = oldest()
    if (first === undefined) return used + count <= limit
    // A part that was planned under a larger budget still ends: the oldest gets what it announced.
    if (ticket === first) return used + count <= Math.max(limit, first.slabs)
    return used + count + Math.max(0, largest() - first.held) <= limit
  }

  const give = (ticket: Ticket, count: number): ReadonlyArray<Uint8Array> => {
    const { share } = ticket
    used += count
    ticket.held += count
    share.held += count
    highWater = Math.max(highWater, used)
    const slabs = blocks.take(count, share.last)
    share.last = slabs.at(-1)
    return slabs
  }

  /** Who is served next among those that wait. */
  const next = (): Waiter | undefined => {
    const first = oldest()
    let best: Waiter | undefined
    for (const waiter of waiting) {
      if (waiter.ticket === first && fits(waiter)) return waiter
      if (best === undefined || loadOf(waiter) < loadOf(best)) best = waiter
    }
    return best
  }

  const serve = (): void => {
    for (let waiter = next(); waiter !== undefined && fits(waiter); waiter = next()) {
      waiting.delete(waiter)
      waiter.grant(give(waiter.ticket, waiter.count))
    }
  }

  const open = (share: Share, bytes: number): SlabTicket => {
    const ticket: Ticket = { share, slabs: slabsFor(bytes), held: 0 }
    tickets.add(ticket)
    return {
      take: (count, signal) => {
        if (waiting.size === 0 && fits({ ticket, count })) return give(ticket, count)
        return new Promise((resolve, reject) => {
          const onAbort = (): void => {
            // Others may have waited behind this one.
            if (waiting.delete(waiter)) serve()
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
  }

  return {
    capacity: () => limit * slabSize,
    inUse: () => used * slabSize,
    highWater: () => highWater * slabSize,
    join: (priority = "normal") => {
      const share: Share = { weight: weights[priority], held: 0, last: undefined }
      return {
        open: (bytes) => open(share, bytes),
        spare: () => {
          if (waiting.size > 0 || used + 1 > Math.floor(limit / 2)) return undefined
          used++
          share.held++
          highWater = Math.max(highWater, used)
          const [slab] = blocks.take(1, share.last)
          share.last = slab
          return slab
        },
        release: (slabs) => {
          used -= slabs.length
          share.held -= slabs.length
          blocks.give(slabs)
          blocks.shrink(Math.max(limit, used))
          serve()
        }
      }
    },
    resize: (bytes) => {
      limit = Math.floor(bytes / slabSize)
      blocks.shrink(Math.max(limit, used))
      serve()
    },
    share: () => blocks.share()
  }
}

/** What counts for fairness: the slabs that an upload holds, for its weight. */
const loadOf = ({ ticket: { share } }: Waiter): number => share.held / share.weight

/** The process's own pool, shared by every uploader in it. */
const processPool = makeSlabPool(defaults.memoryBudget)

/** The pool uploads draw from: one a process unless a test brings its own. */
export const SlabPool = Context.Reference<SlabPool>("@sluice/core/internal/SlabPool", {
  defaultValue: () => processPool
})
