/**
 * Exchanges over `fetch` (Bun, and the edge, where there are no sockets).
 *
 * @module
 */
import { type BodyCursor, makeBodyCursor } from "./body-cursor.ts"
import {
  ExchangeError,
  type ExchangeOptions,
  type ExchangeRequest,
  type ExchangeResponse,
  joinTrimmed,
  type Transport
} from "./exchange.ts"
import type { RateLimiter } from "./rate-limiter.ts"

/** Leave to send up to `bytes`: how many, in time. Rejects when the signal fires first. */
const leaveFor = (
  limiter: RateLimiter | undefined,
  bytes: number,
  { signal, onActivity }: Pick<ExchangeOptions, "signal" | "onActivity">
): number | Promise<number> => {
  if (limiter === undefined) return bytes
  return new Promise((resolve, reject) => {
    let held = true
    const onAbort = (): void => {
      stopWaiting()
      reject(signal.reason)
    }
    const stopWaiting = limiter.ask(bytes, (granted) => {
      held = false
      signal.removeEventListener("abort", onAbort)
      onActivity?.("freed")
      resolve(granted)
    })
    if (!held) return
    onActivity?.("held")
    if (signal.aborted) onAbort()
    else signal.addEventListener("abort", onAbort, { once: true })
  })
}

/** Bytes a pull: the finer, the more is known of what was accepted. */
const pulled = 256 * 1024

/** A pulled body: what was pulled is what was accepted, as near as fetch lets us see. */
const streamOf = (
  body: BodyCursor,
  /** Whether the memory of what was taken is used again: fetch may keep it longer. */
  copies: boolean,
  leave: (bytes: number) => number | Promise<number>,
  onPulled: (bytes: number) => void
): ReadableStream<Uint8Array> => {
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        if (body.ended()) return controller.close()
        onPulled(0)
        while (body.dry()) await body.refill()
        for (const slice of body.take(await leave(body.ahead(pulled)))) {
          controller.enqueue(copies ? slice.slice() : slice)
          onPulled(slice.length)
        }
      }
    },
    { highWaterMark: 0 }
  )
}

/** The whole body in one piece, for runtimes that do not stream. */
const blobOf = async (body: BodyCursor): Promise<Blob> => {
  const copies: Array<Uint8Array<ArrayBuffer>> = []
  while (!body.ended()) {
    if (body.dry()) await body.refill()
    else for (const slice of body.take(pulled)) copies.push(slice.slice())
  }
  return new Blob(copies)
}

const urlOf = ({ protocol, hostname, port, path }: ExchangeRequest): string =>
  `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "ECONNRESET"

const isBun = "Bun" in globalThis

/** Only Bun streams with a content-length that is honoured and is told as it is pulled; others drop the header (measured). */
const honoursContentLength = isBun

/** Whether `fetch` undoes the content-encoding of what it answers; only Bun can be told not to. */
export const decodesContent = !isBun

/** Exchanges by `fetch`; what leaves through them is asked of the limiter. */
export const fetchTransport = (limiter: RateLimiter | undefined): Transport => ({
  exchange: async (request, options): Promise<ExchangeResponse> => {
    const { signal, onAccepted, onActivity } = options
    const connect = new AbortController()
    // Whoever waits for leave to send when the exchange is over waits for nothing.
    const over = new AbortController()
    const leave = (bytes: number): number | Promise<number> =>
      leaveFor(limiter, bytes, { signal: AbortSignal.any([signal, over.signal]), onActivity })
    const hasBody = request.body.length > 0 || request.open !== undefined
    const source = makeBodyCursor(request)
    /** Why the body could not be read, which fetch would tell as a connection's end. */
    let unreadable: { readonly cause: unknown } | undefined
    const body: BodyCursor = {
      ...source,
      refill: () =>
        source.refill().catch((cause: unknown) => {
          unreadable = { cause }
          throw cause
        })
    }
    // fetch does not say when it has connected: the first pull of the body tells, where bodies are pulled.
    const timer =
      honoursContentLength && hasBody
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
    const total =
      request.open === undefined ? body.ahead(Number.POSITIVE_INFINITY) : Number(request.headers["content-length"])
    try {
      // A body that is not pulled leaves at once: leave for all of it comes first.
      for (let left = honoursContentLength ? 0 : total; left > 0; ) left -= await leave(left)
      const response = await fetch(urlOf(request), {
        method: request.method,
        headers,
        redirect: "manual",
        ...(isBun ? { decompress: false } : {}),
        // Bun takes no connection from its pool then (measured); Deno and browsers take no notice.
        ...(options.freshConnection ? { keepalive: false } : {}),
        signal: AbortSignal.any([signal, connect.signal]),
        ...(!hasBody
          ? {}
          : honoursContentLength
            ? { body: streamOf(body, request.open !== undefined, leave, alive), duplex: "half" }
            : { body: await blobOf(body) })
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
      if (unreadable !== undefined) throw unreadable.cause
      if (connect.signal.aborted) throw connect.signal.reason
      if (signal.aborted) throw new ExchangeError("ABORT_ERR", "the attempt was ended", cause)
      throw new ExchangeError(codeOf(cause), cause instanceof Error ? cause.message : String(cause), cause)
    } finally {
      clearTimeout(timer)
      over.abort()
      await body.close()
    }
  },
  close: () => {}
})
