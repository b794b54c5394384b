/**
 * The classes of failures and what is done about each. Which code belongs to which class: `error-codes.ts`;
 * for people: docs/retries.md, which a test holds to this.
 *
 * @module
 */
import type { Retry } from "../UploadError.ts"

/** What may make the same request succeed, where waiting would not. */
export type Remedy = "credentials" | "clock" | "region"

interface Treatment {
  readonly retry: Retry
  /** Tried before the failure counts as one; where it helps, one more attempt follows. */
  readonly remedy?: Remedy
  /** What the engine does, in docs/retries.md's words. */
  readonly action: string
}

/** Every class, once. */
export const faultClasses = {
  throttle: {
    retry: "temporary",
    action: "again after `throttleBaseMs`, doubling, no sooner than Retry-After; counts against no `maxAttempts`"
  },
  server: { retry: "temporary", action: "again after `retryBaseMs`, doubling" },
  answer: { retry: "temporary", action: "again: what answered is not S3, or says nothing that lasts" },
  network: { retry: "temporary", action: "again over a new connection" },
  away: {
    retry: "temporary",
    action: "again over a new connection; once the store has answered, counts against no `maxAttempts`"
  },
  stall: { retry: "temporary", action: "the socket is closed, again over a new one" },
  integrity: { retry: "temporary", action: "the same bytes again, twice; then it is damaged for good" },
  moved: { retry: "temporary", remedy: "region", action: "region and endpoint corrected, again" },
  redirect: {
    retry: "permanent",
    remedy: "region",
    action: "region and endpoint corrected for the store, once more; else an error"
  },
  credentials: {
    retry: "permanent",
    remedy: "credentials",
    action: "one refresh for all that wait, once more with what it brought; else an error"
  },
  clock: {
    retry: "permanent",
    remedy: "clock",
    action: "the offset learned from the answer, once more; else an error"
  },
  signature: {
    retry: "permanent",
    remedy: "clock",
    action: "as clock where the clocks differ by more than 4 minutes; else an error"
  },
  conflict: { retry: "permanent", action: "an error: the caller decides" },
  gone: { retry: "permanent", action: "an error; on Abort success, on Complete it is looked up" },
  parts: { retry: "permanent", action: "an error; on Complete the parts are compared" },
  fatal: { retry: "permanent", action: "an error at once" }
} as const satisfies Readonly<Record<string, Treatment>>

export type FaultClass = keyof typeof faultClasses

/** The treatment of a class. */
export const treatmentOf = (fault: FaultClass): Treatment => faultClasses[fault]
