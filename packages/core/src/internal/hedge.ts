/**
 * The last part in flight, sent a second time beside itself when it takes far longer than the others did
 * (`hedge: "last-part"`). One slow connection then delays an upload no more ("The Tail at Scale", Dean and
 * Barroso, 2013). Both attempts send the same slices, so whichever lands last changes nothing (DESIGN §4).
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { EngineOptions } from "../Defaults.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import { budgetOf, retryTokens } from "../RetryBudget.ts"
import type { UploadError } from "../UploadError.ts"

/** Parts whose time must be known before another is called slow. */
const leastKnown = 3
/** Slow is what takes so many times the median. */
const slowFactor = 2

/** What a running upload tells here; its identity stands for the upload. */
interface Upload {
  readonly store: Pick<ObjectStoreApi, "bucket">
  readonly options: Pick<EngineOptions, "hedge">
}

/** The parts of one upload: how long an attempt took, and whether only one part is left. */
interface Tail {
  readonly began: (partNumber: number) => void
  readonly stored: (partNumber: number, tookMs: number) => void
  /** No further part will begin. */
  readonly closed: () => void
  /** Until one part is left and none will begin. */
  readonly alone: Effect.Effect<void>
  /** Milliseconds; undefined while too few are known. */
  readonly median: () => number | undefined
}

const makeTail = (): Tail => {
  const latch = Latch.makeUnsafe(false)
  const times: Array<number> = []
  const left = new Set<number>()
  let isClosed = false
  const look = (): void => {
    if (isClosed && left.size === 1) Latch.openUnsafe(latch)
    else Latch.closeUnsafe(latch)
  }
  return {
    began: (partNumber) => {
      left.add(partNumber)
      look()
    },
    stored: (partNumber, tookMs) => {
      left.delete(partNumber)
      times.push(tookMs)
      look()
    },
    closed: () => {
      isClosed = true
      look()
    },
    alone: latch.await,
    median: () => (times.length < leastKnown ? undefined : times.sort((a, b) => a - b)[times.length >> 1])
  }
}

const tails = new WeakMap<Upload, Tail>()
const tailOf = (run: Upload): Tail => {
  const known = tails.get(run)
  if (known !== undefined) return known
  const made = makeTail()
  tails.set(run, made)
  return made
}

/** Tells that every part of the upload has begun. */
export const lastPartBegan = (run: Upload): Effect.Effect<void> => Effect.sync(() => tailOf(run).closed())

/**
 * One attempt at a part, or two of them at the tail. `attempt` is told whether it is the second. The first
 * success counts; the other attempt is ended, and awaited, before this ends. A second attempt costs what a retry
 * costs and waits for no tokens; its failure is of no interest, and that of the first only when both fail.
 */
export const hedged = <A>(
  run: Upload,
  partNumber: number,
  attempt: (second: boolean) => Effect.Effect<A, UploadError>
): Effect.Effect<A, UploadError> => {
  if (run.options.hedge === "off") return attempt(false)
  const tail = tailOf(run)
  return Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    let begun = false
    let lost: UploadError | undefined
    let secondFailed = false

    const first = attempt(false).pipe(
      Effect.catch((error) => {
        if (!begun || secondFailed) return Effect.fail(error)
        lost = error
        return Effect.never
      })
    )
    /** Until the attempt is slow, and worth a second one. */
    const slow = Effect.gen(function* () {
      yield* tail.alone
      const median = tail.median()
      if (median === undefined) return yield* Effect.never
      yield* Effect.sleep(Math.max(0, began + slowFactor * median - (yield* Clock.currentTimeMillis)))
      if (!(yield* budgetOf(run.store).takeNow(retryTokens.passing))) return yield* Effect.never
      begun = true
    })
    const second = Effect.andThen(
      slow,
      Effect.suspend(() => attempt(true))
    ).pipe(
      Effect.catch(() => {
        if (lost !== undefined) return Effect.fail(lost)
        secondFailed = true
        return Effect.never
      })
    )
    tail.began(partNumber)
    const stored = yield* Effect.raceFirst(first, second)
    tail.stored(partNumber, (yield* Clock.currentTimeMillis) - began)
    return stored
  })
}
