/**
 * Every default of the engine in one table: the option's name, its environment variable, its value.
 *
 * @module
 */
import * as Result from "effect/Result"
import { KiB, MiB } from "./Limits.ts"
import type { ChecksumAlgorithm } from "./ObjectStore.ts"
import { invalidRequest, type UploadError } from "./UploadError.ts"

/** Whether an upload is multipart: never, above the threshold, or always. */
export type MultipartMode = "never" | "auto" | "always"
/** Whether the last part in flight, when it takes twice as long as others did, is sent a second time beside itself. */
export type Hedge = "off" | "last-part"
/** When a payload's SHA-256 is signed. `auto`: only over plain http to another machine. */
export type PayloadSigning = "auto" | "always" | "never"

/**
 * What becomes of an upload that fails or is interrupted. `auto`: kept for resume where the journal is durable,
 * the source can be read again and the reason is not permanent; else aborted.
 */
export type OnFailure = "abort" | "keep" | "auto"

/** The engine's knobs. Sizes in bytes, times in milliseconds. */
export interface EngineOptions {
  /** Bytes a part (5 MiB … 5 GiB). Grows where 10,000 parts would not hold the object. */
  readonly partSize: number
  /** Parts of one upload in flight (1 … 256). */
  readonly concurrency: number
  /** From this size on, an upload is multipart. Default: the part size. */
  readonly multipartThreshold: number
  readonly multipart: MultipartMode
  readonly onFailure: OnFailure
  /** Attempts a request that the store deals with (1 … 100), the first included. */
  readonly maxAttempts: number
  /**
   * All attempts of a request: also those that the store turned away (throttled) or that found no way to it. Follows
   * `maxAttempts` where that is set.
   */
  readonly maxAttemptsInAll: number
  /** Trouble that a request outlives: no attempt begins later. Time in which its bytes move at 1 MiB/s does not count. */
  readonly retryWithinMs: number
  /** First backoff of a passing fault; doubles up to `retryCapMs`, full jitter. */
  readonly retryBaseMs: number
  /** First backoff when throttled. */
  readonly throttleBaseMs: number
  /** Longest backoff. */
  readonly retryCapMs: number
  /** Time to connect, TLS included. */
  readonly connectTimeoutMs: number
  /** No byte accepted by the socket and none answered for this long: the attempt is ended and retried. */
  readonly stallTimeoutMs: number
  /**
   * Bytes a second. An attempt whose socket takes fewer, over `minThroughputWindowMs`, is ended and retried over a new
   * connection. 0: no bound.
   */
  readonly minThroughput: number
  readonly minThroughputWindowMs: number
  /** Longest single attempt, beside the time that its bytes need at `minThroughput`, or at 8 KiB/s if that is less. */
  readonly attemptTimeoutMs: number
  /** How long Complete may be silent; whitespace counts as progress. */
  readonly completeIdleTimeoutMs: number
  /**
   * How long a plugin's hook may take to answer, and one that transforms bytes to give more of them when it has its input.
   * `send` may wait for as long as it likes. Longer than `retryWithinMs`, for hooks may ask the store.
   */
  readonly hookTimeoutMs: number
  readonly hedge: Hedge
  /** Connections to the store at a time; 0: as many as there are requests. */
  readonly maxSockets: number
  /** How long a session's lease holds without renewal. */
  readonly leaseMs: number
  /** Bytes of payload this process may hold. */
  readonly memoryBudget: number
  /** Uploads of one uploader that run at once (1 … 100,000). */
  readonly maxUploads: number
  /** Uploads that may wait for their turn (0 … 10,000,000); one more fails at once with `Rejected`, status 429. */
  readonly maxQueuedUploads: number
  readonly payloadSigning: PayloadSigning
  /** What the store is told of each part. CRC32C needs the package `@node-rs/crc32`, CRC64NVME `hash-wasm`. */
  readonly checksumAlgorithm: ChecksumAlgorithm
  /** Events kept for listeners that come late. */
  readonly eventBuffer: number
}

