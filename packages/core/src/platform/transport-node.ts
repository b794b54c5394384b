/**
 * Exchanges over `node:http(s)` (Node, Deno).
 *
 * @module
 */
import type { Agent, ClientRequest, IncomingMessage } from "node:http"
import { makeBodyCursor } from "./body-cursor.ts"
import { collectYoung } from "./collect-young.ts"
import {
  ExchangeError,
  type ExchangeOptions,
  type ExchangeRequest,
  type ExchangeResponse,
  joinTrimmed,
  type Transport
} from "./exchange.ts"
import { makePace, type Pace } from "./pace.ts"
import type { RateLimiter } from "./rate-limiter.ts"

type Http = Pick<typeof import("node:http"), "request" | "Agent">

/** S3 closes idle connections after some seconds; ours go first, so that no request meets a closing one. */
const idleSocketMs = 10_000

/** What a retry gives the socket at a time: the attempt before may have been too slow to show that it lived. */
const retryBatchBytes = 64 * 1024

/** Largest answer that is collected: ListParts pages are the largest, far below this. */
const maxCollectedBytes = 64 * 1024 * 1024

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "ECONNRESET"

/** Resolves when the request's socket is gone, so that nothing of this attempt can still reach the store. */
const closed = (request: ClientRequest): Promise<void> =>
  new Promise((resolve) => {
    const { socket } = request
    if (socket === null || socket === undefined) {
      if (request.closed) return resolve()
      request.once("close", resolve)
      return
    }
    if (socket.closed) return resolve()
    socket.once("close", () => resolve())
  })

const headersOf = (response: IncomingMessage): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value
  }
  return headers
}

/** Gives up an answer; resolves when its socket is gone, unless the whole answer is here and the socket is another's. */
const giveUp = async (response: IncomingMessage): Promise<void> => {
  const { socket } = response
  if (socket.destroyed) return void response.destroy()
  const gone = new Promise<void>((resolve) => socket.once("close", () => resolve()))
  response.destroy()
  if (socket.destroyed) await gone
}

/** The answer's bytes, pulled; cancelling frees the connection. */
const streamOf = (response: IncomingMessage): ReadableStream<Uint8Array> => {
  const chunks: AsyncIterator<Uint8Array> = response[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const next = await chunks.next()
        if (next.done === true) return controller.close()
        // Node's parser copies what the socket read: that memory is garbage already. The chunk is its taker's to count.
        collectYoung(next.value.length)
        controller.enqueue(next.value)
      },
      cancel: () => giveUp(response)
    },
    { highWaterMark: 0 }
  )
}

