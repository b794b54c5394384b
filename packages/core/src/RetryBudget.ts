/**
 * What retries may cost a store: one bucket of tokens, shared by every upload to it. An empty one makes them
 * wait, not fail (docs/decisions/0020).
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { identityOf } from "./internal/store-identity.ts"
import type { ObjectStoreApi } from "./ObjectStore.ts"

/** Size and prices are those of the AWS SDKs ("retries 2026"); the trickle is ours. */
export const retryTokens = {
  /** Tokens of a bucket that nobody has drawn from. */
  capacity: 500,
  /** What one more attempt costs after the store asked for less. */
  throttle: 5,
  /** What it costs after any other fault. */
  passing: 14,
  /** Tokens that come back each second, so that an outage slows retries down and ends none. */
  perSecond: 10
} as const

/** Tokens for retries. What a retry paid comes back when it succeeds. */
export interface RetryBudget {
  /** Waits, first come first served, until there are as many tokens, and takes them. */
  readonly take: (tokens: number) => Effect.Effect<void>
  /** Takes them if they are there. */
  readonly takeNow: (tokens: number) => Effect.Effect<boolean>
  /** A request succeeded, whose last retry had paid so much: 0 for a first attempt. */
  readonly succeeded: (paid: number) => void
  /** Whether any request of this store has succeeded: from then on an outage is no misspelt endpoint. */
  readonly reached: () => boolean
}

export const makeRetryBudget = (): RetryBudget => {
  const turn = Semaphore.makeUnsafe(1)
  let tokens: number = retryTokens.capacity
  let filledAt: number | undefined
  let reached = false
  const give = (more: number): void => {
    tokens = Math.min(retryTokens.capacity, tokens + more)
  }
  const trickle = Effect.map(Clock.monotonicTimeNanos, (nanos) => {
    const seconds = Number(nanos) / 1e9
    give((seconds - (filledAt ?? seconds)) * retryTokens.perSecond)
    filledAt = seconds
  })
  return {
    take: (wanted) =>
      wanted === 0
        ? Effect.void
        : turn.withPermits(1)(
            Effect.gen(function* () {
              yield* trickle
              while (tokens < wanted) {
                yield* Effect.sleep(Math.ceil(((wanted - tokens) / retryTokens.perSecond) * 1_000))
                yield* trickle
              }
              tokens -= wanted
            })
          ),
    takeNow: (wanted) =>
      Effect.map(trickle, () => {
        if (tokens < wanted) return false
        tokens -= wanted
        return true
      }),
    succeeded: (paid) => {
      reached = true
      give(Math.max(1, paid))
    },
    reached: () => reached
  }
}

const budgets = new WeakMap<object, RetryBudget>()

/** The budget of a store: the same one through whatever is put `around` it. */
export const budgetOf = (store: Pick<ObjectStoreApi, "bucket">): RetryBudget => {
  const identity = identityOf(store)
  const known = budgets.get(identity)
  if (known !== undefined) return known
  const made = makeRetryBudget()
  budgets.set(identity, made)
  return made
}