/** Bytes of one slab; a part is a list of slabs, written without concatenation. */
export const slabSize = 256 * KiB

/** The defaults (DESIGN §4). `multipartThreshold` follows `partSize` unless it is set. */
export const defaults: EngineOptions = {
  partSize: 8 * MiB,
  concurrency: 4,
  multipartThreshold: 8 * MiB,
  multipart: "auto",
  onFailure: "auto",
  maxAttempts: 8,
  maxAttemptsInAll: 100,
  retryWithinMs: 600_000,
  retryBaseMs: 100,
  throttleBaseMs: 1_000,
  retryCapMs: 20_000,
  connectTimeoutMs: 5_000,
  stallTimeoutMs: 20_000,
  minThroughput: 1,
  minThroughputWindowMs: 30_000,
  attemptTimeoutMs: 600_000,
  completeIdleTimeoutMs: 60_000,
  hookTimeoutMs: 900_000,
  hedge: "off",
  maxSockets: 0,
  leaseMs: 30_000,
  memoryBudget: 256 * MiB,
  maxUploads: 256,
  maxQueuedUploads: 10_000,
  payloadSigning: "auto",
  checksumAlgorithm: "CRC32",
  eventBuffer: 1_024
}

/** Sets of options with a name: `createSluice({ ...presets.classic, store })`. */
export const presets = {
  /** What scripts over boto3 commonly set: connect 10 s, read 60 s, 50 connections. */
  classic: { connectTimeoutMs: 10_000, stallTimeoutMs: 60_000, maxSockets: 50 }
} as const satisfies Readonly<Record<string, Partial<EngineOptions>>>

/** How an option is written in the environment. */
export type OptionKind = "size" | "count" | "duration" | { readonly oneOf: ReadonlyArray<string> }

/** The environment variable of each option. Sizes as `8MiB` or bytes, times as `5 seconds` or milliseconds. */
export const environment: Readonly<Record<keyof EngineOptions, { readonly name: string; readonly kind: OptionKind }>> =
  {
    partSize: { name: "SLUICE_PART_SIZE", kind: "size" },
    concurrency: { name: "SLUICE_CONCURRENCY", kind: "count" },
    multipartThreshold: { name: "SLUICE_MULTIPART_THRESHOLD", kind: "size" },
    multipart: { name: "SLUICE_MULTIPART", kind: { oneOf: ["never", "auto", "always"] } },
    onFailure: { name: "SLUICE_ON_FAILURE", kind: { oneOf: ["abort", "keep", "auto"] } },
    maxAttempts: { name: "SLUICE_MAX_ATTEMPTS", kind: "count" },
    maxAttemptsInAll: { name: "SLUICE_MAX_ATTEMPTS_IN_ALL", kind: "count" },
    retryWithinMs: { name: "SLUICE_RETRY_WITHIN", kind: "duration" },
    retryBaseMs: { name: "SLUICE_RETRY_BASE", kind: "duration" },
    throttleBaseMs: { name: "SLUICE_THROTTLE_BASE", kind: "duration" },
    retryCapMs: { name: "SLUICE_RETRY_CAP", kind: "duration" },
    connectTimeoutMs: { name: "SLUICE_CONNECT_TIMEOUT", kind: "duration" },
    stallTimeoutMs: { name: "SLUICE_STALL_TIMEOUT", kind: "duration" },
    minThroughput: { name: "SLUICE_MIN_THROUGHPUT", kind: "size" },
    minThroughputWindowMs: { name: "SLUICE_MIN_THROUGHPUT_WINDOW", kind: "duration" },
    attemptTimeoutMs: { name: "SLUICE_ATTEMPT_TIMEOUT", kind: "duration" },
    completeIdleTimeoutMs: { name: "SLUICE_COMPLETE_IDLE_TIMEOUT", kind: "duration" },
    hookTimeoutMs: { name: "SLUICE_HOOK_TIMEOUT", kind: "duration" },
    hedge: { name: "SLUICE_HEDGE", kind: { oneOf: ["off", "last-part"] } },
    maxSockets: { name: "SLUICE_MAX_SOCKETS", kind: "count" },
    leaseMs: { name: "SLUICE_LEASE", kind: "duration" },
    memoryBudget: { name: "SLUICE_MEMORY_BUDGET", kind: "size" },
    maxUploads: { name: "SLUICE_MAX_UPLOADS", kind: "count" },
    maxQueuedUploads: { name: "SLUICE_MAX_QUEUED_UPLOADS", kind: "count" },
    payloadSigning: { name: "SLUICE_PAYLOAD_SIGNING", kind: { oneOf: ["auto", "always", "never"] } },
    checksumAlgorithm: { name: "SLUICE_CHECKSUM_ALGORITHM", kind: { oneOf: ["CRC32", "CRC32C", "CRC64NVME"] } },
    eventBuffer: { name: "SLUICE_EVENT_BUFFER", kind: "count" }
  }

