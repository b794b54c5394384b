/**
 * What one call carries beside its operation: its payload, its signal, its signs of life.
 *
 * @module
 */
import type { PartBody, Watched } from "../ObjectStore.ts"
import type { ExchangeOptions, ExchangeResponse } from "../platform/exchange.ts"

/** A request as it was signed. */
export interface SignedRequest {
  readonly method: string
  readonly protocol: string
  readonly hostname: string
  readonly port?: number | undefined
  readonly path: string
  readonly query?: Record<string, string | Array<string> | null> | undefined
  readonly headers: Record<string, string>
  readonly body?: unknown
}

interface CallOptions {
  readonly signal: AbortSignal
  readonly payload?: PartBody | undefined
  /** Headers that describe the payload; signed with the rest. */
  readonly payloadHeaders?: Readonly<Record<string, string>> | undefined
  readonly onActivity?: Watched["onActivity"]
  readonly freshConnection?: boolean | undefined
  readonly streamResponse?: boolean | undefined
}

/** One call to the store. */
export class StoreCall {
  readonly options: CallOptions
  /** The request as it was signed and sent, once it is. */
  request: SignedRequest | undefined = undefined
  /** The answer, when it is there already: it is only to be read. */
  answered: ExchangeResponse | undefined = undefined
  constructor(options: CallOptions) {
    this.options = options
  }
}

/** How the transport carries `call`. */
export const exchangeOptions = (call: StoreCall | undefined, connectTimeoutMs: number): ExchangeOptions => {
  const options = call?.options
  return {
    // Requests that the SDK makes for itself (none today) have no call of ours to end them.
    signal: options?.signal ?? new AbortController().signal,
    connectTimeoutMs,
    freshConnection: options?.freshConnection ?? false,
    streamResponse: options?.streamResponse ?? false,
    onAccepted: options?.payload?.onAccepted,
    onActivity: options?.onActivity
  }
}
