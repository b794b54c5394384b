import type { EngineOptions } from "@sluice/core/Defaults"
import { type Capabilities, profiles } from "@sluice/core/Limits"
import type { UploadRequest } from "@sluice/core/Uploader"
import type { Trouble, Weather } from "./Faults.ts"
import type { Guests } from "./guests.ts"
import { makePrng, type Prng } from "./Prng.ts"

/** An upload that somebody wants, and how stubbornly. */
export interface Job {
  readonly name: string
  /** Milliseconds after the beginning. */
  readonly atMs: number
  /** Which of the processes. */
  readonly node: number
  readonly key: string
  readonly content: Uint8Array
  /** Whether the source says how long it is. */
  readonly sized: boolean
  /** Whether it can be read again. */
  readonly replayable: boolean
  readonly request: Pick<
    UploadRequest,
    "concurrency" | "multipart" | "multipartThreshold" | "onFailure" | "ifNoneMatch"
  >
  /** How often it is resumed, after so many milliseconds, by so many at once. */
  readonly rounds: number
  readonly pauseMs: number
  readonly resumers: number
}

/** Somebody else who does something. */
export interface Disturbance {
  readonly name: string
  readonly atMs: number
  readonly kind: "sweep" | "cancel" | "foreign put" | "foreign abort"
  /** Which job or process it is about. */
  readonly at: number
  readonly olderThanMs: number
}

/** Everything that a seed decides beside the faults. */
export interface Scenario {
  readonly capabilities: Capabilities
  readonly weather: Weather
  readonly durable: boolean
  readonly idempotentComplete: boolean
  readonly pageSize: number
  readonly nodes: number
  readonly skews: ReadonlyArray<number>
  readonly memoryBudget: number
  readonly maxOps: number
  readonly restartMs: number
  readonly keys: ReadonlyArray<string>
  readonly guests: Guests
  readonly engine: Pick<
    EngineOptions,
    | "maxAttempts"
    | "maxAttemptsInAll"
    | "retryWithinMs"
    | "leaseMs"
    | "stallTimeoutMs"
    | "completeIdleTimeoutMs"
    | "hedge"
    | "concurrency"
    | "onFailure"
  >
  readonly jobs: ReadonlyArray<Job>
  readonly disturbances: ReadonlyArray<Disturbance>
  readonly storms: ReadonlyArray<{
    readonly site: string
    readonly atMs: number
    readonly ms: number
    readonly trouble: Trouble
    readonly share: number
  }>
  readonly mostSteps: number
}

/** How hard a world is: most are rough, some are fair, so that what needs fair weather is seen as well. */
const drawWeather = (prng: Prng, durable: boolean): Weather => {
  const rough = prng.pick([0, 0.02, 0.05, 0.1, 0.2])
  return {
    store: rough,
    journal: prng.pick([0, 0, 0.01, 0.05]),
    // What only lives in memory dies with its process, and so would the knowledge of what is left.
    kill: durable ? prng.pick([0, 0, 0.005, 0.02]) : 0,
    freeze: prng.pick([0, 0, 0, 0.01]),
    plugin: prng.pick([0, 0.02, 0.1])
  }
}

const providers = ["generic", "aws", "minio", "r2", "b2", "gcs", "ceph"] as const
const second = 1_000
const minute = 60 * second

interface JobInput {
  readonly index: number
  readonly keys: ReadonlyArray<string>
  readonly partSize: number
  /** The store honours conditions. */
  readonly conditional: boolean
  /** A plugin changes lengths. */
  readonly length: boolean
}

const drawJob = (prng: Prng, { conditional, index, keys, length, partSize }: JobInput): Job => {
  const parts = prng.pick([0, 1, 1, 2, 2, 3, 6])
  const size = Math.max(0, parts * partSize - prng.below(partSize))
  const replayable = prng.chance(0.8)
  const sized = prng.chance(0.7)
  // One PUT of unknown length may hold as much as memory does, and the simulation's is small.
  const modes = sized && !length ? (["always", "never"] as const) : (["always"] as const)
  return {
    name: `upload ${index}`,
    atMs: prng.below(30 * second),
    node: prng.below(8),
    key: keys[prng.below(keys.length)] ?? "a",
    content: prng.fill(new Uint8Array(size)),
    sized,
    replayable,
    request: {
      multipartThreshold: partSize,
      concurrency: prng.between(1, 4),
      onFailure: prng.pick(["auto", "auto", "keep", "abort"]),
      ...(prng.chance(0.1) ? { multipart: prng.pick(modes) } : {}),
      ...(conditional && prng.chance(0.15) ? { ifNoneMatch: "*" as const } : {})
    },
    rounds: prng.below(4),
    pauseMs: prng.between(100, 2 * minute),
    resumers: prng.chance(0.15) ? 2 : 1
  }
}

/** The scenario of a seed. */
export const drawScenario = (seed: number): Scenario => {
  const prng = makePrng(seed, "scenario")
  const profile = profiles[prng.pick(providers)]
  const durable = prng.chance(0.85)
  const partSize = prng.between(16, 96)
  const keys = ["talks/a", "talks/b", "c"].slice(0, prng.between(1, 3))
  const guests: Guests = {
    partSize,
    bytes: prng.chance(0.2),
    length: prng.chance(0.1),
    deliver: prng.chance(0.3),
    watch: prng.chance(0.2)
  }
  const jobs = Array.from({ length: prng.between(2, 8) }, (_, i) =>
    drawJob(prng, { index: i + 1, keys, partSize, conditional: profile.conditionalWrites, length: guests.length })
  )
  const maxAttempts = prng.between(3, 8)
  const kinds = ["sweep", "sweep", "cancel", "foreign put", "foreign abort"] as const
  return {
    capabilities: { ...profile, limits: { ...profile.limits, minPartSize: 1 } },
    weather: drawWeather(prng, durable),
    durable,
    idempotentComplete: prng.chance(0.5),
    pageSize: prng.pick([1, 2, 3, 1_000]),
    nodes: prng.between(1, 3),
    skews: [0, prng.between(-60 * second, 60 * second), prng.between(-10 * second, 10 * second)],
    memoryBudget: prng.between(2, 8) * 256 * 1024,
    maxOps: prng.pick([16, 128, 2_048]),
    restartMs: prng.between(100, minute),
    keys,
    guests,
    engine: {
      maxAttempts,
      maxAttemptsInAll: prng.pick([maxAttempts, 100]),
      retryWithinMs: prng.between(1, 10) * minute,
      leaseMs: prng.between(6, 30) * second,
      stallTimeoutMs: prng.between(2, 20) * second,
      completeIdleTimeoutMs: prng.between(5, 60) * second,
      hedge: prng.chance(0.2) ? "last-part" : "off",
      concurrency: 4,
      onFailure: "auto"
    },
    jobs,
    disturbances: Array.from({ length: prng.below(4) }, (_, i) => {
      const kind = prng.pick(kinds)
      return {
        ...{ kind, name: `${kind} ${i + 1}`, at: prng.below(8), atMs: prng.below(5 * minute) },
        olderThanMs: prng.pick([minute, 10 * minute, 7 * 24 * 60 * minute])
      }
    }),
    storms: Array.from({ length: prng.chance(0.3) ? 1 : 0 }, (_, i) => ({
      site: `storm ${i + 1}`,
      atMs: prng.below(minute),
      ms: prng.between(second, 3 * minute),
      trouble: prng.pick(["throttled", "busy", "away"]),
      share: prng.pick([0.5, 0.9, 1])
    })),
    mostSteps: 400_000
  }
}
