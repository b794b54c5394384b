/**
 * The SDK's `requestHandler`: client-s3 serialises, signs and parses; the bytes go through our transport.
 *
 * @module
 */
import type { ExchangeOptions, ExchangeResponse, Transport } from "../platform/exchange.ts"
import { callOfRequest, type SdkCall } from "./sdk-call.ts"

/** The parts of the SDK's request that are read here. */
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

/** As S3 wants names and values in a path or query (RFC 3986 unreserved characters stay). */
export const encode = (value: string): string =>
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

/** How the transport carries `call`. */
export const exchangeOptions = (call: SdkCall | undefined, connectTimeoutMs: number): ExchangeOptions => {
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

/** A handler over a transport. One attempt a call: the engine retries. */
export const makeRequestHandler = (transport: Transport, connectTimeoutMs: number) => ({
  metadata: { handlerProtocol: "http/1.1" },
  handle: async (request: SignedRequest): Promise<{ response: ExchangeResponse }> => {
    const call = callOfRequest(request)
    if (call?.answered !== undefined) return { response: call.answered }
    const payload = call?.options.payload
    const response = await transport.exchange(
      {
        method: request.method,
        protocol: request.protocol === "https:" ? "https:" : "http:",
        hostname: request.hostname,
        port: request.port,
        path: `${request.path}${queryOf(request.query)}`,
        headers: request.headers,
        body: payload === undefined ? smallBody(request.body) : payload.slices,
        open: payload?.open
      },
      exchangeOptions(call, connectTimeoutMs)
    )
    return { response }
  },
  destroy: () => transport.close()
})
