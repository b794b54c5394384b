/**
 * The SDK's `requestHandler`: client-s3 serialises, signs and parses; the bytes go through our transport.
 *
 * @module
 */
import type { PartBody } from "../ObjectStore.ts"
import type { ExchangeResponse, Transport } from "../platform/exchange.ts"

/** What one call adds to the SDK's options; reaches the handler through `client.send(command, options)`. */
export interface CallOptions {
  readonly abortSignal: AbortSignal
  /** The payload; the SDK itself only ever sees its headers. */
  readonly payload?: PartBody | undefined
  readonly onActivity?: (() => void) | undefined
  readonly freshConnection?: boolean
  readonly streamResponse?: boolean
}

/** The parts of the SDK's request that are read here. */
interface SignedRequest {
  readonly method: string
  readonly protocol: string
  readonly hostname: string
  readonly port?: number | undefined
  readonly path: string
  readonly query?: Record<string, string | Array<string> | null> | undefined
  readonly headers: Record<string, string>
  readonly body?: unknown
}

const encode = (value: string): string =>
  encodeURIComponent(value).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

const queryOf = (query: SignedRequest["query"]): string => {
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) =>
    value === null || value === ""
      ? [`${encode(name)}=`]
      : (Array.isArray(value) ? value : [value]).map((one) => `${encode(name)}=${encode(one)}`)
  )
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`
}

const smallBody = (body: unknown): ReadonlyArray<Uint8Array> =>
  body instanceof Uint8Array ? [body] : typeof body === "string" && body !== "" ? [new TextEncoder().encode(body)] : []

/** A handler over a transport. One attempt a call: the engine retries. */
export const makeRequestHandler = (transport: Transport, connectTimeoutMs: number) => ({
  metadata: { handlerProtocol: "http/1.1" },
  handle: async (request: SignedRequest, options?: CallOptions): Promise<{ response: ExchangeResponse }> => {
    const signal = options?.abortSignal ?? new AbortController().signal
    const payload = options?.payload
    const response = await transport.exchange(
      {
        method: request.method,
        protocol: request.protocol === "https:" ? "https:" : "http:",
        hostname: request.hostname,
        port: request.port,
        path: `${request.path}${queryOf(request.query)}`,
        headers: request.headers,
        body: payload === undefined ? smallBody(request.body) : payload.slices
      },
      {
        signal,
        connectTimeoutMs,
        freshConnection: options?.freshConnection ?? false,
        streamResponse: options?.streamResponse ?? false,
        onAccepted: payload?.onAccepted,
        onActivity: options?.onActivity
      }
    )
    return { response }
  },
  destroy: () => transport.close()
})
