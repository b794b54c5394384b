import { type UploadError, uploadError } from "@sluice/core/UploadError"
import type { OperationName } from "./History.ts"
import type { Prng } from "./Prng.ts"

/** A passing error, as the engine sees it. */
export type Trouble = "busy" | "away" | "reset" | "page" | "throttled"

/** What can go wrong at one call of the store. */
export type StoreFault =
  /** An error, and nothing was done. Also what a 200 with an error in it means. */
  | { readonly _tag: "Refused"; readonly trouble: Trouble }
  /** Permanently so, this once. */
  | { readonly _tag: "Denied" }
  /** Done, and the answer lost. */
  | { readonly _tag: "AnswerLost"; readonly trouble: Trouble }
  /** No answer, ever. */
  | { readonly _tag: "Silent"; readonly applied: boolean }
  /** An error now; it is done later all the same. */
  | { readonly _tag: "Late"; readonly ms: number }
  /** The answer takes its time. */
  | { readonly _tag: "Slow"; readonly ms: number }
  /** Bytes change on the way, and the store says so. */
  | { readonly _tag: "Corrupted" }
  /** Bytes change on the way, and the store's CRC32 in the answer shows it. */
  | { readonly _tag: "Misstored" }
  /** Stored, and the answer names another ETag. */
  | { readonly _tag: "WrongETag" }
  | ProcessFault

/** What can happen to a process at any call it makes. */
export type ProcessFault =
  | { readonly _tag: "Killed"; readonly when: "sent" | "applied" | "answered" }
  | { readonly _tag: "Frozen"; readonly ms: number }

/** What can go wrong at one call of the journal. */
export type JournalFault =
  | { readonly _tag: "JournalAway"; readonly applied: boolean }
  | { readonly _tag: "JournalSlow"; readonly ms: number }
  | ProcessFault

/** How often things go wrong, 0 … 1 each. */
export interface Weather {
  readonly store: number
  readonly journal: number
  readonly kill: number
  readonly freeze: number
  readonly plugin: number
}

const troubles: Readonly<Record<Trouble, () => UploadError>> = {
  busy: () => uploadError({ _tag: "Unavailable", message: "the store is in trouble (500)" }),
  away: () => uploadError({ _tag: "Unavailable", message: "nobody is there (ECONNREFUSED)", away: true }),
  reset: () => uploadError({ _tag: "Unavailable", message: "the connection broke (ECONNRESET)" }),
  page: () => uploadError({ _tag: "InvalidResponse", message: "the answer is not S3's" }),
  throttled: () => uploadError({ _tag: "Throttled", code: "SlowDown" })
}

/** The error of a trouble. */
export const troubleError = (trouble: Trouble): UploadError => troubles[trouble]()

const beforeTroubles = ["busy", "away", "reset", "page", "throttled"] as const
/** What can be heard of a request that was done. */
const afterTroubles = ["busy", "reset", "page"] as const

const processFault = (prng: Prng, { freeze, kill }: Weather): ProcessFault | undefined => {
  const dice = prng.next()
  if (dice < kill) return { _tag: "Killed", when: prng.pick(["sent", "applied", "answered"]) }
  if (dice < kill + freeze) return { _tag: "Frozen", ms: prng.between(1_000, 90_000) }
  return undefined
}

const writes: ReadonlySet<OperationName> = new Set(["UploadPart", "PutObject"])

/** Draws what goes wrong at a call of the store; mostly nothing. */
export const drawStoreFault = (
  prng: Prng,
  weather: Weather,
  operation: OperationName,
  checksums: boolean
): StoreFault | undefined => {
  const fatal = processFault(prng, weather)
  if (fatal !== undefined) return fatal
  if (!prng.chance(weather.store)) return undefined
  const dice = prng.below(100)
  if (dice < 30) return { _tag: "Refused", trouble: prng.pick(beforeTroubles) }
  if (dice < 32) return { _tag: "Denied" }
  if (dice < 55) return { _tag: "AnswerLost", trouble: prng.pick(afterTroubles) }
  if (dice < 68) return { _tag: "Silent", applied: prng.chance(0.5) }
  if (dice < 78) return { _tag: "Slow", ms: prng.between(100, 30_000) }
  // A Create that is done when nobody listens any more could be found by nobody (docs/reliability.md, row 2).
  if (dice < 86 && operation !== "CreateMultipartUpload") return { _tag: "Late", ms: prng.between(100, 300_000) }
  if (!writes.has(operation)) return { _tag: "Refused", trouble: prng.pick(beforeTroubles) }
  if (dice < 92) return { _tag: "Corrupted" }
  if (operation === "PutObject" || !checksums) return { _tag: "AnswerLost", trouble: prng.pick(afterTroubles) }
  return dice < 96 ? { _tag: "Misstored" } : { _tag: "WrongETag" }
}

/** Draws what goes wrong at a call of the journal; mostly nothing. */
export const drawJournalFault = (prng: Prng, weather: Weather): JournalFault | undefined => {
  const fatal = processFault(prng, weather)
  if (fatal !== undefined) return fatal
  if (!prng.chance(weather.journal)) return undefined
  return prng.chance(0.7)
    ? { _tag: "JournalAway", applied: prng.chance(0.5) }
    : { _tag: "JournalSlow", ms: prng.between(100, 10_000) }
}
