/**
 * Ranges of an object in order, read ahead as far as memory is spare.
 *
 * @module
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { UploadError } from "../UploadError.ts"
import { planRanges, type Range } from "./plan-ranges.ts"
import { makeReadLane, type ReadLane } from "./read-lane.ts"
import { type ReadRun, readRange } from "./read-range.ts"
import type { SlabShare } from "./slab-pool.ts"

/** An iteration whose `return` may come at any time, also while a chunk is awaited. */
export interface ByteIterator extends AsyncIterator<Uint8Array, undefined, undefined> {
  readonly return: () => Promise<IteratorResult<Uint8Array, undefined>>
}

interface RunningLane {
  readonly lane: ReadLane
  readonly fiber: Fiber.Fiber<void, UploadError>
}

/**
 * The range's bytes, `concurrency` requests at a time. Nothing is asked of the store before the first chunk is asked
 * for; a reader that does not ask holds what was read ahead, and no more comes.
 */
export const readOrdered = (
  run: ReadRun,
  share: SlabShare,
  services: Context.Context<never>,
  range: Range
): ByteIterator => {
  const plan = planRanges(range, run.options.partSize)
  const running: Array<RunningLane> = []
  let begun = 0
  let over = false

  const begin = (part: Range): void => {
    const lane = makeReadLane(share)
    const fiber = Effect.runForkWith(services)(readRange(run, part, lane.take))
    fiber.addObserver(lane.end)
    running.push({ lane, fiber })
  }
  const fillWindow = (): void => {
    while (running.length < run.options.concurrency) {
      const part = plan.at(begun)
      if (part === undefined) break
      begun++
      begin(part)
    }
    running[0]?.lane.turn()
  }
  const close = async (): Promise<void> => {
    over = true
    const lanes = running.splice(0)
    await Effect.runPromise(Fiber.interruptAll(lanes.map(({ fiber }) => fiber)))
    for (const { lane } of lanes) lane.close()
  }

  return {
    next: async () => {
      try {
        while (!over) {
          fillWindow()
          const first = running[0]
          if (first === undefined) break
          const value = await first.lane.next()
          if (value !== undefined) return { done: false, value }
          running.shift()
        }
        return { done: true, value: undefined }
      } catch (cause) {
        await close()
        throw cause
      }
    },
    return: async () => {
      await close()
      return { done: true, value: undefined }
    }
  }
}
