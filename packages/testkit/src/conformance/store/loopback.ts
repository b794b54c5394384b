/** Loopback servers that stand in a store's place, or before it. */
import { createServer as createHttpServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const listening = (server: Server): Promise<string> =>
  new Promise((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", () => {
      const address: AddressInfo | string | null = server.address()
      if (address === null || typeof address === "string") reject(new Error("the server has no port"))
      else resolve(`http://127.0.0.1:${address.port}`)
    })
  })

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

export interface Actor {
  readonly endpoint: string
  /** Requests so far. */
  readonly asked: ReadonlyArray<Asked>
}

/** A server that gives one answer to every request, after it has read it, or `early`. */
export const actor = (
  answer: (response: ServerResponse) => void,
  early = false
): Effect.Effect<Actor, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const asked: Array<Asked> = []
        const server = createHttpServer((request, response) => {
          asked.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers })
          response.on("error", () => undefined)
          if (early) answer(response)
          else request.on("end", () => answer(response)).resume()
        })
        return { server, actor: { endpoint: await listening(server), asked } }
      }),
      ({ server }) =>
        Effect.promise(async () => {
          server.closeAllConnections()
          await new Promise((resolve) => server.close(resolve))
        })
    ),
    ({ actor }) => actor
  )

export interface Gate {
  readonly endpoint: string
  /** Connections so far, and those that are open. */
  readonly opened: () => number
  readonly open: () => number
  /** All that clients have sent, and how many bytes that is. */
  readonly received: () => Buffer
  readonly arrived: () => number
  /** Reads no more of what clients send, after so many bytes from now on. */
  readonly stopReadingAfter: (bytes: number) => void
  /** Passes no more answers on. */
  readonly stopAnswering: () => void
  readonly goOn: () => void
  /** Resets every connection. */
  readonly breakAll: () => void
}

/** A TCP relay before the real store, whose sides can be held. */
export const gateTo = (target: string): Effect.Effect<Gate, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => openGate(target)),
      ({ close }) => Effect.promise(close)
    ),
    ({ gate }) => gate
  )

const openGate = async (target: string): Promise<{ readonly gate: Gate; readonly close: () => Promise<void> }> => {
  const { hostname, port } = new URL(target)
  const received: Array<Buffer> = []
  const clients = new Set<Socket>()
  const servers = new Set<Socket>()
  let opened = 0
  let arrived = 0
  let left = Number.POSITIVE_INFINITY
  let answering = true
  const server = createServer((client) => {
    opened++
    const upstream = connect(Number(port), hostname)
    clients.add(client)
    servers.add(upstream)
    client.on("data", (chunk) => {
      received.push(chunk)
      arrived += chunk.length
      left -= chunk.length
      upstream.write(chunk)
      if (left <= 0) client.pause()
    })
    upstream.on("data", (chunk) => client.write(chunk))
    if (!answering) upstream.pause()
    client.on("close", () => {
      clients.delete(client)
      upstream.destroy()
    })
    client.on("end", () => upstream.end())
    upstream.on("close", () => {
      servers.delete(upstream)
      client.destroy()
    })
    for (const socket of [client, upstream]) socket.on("error", () => undefined)
  })
  const gate: Gate = {
    endpoint: await listening(server),
    opened: () => opened,
    open: () => clients.size,
    received: () => Buffer.concat(received),
    arrived: () => arrived,
    stopReadingAfter: (bytes) => {
      left = bytes
    },
    stopAnswering: () => {
      answering = false
      for (const socket of servers) socket.pause()
    },
    goOn: () => {
      left = Number.POSITIVE_INFINITY
      answering = true
      for (const socket of [...clients, ...servers]) socket.resume()
    },
    breakAll: () => {
      for (const socket of clients) socket.resetAndDestroy()
    }
  }
  return {
    gate,
    close: async () => {
      for (const socket of [...clients, ...servers]) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

/** Waits for what happens soon; the case's own timeout is the bound. */
export const until = (what: string, isSo: () => boolean): Effect.Effect<void> =>
  Effect.promise(async () => {
    const deadline = performance.now() + 10_000
    while (!isSo()) {
      if (performance.now() > deadline) throw new Error(`within 10 s: ${what}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  })
