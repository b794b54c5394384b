import * as Batch from "@sluice/core/Batch"
import { defaults } from "@sluice/core/Defaults"
import type { ListedObject } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import type { World } from "./Command.ts"

/** An object as a listing names it; of one that was named by hand nobody knows the size yet. */
export type NamedObject = Pick<ListedObject, "key"> & { readonly size?: number }

/** Whether its bytes move in several parts or ranges. */
const isLarge = ({ size = 0 }: NamedObject): boolean => size > defaults.partSize

/**
 * Does something with each object, so many at a time, until all are done or the user wants to stop; large ones keep half
 * of the places (decision 0058). Answers whether there was any.
 */
export const eachObject = async <O extends NamedObject>(
  objects: Batch.BatchItems<O>,
  places: number,
  one: (object: O) => Promise<void>,
  { signal }: Pick<World, "signal">
): Promise<boolean> => {
  let any = false
  const each = (object: O) =>
    Effect.promise(async () => {
      any = true
      if (!signal.aborted) await one(object)
      return true
    })
  try {
    await Effect.runPromise(Batch.run(objects, each, { concurrency: places, isLarge }))
  } catch (error) {
    if (!signal.aborted) throw error
  }
  // Who stops it may not have seen what was to come.
  return any || signal.aborted
}

/** What is said of a prefix without objects. */
export const nothingBelow = "nothing is below this prefix"
