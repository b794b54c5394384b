import type { Operation } from "../s3/Operation.ts"

/**
 * When a rule strikes. `before`: nothing was applied yet (a request's default). `after`: the operation was applied.
 * `body`: the bytes towards the store. `response`: those towards the client.
 */
export type FaultPhase = "before" | "body" | "after" | "response"

/** Which requests, or connections, a rule means; what is left out matches everything. */
export interface FaultMatch {
  readonly op?: Operation
  readonly bucket?: string
  readonly key?: string | RegExp
  readonly uploadId?: string
  readonly partNumber?: number
  /** Which try of the same operation on the same bucket, key, upload and part, from 1. */
  readonly attempt?: number
  /** The nth TCP connection since the proxy began, from 1, or `any`: the rule then means connections, not requests. */
  readonly connection?: number | "any"
  /** Counts what matched so far: the rule begins with the nth, from 1. */
  readonly nth?: number
  /** From 0 to 1. What the seed decides for a request does not depend on those around it. */
  readonly probability?: number
  readonly phase?: FaultPhase
}

/** What happens to requests alone. */
export type RequestFault =
  /** An error answer; `retryAfter` in seconds. `page`: in HTML, as load balancers answer. */
  | {
      readonly type: "status"
      readonly status: number
      readonly code: string
      readonly retryAfter?: number
      readonly page?: boolean
    }
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
  /** HTTP 200 and white space. */
  | { readonly type: "blankBody" }
  /** The connection ends when the whole body is in, and nothing is stored. */
  | { readonly type: "dropBeforeCommit" }
  /** The operation is applied, its answer lost. */
  | { readonly type: "dropAfterCommit" }
  /** Applied twice, answered once. The body is held in memory. */
  | { readonly type: "duplicate" }
  /** Two requests that it strikes, one after the other, get each other's answers: `times` is 2 or more. */
  | { readonly type: "swap" }
  /** White space, so often, before an answer of XML: a store that is at work. */
  | { readonly type: "keepAlive"; readonly everyMs: number; readonly blanks: number }
  /** Applied, but the answer names another ETag. */
  | { readonly type: "wrongETag" }
  /** Applied, but the answer names other checksums, where it names any. */
  | { readonly type: "wrongChecksum" }
  /** Applied as if no server-side encryption had been asked for. The embedded server only. */
  | { readonly type: "ignoreSse" }
  /** Applied, but the answer does not say that the object is encrypted. */
  | { readonly type: "hideSse" }
  /** The multipart upload is aborted behind the client's back, as a lifecycle rule does; then the request goes on. */
  | { readonly type: "abortUpload" }
  /** This and every later request under the same access key is answered ExpiredToken. */
  | { readonly type: "expireCredentials" }
  /** The server's clock jumps, from the next request on. The embedded server only. */
  | { readonly type: "clockJump"; readonly ms: number }

/**
 * What happens to bytes, of a request or of a connection. Positions are those of the object's bytes, without transfer
 * framing (before a store behind a proxy: of the HTTP body): of the request's body, or of the answer's for GetObject and
 * in phase `response`. Of a connection they are those of the wire, towards the store unless the phase is `response`.
 */
export type ByteFault =
  /** A TCP RST after so many bytes, at the latest at the body's end. Nothing is stored. */
  | { readonly type: "reset"; readonly afterBytes: number }
  /** A FIN after so many bytes, and no answer; the other half stays open. */
  | { readonly type: "halfClose"; readonly afterBytes: number }
  /** Reads no further and never answers, after so many bytes, at the latest at the body's end. `close()` frees it. */
  | { readonly type: "stall"; readonly afterBytes: number }
  /** Takes everything and never answers; in phase `after`, or `response`, the store has heard it. `close()` frees it. */
  | { readonly type: "hang" }
  /** What follows after so many bytes is missing, and nothing tells so. */
  | { readonly type: "truncate"; readonly afterBytes: number }
  /** Flips a bit of the byte at this position, from 0; without one the seed chooses it. */
  | { readonly type: "corrupt"; readonly byte?: number }
  /** Waits: before or after the operation; on a connection, each piece of data. `jitterMs` more at most, by the seed. */
  | { readonly type: "delay"; readonly ms: number; readonly jitterMs?: number }
  /** Lets so many bytes a second through: reads slowly, or writes slowly in phase `response`. */
  | { readonly type: "slow"; readonly bytesPerSecond: number }
  /** Tiny pieces of at most so many bytes, each of a size that the seed chooses. */
  | { readonly type: "slice"; readonly bytes: number }

/** What happens to connections alone. */
export type ConnectionFault =
  /** Both directions fall silent after so many bytes towards the store, and no end of either side is passed on. */
  | { readonly type: "blackhole"; readonly afterBytes: number }
  /** Reset as soon as it is there. */
  | { readonly type: "refuse" }
  /** Reset as soon as it is there while `max` others are open. */
  | { readonly type: "connectionLimit"; readonly max: number }
  /** An end is passed on so much later. */
  | { readonly type: "slowClose"; readonly ms: number }

export type FaultAction = RequestFault | ByteFault | ConnectionFault

export interface FaultRule {
  readonly match?: FaultMatch
  readonly action: FaultAction
  /** How often it strikes, 1 by default; `Infinity` for ever. */
  readonly times?: number
}