/** Bounds of the numeric options, inclusive. */
const bounds: Readonly<Partial<Record<keyof EngineOptions, readonly [number, number]>>> = {
  partSize: [5 * MiB, 5 * 1024 * MiB],
  concurrency: [1, 256],
  multipartThreshold: [1, 5 * 1024 * MiB],
  maxAttempts: [1, 100],
  maxAttemptsInAll: [1, 10_000],
  retryWithinMs: [0, Number.MAX_SAFE_INTEGER],
  retryBaseMs: [1, 3_600_000],
  throttleBaseMs: [1, 3_600_000],
  retryCapMs: [1, 3_600_000],
  connectTimeoutMs: [1, 3_600_000],
  stallTimeoutMs: [1, 86_400_000],
  minThroughput: [0, Number.MAX_SAFE_INTEGER],
  minThroughputWindowMs: [1_000, 3_600_000],
  attemptTimeoutMs: [1, 7 * 86_400_000],
  completeIdleTimeoutMs: [1, 86_400_000],
  hookTimeoutMs: [1, 86_400_000],
  maxSockets: [0, 65_535],
  leaseMs: [1_000, 86_400_000],
  memoryBudget: [16 * MiB, Number.MAX_SAFE_INTEGER],
  maxUploads: [1, 100_000],
  maxQueuedUploads: [0, 10_000_000],
  eventBuffer: [1, 1_000_000]
}

/** What is wrong with one option, or undefined. */
export const optionProblem = (name: keyof EngineOptions, value: unknown): string | undefined => {
  const range = bounds[name]
  if (range !== undefined) {
    const [least, most] = range
    return typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most
      ? undefined
      : `${name} must be a whole number from ${least} to ${most}, not ${String(value)}`
  }
  const { kind } = environment[name]
  return typeof kind === "object" && typeof value === "string" && kind.oneOf.includes(value)
    ? undefined
    : `${name} must be one of ${typeof kind === "object" ? kind.oneOf.join(", ") : kind}, not ${String(value)}`
}

const isOption = (name: string): name is keyof EngineOptions => name in defaults

/** The defaults with what is given laid over them; fails naming every option that makes no sense. */
export const engineOptions = (given: Partial<EngineOptions>): Result.Result<EngineOptions, UploadError> => {
  const set = Object.fromEntries(Object.entries(given).filter(([name, value]) => isOption(name) && value !== undefined))
  const problems = Object.entries(set).flatMap(([name, value]) =>
    isOption(name) ? (optionProblem(name, value) ?? []) : []
  )
  if (problems.length > 0) return Result.fail(invalidRequest(problems.join("; ")))
  const options: EngineOptions = { ...defaults, ...set }
  return Result.succeed({
    ...options,
    ...(given.multipartThreshold === undefined ? { multipartThreshold: options.partSize } : {}),
    ...(given.maxAttempts !== undefined && given.maxAttemptsInAll === undefined
      ? { maxAttemptsInAll: options.maxAttempts }
      : {})
  })
}
