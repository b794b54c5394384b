/**
 * Exchanges over `fetch` (Bun, and the edge, where there are no sockets).
 *
 * @module
 */
import { ExchangeError, type ExchangeRequest, type ExchangeResponse, joinTrimmed, type Transport } from "./exchange.ts"

/** A pulled body: what was pulled is what was accepted, as near as fetch lets us see. */
const streamOf = (slices: ReadonlyArray<Uint8Array>, onPulled: (bytes: number) => void): ReadableStream<Uint8Array> => {
  let next = 0
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const slice = slices[next++]
        if (slice === undefined) return controller.close()
        controller.enqueue(slice)
        onPulled(slice.length)
      }
    },
    { highWaterMark: 0 }
  )
}

const urlOf = ({ protocol, hostname, port, path }: ExchangeRequest): string =>
  `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "ECONNRESET"

/** Only these may be streamed with a content-length that is honoured; others drop the header (measured). */
const honoursContentLength = "Bun" in globalThis

export const fetchTransport: Transport = {
  exchange: async (request, options): Promise<ExchangeResponse> => {
    const { signal, onAccepted, onActivity } = options
    const connect = new AbortController()
    // fetch does not say when it has connected: the first pull of the body tells, where bodies are pulled.
    const timer =
      honoursContentLength && request.body.length > 0
        ? setTimeout(
            () => connect.abort(new ExchangeError("ETIMEDOUT", `no connection within ${options.connectTimeoutMs} ms`)),
            options.connectTimeoutMs
          )
        : undefined
    const alive = (bytes: number): void => {
      clearTimeout(timer)
      onActivity?.()
      if (bytes > 0) onAccepted?.(bytes)
    }
    const { host: _, ...headers } = request.headers
    const total = request.body.reduce((sum, slice) => sum + slice.length, 0)
    try {
      const response = await fetch(urlOf(request), {
        method: request.method,
        headers,
        redirect: "manual",
        signal: AbortSignal.any([signal, connect.signal]),
        ...(request.body.length === 0
          ? {}
          : honoursContentLength
            ? { body: streamOf(request.body, alive), duplex: "half" }
            : { body: new Blob(request.body.map((slice) => slice.slice())) })
      })
      alive(honoursContentLength ? 0 : total)
      const head = {
        statusCode: response.status,
        reason: response.statusText,
        headers: Object.fromEntries(response.headers.entries())
      }
      if (options.streamResponse && response.ok && response.body !== null) return { ...head, body: response.body }
      const chunks: Array<Uint8Array> = []
      for await (const chunk of response.body ?? []) {
        onActivity?.()
        chunks.push(chunk)
      }
      return { ...head, body: joinTrimmed(chunks) }
    } catch (cause) {
      if (connect.signal.aborted) throw connect.signal.reason
      if (signal.aborted) throw new ExchangeError("ABORT_ERR", "the attempt was ended", cause)
      throw new ExchangeError(codeOf(cause), cause instanceof Error ? cause.message : String(cause), cause)
    } finally {
      clearTimeout(timer)
    }
  },
  close: () => {}
}
