import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"
import type { FaultInjector } from "./FaultInjector.ts"
import { relayConnection } from "./relay-connection.ts"

export interface TcpProxyOptions {
  readonly target: { readonly host: string; readonly port: number }
  readonly faults: FaultInjector
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

/** What has crossed a proxy, in bytes of the wire. */
export interface ProxyTraffic {
  /** Connections so far, refused ones included. */
  readonly connections: number
  /** Those that are open now. */
  readonly open: number
  readonly toStore: number
  readonly toClient: number
}

export interface TcpProxy {
  readonly port: number
  traffic(): ProxyTraffic
  /** Nobody listens any more (ECONNREFUSED) and every connection is reset, until `up`. */
  down(): Promise<void>
  /** Listens again, at the same port. */
  up(): Promise<void>
  close(): Promise<void>
}

/** Passes connections on byte by byte, whatever they speak, with the faults that strike connections. */
export async function tcpProxy({ faults, host, port, target }: TcpProxyOptions): Promise<TcpProxy> {
  const open = new Set<Socket>()
  const closing = new AbortController()
  const count = { connections: 0, toStore: 0, toClient: 0 }

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    const strikes = faults.connection(++count.connections, open.size)
    client.on("error", () => {}) // Told to the pumps.
    if (strikes.some(({ action }) => action.type === "refuse" || action.type === "connectionLimit")) {
      client.resetAndDestroy()
      return
    }
    const store = connect({ ...target, allowHalfOpen: true, noDelay: true })
    store.on("error", () => {})
    open.add(client)
    client.once("close", () => open.delete(client))
    closing.signal.addEventListener("abort", () => [client, store].map((socket) => socket.destroy()), { once: true })
    void relayConnection({ client, store, strikes, clock: faults.clock, closing: closing.signal, count })
  })
  const listen = async (at: number): Promise<number> => {
    server.listen(at, host)
    await once(server, "listening")
    const address = server.address()
    if (address === null || typeof address === "string") throw new Error("the proxy has no port")
    return address.port
  }
  const stop = async (end: (socket: Socket) => void): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, "close")
    server.close()
    for (const socket of open) end(socket)
    await closed
  }
  const bound = await listen(port)
  return {
    port: bound,
    traffic: () => ({ ...count, open: open.size }),
    down: () => stop((socket) => socket.resetAndDestroy()),
    up: async () => {
      if (!server.listening) await listen(bound)
    },
    close: async () => {
      closing.abort()
      await stop((socket) => socket.destroy())
    }
  }
}
