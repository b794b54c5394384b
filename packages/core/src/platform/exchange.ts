/**
 * One HTTP exchange with a store: send these bytes, tell how many were accepted, stop on this signal.
 *
 * @module
 */

/** What goes out. Headers are signed already. */
export interface ExchangeRequest {
  readonly method: string
  readonly protocol: "http:" | "https:"
  readonly hostname: string
  readonly port: number | undefined
  /** Path and query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Slices, sent in order; the content-length header says how many bytes they and what `open` gives are. */
  readonly body: ReadonlyArray<Uint8Array>
  /** Bytes that are not in memory, after the slices: a chunk at a time, each valid until the next is asked for. */
  readonly open?: (() => AsyncIterable<Uint8Array>) | undefined
}

export interface ExchangeOptions {
  readonly signal: AbortSignal
  /** Milliseconds to connect, TLS included. */
  readonly connectTimeoutMs: number
  /** A retry opens a connection of its own: the pooled one may be what was broken. */
  readonly freshConnection: boolean
  /** Answer as a stream (GetObject) instead of collected bytes. */
  readonly streamResponse: boolean
  /** Bytes the socket accepted since the last call. */
  readonly onAccepted: ((bytes: number) => void) | undefined
  /** Any sign of life: connected, bytes accepted, bytes answered. */
  readonly onActivity: ((activity?: Activity) => void) | undefined
}

/**
 * What is told of an exchange: that something `moved`, that our own bandwidth limit `held` the bytes back
 * from now on, that they are `freed`.
 */
export type Activity = "moved" | "held" | "freed"

export interface ExchangeResponse {
  readonly statusCode: number
  readonly reason: string | undefined
  readonly headers: Record<string, string>
  readonly body: Uint8Array | ReadableStream<Uint8Array>
}

/** A way to exchange. Rejects only after the attempt's socket is closed. */
export interface Transport {
  readonly exchange: (request: ExchangeRequest, options: ExchangeOptions) => Promise<ExchangeResponse>
  /** Closes idle connections. */
  readonly close: () => void
}

/** A failure below HTTP, with the code that the classification reads. */
export class ExchangeError extends Error {
  readonly code: string
  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = "ExchangeError"
    this.code = code
  }
}

/** Collected bytes without the white space that stores send to keep a slow answer alive. */
export const joinTrimmed = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  let start = 0
  let end = size
  while (start < end && isSpace(whole[start])) start++
  while (end > start && isSpace(whole[end - 1])) end--
  return whole.subarray(start, end)
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
