/**
 * How many attempts at sending bytes may be in flight towards one store, learnt from its answers: additive
 * increase, multiplicative decrease, as TCP's congestion window (RFC 5681 §3.1). Why and which numbers:
 * docs/decisions/0026-the-store-sets-the-pace.md.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { MiB } from "../Limits.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import type { UploadError } from "../UploadError.ts"
import { makePlaces } from "./places.ts"
import { identityOf } from "./store-identity.ts"
import type { Priority } from "./turn-queue.ts"

type Guard = <A, R>(attempt: Effect.Effect<A, UploadError, R>) => Effect.Effect<A, UploadError, R>

/** Shared by all uploads to one store. */
export interface CongestionWindow {
  /** One attempt at sending bytes: waits for a place, holds it, and its end teaches the window. */
  readonly within: (priority: Priority) => Guard
  /** One attempt that carries no bytes (Create, Complete, Abort): never waits, but its throttling is heard. */
  readonly beside: Guard
  /** Places; Infinity until the store complains, and again when the limit holds nobody back. */
  readonly limit: () => number
  /** Attempts that hold a place. */
  readonly inFlight: () => number
  /** The part size for a new upload: halved each time that attempts stalled repeatedly, but not below `least`. */
  readonly partSize: (planned: number, least: number) => number
}

/** So many stalls within so long are no accident. */
const repeatedStalls = 3
const stallMemoryNanos = 60_000_000_000n
/** Successes without a stall between them that take one halving of the part size back. */
const calmSuccesses = 20
/** The largest part, 5 GiB, halved so often is the smallest, 5 MiB. */
const mostHalvings = 10

/** A window that is open until the store says otherwise. It has no timers. */
export const makeCongestionWindow = (): CongestionWindow => {
  let limit = Number.POSITIVE_INFINITY
  const places = makePlaces(() => limit)
  /** Decreases so far. */
  let epoch = 0
  /** Attempts in flight that hold no place. */
  let besides = 0
  /** Most places held, and successes, since the limit last changed. */
  let peak = 0
  let successes = 0
  let stalls: ReadonlyArray<bigint> = []
  let calm = 0
  let halvings = 0

  const setLimit = (to: number): void => {
    limit = to
    peak = places.held()
    successes = 0
  }
  const shrink = (): void => {
    epoch++
    setLimit(Math.max(1, Math.floor(Math.min(limit, places.held() + besides) / 2)))
  }
  const succeeded = (): void => {
    if (++calm % calmSuccesses === 0) halvings = Math.max(0, halvings - 1)
    if (++successes < limit) return
    setLimit(peak < limit ? Number.POSITIVE_INFINITY : limit + 1)
  }
  const stalled = (now: bigint): void => {
    calm = 0
    stalls = [...stalls.filter((at) => now - at < stallMemoryNanos), now]
    if (stalls.length < repeatedStalls) return
    stalls = []
    halvings = Math.min(mostHalvings, halvings + 1)
    shrink()
  }

  /**
   * What an attempt's end says. An attempt that began before the last decrease says nothing about what came
   * of it: a burst of refusals halves the window once.
   */
  const learn = (began: number, exit: Exit.Exit<unknown, UploadError>): Effect.Effect<void> => {
    if (began !== epoch) return Effect.void
    if (Exit.isSuccess(exit)) return Effect.sync(succeeded)
    const error = Exit.findErrorOption(exit)
    const reason = error._tag === "Some" ? error.value.reason._tag : undefined
    if (reason === "Throttled") return Effect.sync(shrink)
    return reason === "Stalled" ? Effect.map(Clock.monotonicTimeNanos, stalled) : Effect.void
  }

  return {
    within: (priority) => (attempt) =>
      places.within(priority)(
        Effect.suspend(() => {
          const began = epoch
          peak = Math.max(peak, places.held())
          return Effect.onExit(attempt, (exit) => learn(began, exit))
        })
      ),
    beside: (attempt) =>
      Effect.suspend(() => {
        const began = epoch
        besides++
        return Effect.onExit(attempt, (exit) => {
          const error = Exit.findErrorOption(exit)
          const throttled = error._tag === "Some" && error.value.reason._tag === "Throttled"
          return Effect.ensuring(
            throttled ? learn(began, exit) : Effect.void,
            Effect.sync(() => {
              besides--
            })
          )
        })
      }),
    limit: () => limit,
    inFlight: places.held,
    partSize: (planned, least) =>
      halvings === 0 ? planned : Math.max(Math.min(planned, least), Math.ceil(planned / 2 ** halvings / MiB) * MiB)
  }
}

const windows = new WeakMap<object, CongestionWindow>()

/** The window of a store: the same one through whatever is put `around` it. */
export const windowOf = (store: ObjectStoreApi): CongestionWindow => {
  const identity = identityOf(store)
  const known = windows.get(identity)
  if (known !== undefined) return known
  const made = makeCongestionWindow()
  windows.set(identity, made)
  return made
}
