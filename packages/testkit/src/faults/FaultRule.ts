import type { Operation } from "../s3/Operation.ts"

/** Which requests a rule means; what is left out matches everything. */
export interface FaultMatch {
  readonly op?: Operation
  readonly bucket?: string
  readonly key?: string | RegExp
  readonly uploadId?: string
  readonly partNumber?: number
  /** Which try of the same operation on the same bucket, key, upload and part, from 1. */
  readonly attempt?: number
  /** Counts what matched so far: the rule begins with the nth, from 1. */
  readonly nth?: number
  /** For actions that answer: `before` (default) the operation is not applied, `after` it is and its answer replaced. */
  readonly phase?: "before" | "after"
}

/**
 * What happens to a request. Byte positions are those of the object's bytes, without transfer framing: of the
 * request's body, or of the answer's for GetObject.
 */
export type FaultAction =
  /** An error answer; `retryAfter` in seconds. */
  | { readonly type: "status"; readonly status: number; readonly code: string; readonly retryAfter?: number }
  /** HTTP 200 and then an `<Error>`, as a long Complete can end. */
  | {
      readonly type: "ok200WithError"
      readonly code: string
      readonly trailingNewline?: boolean
      readonly keepAliveWhitespace?: boolean
    }
  /** HTTP 200 and a captive portal's page. */
  | { readonly type: "html200" }
  /** HTTP 200 and nothing. */
  | { readonly type: "emptyBody" }
  /** The connection ends when the whole body is in, and nothing is stored. */
  | { readonly type: "dropBeforeCommit" }
  /** The operation is applied, its answer lost. */
  | { readonly type: "dropAfterCommit" }
  /** A TCP RST after so many bytes, at the latest at the body's end. Nothing is stored. */
  | { readonly type: "reset"; readonly afterBytes: number }
  /** Reads no further and never answers, after so many bytes, at the latest at the body's end. `close()` frees it. */
  | { readonly type: "stall"; readonly afterBytes: number }
  /** Flips a bit of the byte at this position, from 0. */
  | { readonly type: "corrupt"; readonly byte: number }
  /** Applied, but the answer names another ETag. */
  | { readonly type: "wrongETag" }
  /** Applied as if no server-side encryption had been asked for. */
  | { readonly type: "ignoreSse" }

export interface FaultRule {
  readonly match?: FaultMatch
  readonly action: FaultAction
  /** How often it strikes, 1 by default; `Infinity` for ever. */
  readonly times?: number
}
