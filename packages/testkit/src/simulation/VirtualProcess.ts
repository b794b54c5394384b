import { makeSlabPool, SecureRandom, SlabPool } from "@sluice/core/Testing"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import type { Prng } from "./Prng.ts"
import type { VirtualTime } from "./VirtualTime.ts"

/** The engine's default part, and some. */
const plannedBytes = 64 * 1024 * 1024

/** As much of a slab as simulated parts fill. */
const poisonedBytes = 256

/** What a simulated process has of its own. */
export interface ProcessOptions {
  readonly name: string
  readonly time: VirtualTime
  readonly prng: Prng
  /** What its wall clock differs from the world's by, in milliseconds. */
  readonly skewMs?: number
  /** Bytes of payload that it may hold. */
  readonly memoryBudget?: number
  /** Operations of a fiber before another one has its turn. */
  readonly maxOpsBeforeYield?: number
  /** Stands between the engine and the process's memory. */
  readonly pool?: ((pool: Pool) => Pool) | undefined
}

/** A process's memory for payload. */
export type Pool = ReturnType<typeof makeSlabPool>

/**
 * One process of a simulated world: fibers that run in it share its clock, its randomness and its memory, and end with
 * it. Killed, it does nothing more at all, not even finalizers; frozen, it goes on later as if no time had passed.
 */
export class VirtualProcess {
  readonly name: string
  readonly pool: Pool
  /** Services for everything that runs in this process. */
  readonly context: Context.Context<never>
  readonly #time: VirtualTime
  readonly #onDeath = new Set<() => void>()
  #alive = true
  #held: Array<() => void> | undefined
  #thaws = 0

  constructor(options: ProcessOptions) {
    const { name, time, prng, skewMs = 0, memoryBudget = 4 * 1024 * 1024, maxOpsBeforeYield = 2_048, pool } = options
    this.name = name
    this.#time = time
    const own = poisoned(makeSlabPool(memoryBudget))
    this.pool = pool === undefined ? own : pool(own)
    this.context = Context.empty().pipe(
      Context.add(Clock.Clock, clockOf(this, time, skewMs)),
      Context.add(Scheduler.Scheduler, schedulerOf(this, maxOpsBeforeYield)),
      Context.add(Random.Random, {
        nextDoubleUnsafe: prng.next,
        nextIntUnsafe: () => prng.between(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
      }),
      Context.add(SecureRandom, prng.fill),
      // Plans are made for parts of MiB, and cut to the scenario's size by a hook: they must not fail for the budget.
      Context.add(SlabPool, { ...this.pool, capacity: () => Math.max(this.pool.capacity(), plannedBytes) }),
      Context.add(Logger.CurrentLoggers, new Set()),
      Context.add(References.TracerEnabled, false)
    )
  }

  get alive(): boolean {
    return this.#alive
  }

  /** How often it was frozen and went on. */
  get thaws(): number {
    return this.#thaws
  }

  /** Runs soon in this process, if it lives then. */
  readonly soon = (run: () => void): void => {
    if (!this.#alive) return
    this.#time.soon(() => {
      if (!this.#alive) return
      if (this.#held === undefined) run()
      else this.#held.push(run)
    })
  }

  /** Starts an effect in this process. */
  readonly start = <A, E>(effect: Effect.Effect<A, E>): Fiber.Fiber<A, E> => Effect.runForkWith(this.context)(effect)

  /** Ends it as SIGKILL does: nothing of it runs any more. */
  readonly kill = (): void => {
    if (!this.#alive) return
    this.#alive = false
    this.#held = undefined
    for (const told of this.#onDeath) told()
  }

  /** Stops it as a long collection of garbage or a suspended machine does, for so many milliseconds. */
  readonly freeze = (ms: number): void => {
    if (!this.#alive || this.#held !== undefined) return
    this.#held = []
    this.#time.in(ms, () => {
      const held = this.#held ?? []
      this.#held = undefined
      this.#thaws++
      for (const run of held) this.soon(run)
    })
  }

  /** Told of its death; the answer takes it back. */
  readonly onDeath = (told: () => void): (() => void) => {
    this.#onDeath.add(told)
    return () => this.#onDeath.delete(told)
  }
}

/** Memory that is given back is no longer what it was: who still reads it reads nonsense. */
const poisoned = (pool: Pool): Pool => ({
  ...pool,
  join: (priority) => {
    const share = pool.join(priority)
    return {
      ...share,
      release: (slabs) => {
        for (const slab of slabs) slab.fill(0xdd, 0, poisonedBytes)
        share.release(slabs)
      }
    }
  }
})

const clockOf = (process: VirtualProcess, time: VirtualTime, skewMs: number): Clock.Clock => {
  const began = time.now
  const millis = (): number => Math.floor(time.now + skewMs)
  const nanos = (): bigint => BigInt(millis()) * 1_000_000n
  const monotonic = (): bigint => BigInt(Math.round((time.now - began) * 1e6))
  return {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: monotonic,
    monotonicTimeNanos: Effect.sync(monotonic),
    sleep: (duration) =>
      Effect.callback((resume) => {
        const cancel = time.in(Duration.toMillis(duration), () => process.soon(() => resume(Effect.void)))
        return Effect.sync(cancel)
      })
  }
}

const schedulerOf = (process: VirtualProcess, maxOps: number): Scheduler.Scheduler => {
  const dispatcher: Scheduler.SchedulerDispatcher = {
    scheduleTask: (task) => process.soon(task),
    flush: () => undefined
  }
  return {
    executionMode: "async",
    shouldYield: (fiber) => fiber.currentOpCount >= maxOps,
    makeDispatcher: () => dispatcher
  }
}
