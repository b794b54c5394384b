/**
 * The SDK's `requestHandler`: client-s3 serialises, signs and parses; the bytes go through our transport.
 *
 * @module
 */
import type { ExchangeResponse, Transport } from "../platform/exchange.ts"
import { encode } from "./encode.ts"
import { exchangeOptions, type SignedRequest } from "./StoreCall.ts"
import { callOfRequest } from "./sdk-call.ts"

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