const exchange = (
  http: Http,
  agent: Agent,
  pace: Pace,
  limiter: RateLimiter | undefined,
  request: ExchangeRequest,
  options: ExchangeOptions
): Promise<ExchangeResponse> =>
  new Promise((resolve, reject) => {
    const { signal, onAccepted, onActivity } = options
    const body = makeBodyCursor(request)
    let settled = false
    let stopWaiting = (): void => undefined
    let connectTimer: ReturnType<typeof setTimeout> | undefined

    const outgoing = http.request({
      method: request.method,
      hostname: request.hostname,
      port: request.port,
      path: request.path,
      headers: request.headers,
      agent: options.freshConnection ? false : agent
    })

    const settle = (): boolean => {
      if (settled) return false
      settled = true
      clearTimeout(connectTimer)
      stopWaiting()
      signal.removeEventListener("abort", onAbort)
      return true
    }
    const fail = (error: unknown): void => {
      if (!settle()) return
      outgoing.destroy()
      const end = (): void => reject(error)
      // What was read for the socket is given back when there is no socket.
      closed(outgoing).then(body.close).then(end, end)
    }
    const onAbort = (): void => {
      // Whoever ends an attempt may have seen silence: the next says more.
      pace.fallBack()
      fail(new ExchangeError("ABORT_ERR", "the attempt was ended"))
    }

    // Errors after the answer has arrived (EPIPE of bytes nobody wanted) are of no interest: `fail` is then a no-op.
    outgoing.on("error", (cause) => fail(new ExchangeError(codeOf(cause), cause.message, cause)))
    outgoing.on("close", () => {
      if (!settled) fail(new ExchangeError("ECONNRESET", "the connection closed before the answer was complete"))
    })
    if (signal.aborted) return onAbort()
    signal.addEventListener("abort", onAbort)

    outgoing.on("socket", (socket) => {
      if (!socket.connecting) return
      connectTimer = setTimeout(
        () => fail(new ExchangeError("ETIMEDOUT", `no connection within ${options.connectTimeoutMs} ms`)),
        options.connectTimeoutMs
      )
      socket.once(request.protocol === "https:" ? "secureConnect" : "connect", () => {
        clearTimeout(connectTimer)
        onActivity?.()
      })
    })

    outgoing.on("response", (response) => {
      onActivity?.()
      const head = {
        statusCode: response.statusCode ?? 0,
        reason: response.statusMessage,
        headers: headersOf(response)
      }
      if (options.streamResponse && head.statusCode < 300) {
        settle()
        resolve({ ...head, body: streamOf(response) })
        return
      }
      const chunks: Array<Uint8Array> = []
      let size = 0
      response.on("data", (chunk: Uint8Array) => {
        onActivity?.()
        size += chunk.length
        if (size > maxCollectedBytes) fail(new ExchangeError("ERR_TOO_LONG", "the answer is too long to be S3's"))
        else chunks.push(chunk)
      })
      response.on("error", (cause) => fail(new ExchangeError(codeOf(cause), cause.message, cause)))
      response.on("end", () => {
        if (!settle()) return
        // An answer before the body was sent (403, 503): the rest must not go out on this connection.
        const early = !body.ended() || (!outgoing.writableFinished && head.statusCode >= 300)
        if (early) outgoing.destroy()
        const answer = { ...head, body: joinTrimmed(chunks) }
        // A connection that cannot be used again closes now: the attempt is over when it is gone.
        const over = early || !outgoing.shouldKeepAlive ? closed(outgoing).then(body.close) : body.close()
        over.then(() => resolve(answer), reject)
      })
    })

    const write = (batch: ReadonlyArray<Uint8Array>): void => {
      const started = performance.now()
      let left = batch.length
      for (const slice of batch) {
        outgoing.write(slice, (error) => {
          left--
          if (settled || (error !== null && error !== undefined)) return
          onActivity?.()
          onAccepted?.(slice.length)
          if (left > 0) return
          if (!options.freshConnection) pace.taken(performance.now() - started)
          if (!body.ended()) sendBatch()
        })
      }
      if (body.ended()) outgoing.end()
    }
    const sendBatch = (): void => {
      if (body.dry()) {
        // The wait for memory or for the source is no silence of the store.
        onActivity?.("held")
        body.refill().then(() => {
          onActivity?.("freed")
          if (!settled) sendBatch()
        }, fail)
        return
      }
      const ahead = body.ahead(pace.batch())
      const bytes = options.freshConnection ? Math.min(ahead, retryBatchBytes) : ahead
      if (limiter === undefined || bytes === 0) {
        write(body.take(bytes))
        return
      }
      let held = true
      stopWaiting = limiter.ask(bytes, (granted) => {
        held = false
        onActivity?.("freed")
        write(body.take(granted))
      })
      if (held) onActivity?.("held")
    }
    // Whoever waits for one of a bounded number of connections is not silent.
    if (agent.maxSockets === Number.POSITIVE_INFINITY || options.freshConnection) return sendBatch()
    onActivity?.("held")
    outgoing.once("socket", () => {
      onActivity?.("freed")
      sendBatch()
    })
  })

/**
 * Keep-alive connections over `node:http` and `node:https`, at most `maxSockets` at a time to a host (0: no bound; a
 * retry has one of its own). What leaves through them is asked of the limiter.
 */
export const nodeTransport = (
  modules: { readonly http: Http; readonly https: Http },
  limiter: RateLimiter | undefined,
  maxSockets = 0
): Transport => {
  const agent = {
    keepAlive: true,
    timeout: idleSocketMs,
    scheduling: "lifo",
    maxSockets: maxSockets === 0 ? Number.POSITIVE_INFINITY : maxSockets
  } as const
  const agents = { "http:": new modules.http.Agent(agent), "https:": new modules.https.Agent(agent) }
  const pace = makePace()
  return {
    exchange: (request, options) =>
      exchange(
        request.protocol === "https:" ? modules.https : modules.http,
        agents[request.protocol],
        pace,
        limiter,
        request,
        options
      ),
    close: () => {
      agents["http:"].destroy()
      agents["https:"].destroy()
    }
  }
}
