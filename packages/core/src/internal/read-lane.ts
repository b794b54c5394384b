/**
 * One range on its way to a reader: ahead of its turn into spare slabs, in its turn from hand to hand.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import { slabSize } from "../Defaults.ts"
import { collectYoung } from "../platform/collect-young.ts"
import type { UploadError } from "../UploadError.ts"
import type { Take } from "./read-range.ts"
import type { SlabShare } from "./slab-pool.ts"

export interface ReadLane {
  /** Where the range's bytes go. */
  readonly take: Take
  /** The range has ended so. */
  readonly end: (exit: Exit.Exit<void, UploadError>) => void
  /** From now on the reader asks this lane. */
  readonly turn: () => void
  /** The next bytes, valid until it is asked again; undefined at the end. */
  readonly next: () => Promise<Uint8Array | undefined>
  /** Gives the slabs back. Its range has ended. */
  readonly close: () => void
}

/** A slab with bytes in it. */
interface Ahead {
  readonly slab: Uint8Array
  filled: number
}

/** Bytes that wait in the range's own hand until the reader has taken them. */
interface Offer {
  readonly chunk: Uint8Array
  readonly taken: () => void
}

const ended = (): DOMException => new DOMException("the reading was ended", "AbortError")

/** A lane that takes its slabs from `share`, as long as there are spare ones. */
export const makeReadLane = (share: SlabShare): ReadLane => {
  const ahead: Array<Ahead> = []
  let offer: Offer | undefined
  /** What the reader has in its hands. */
  let lent: (() => void) | undefined
  let inTurn = false
  let exit: Exit.Exit<void, UploadError> | undefined
  let wake = (): void => undefined

  /** As much of a chunk as spare memory takes; what is left of it. */
  const store = (chunk: Uint8Array): Uint8Array => {
    let rest = chunk
    while (rest.length > 0) {
      let last = ahead.at(-1)
      if (last === undefined || last.filled === slabSize) {
        const slab = share.spare()
        if (slab === undefined) break
        last = { slab, filled: 0 }
        ahead.push(last)
      }
      const piece = rest.subarray(0, slabSize - last.filled)
      last.slab.set(piece, last.filled)
      last.filled += piece.length
      collectYoung(piece.length)
      rest = rest.subarray(piece.length)
    }
    return rest
  }

  const hand = (chunk: Uint8Array, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => {
        offer = undefined
        reject(ended())
      }
      if (signal.aborted) return onAbort()
      signal.addEventListener("abort", onAbort, { once: true })
      offer = {
        chunk,
        taken: () => {
          signal.removeEventListener("abort", onAbort)
          resolve()
        }
      }
      wake()
    })

  /** What is there, lent to the reader. */
  const lend = (): Uint8Array | undefined => {
    const first = ahead.shift()
    if (first !== undefined) {
      lent = () => share.release([first.slab])
      return first.slab.subarray(0, first.filled)
    }
    if (offer === undefined) return undefined
    const { chunk, taken } = offer
    offer = undefined
    lent = taken
    return chunk
  }

  const giveBack = (): void => {
    const back = lent
    lent = undefined
    back?.()
  }

  return {
    take: (chunk, signal) => {
      const rest = inTurn ? chunk : store(chunk)
      return rest.length === 0 ? undefined : hand(rest, signal)
    },
    end: (how) => {
      exit = how
      wake()
    },
    turn: () => {
      inTurn = true
    },
    next: async () => {
      giveBack()
      while (true) {
        const chunk = lend()
        if (chunk !== undefined) return chunk
        if (exit !== undefined) {
          if (Exit.isSuccess(exit)) return undefined
          throw Cause.hasInterruptsOnly(exit.cause) ? ended() : Cause.squash(exit.cause)
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    close: () => {
      giveBack()
      share.release(ahead.splice(0).map(({ slab }) => slab))
    }
  }
}
