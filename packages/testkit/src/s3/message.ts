/** One HTTP request as the handler sees it: no socket, so that the same model also runs in one process under virtual time. */
export interface S3Request {
  readonly method: string
  /** Path and query exactly as sent, still percent-encoded: the signature covers these bytes. */
  readonly target: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: AsyncIterable<Uint8Array>
  /** Aborted when the client is gone or the server closes. */
  readonly signal: AbortSignal
}

/** A body that streams. Whoever drops it unread calls `return`, which lets go of the bytes behind it. */
export type S3Stream = AsyncIterableIterator<Uint8Array, undefined>

export interface S3Response {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | S3Stream
}

/** Thrown instead of an answer: the connection ends without one. */
export class Hangup extends Error {
  override readonly name = "Hangup"
  /** `close` ends the connection, `reset` sends a TCP RST, `halfClose` a FIN after what was sent, and reads on. */
  readonly how: "close" | "reset" | "halfClose"

  constructor(how: Hangup["how"]) {
    super(`the server hung up (${how})`)
    this.how = how
  }
}
