/**
 * What this process has open towards a store, seen from Node itself: no hook of ours, no trust in the engine.
 */
import { subscribe } from "node:diagnostics_channel"
import { Agent, type ClientRequest } from "node:http"
import type { Socket } from "node:net"

const sockets = new Set<Socket>()
const requests = new Set<ClientRequest>()

/** For clients that are not the engine: not looked at, and no idle sockets to be mistaken for the engine's. */
export const foreignAgent = new Agent({ keepAlive: false })

const has = <K extends string>(message: unknown, name: K): message is Record<K, unknown> =>
  typeof message === "object" && message !== null && name in message

const isSocket = (u: unknown): u is Socket => has(u, "remotePort") && has(u, "destroyed")
const isOurs = (u: unknown): u is ClientRequest => has(u, "destroyed") && has(u, "agent") && u.agent !== foreignAgent

/** By port, of sockets that are closed. */
const sent = new Map<number, number>()

subscribe("net.client.socket", (message) => {
  if (!has(message, "socket") || !isSocket(message.socket)) return
  const { socket } = message
  sockets.add(socket)
  let port = 0
  socket.once("connect", () => {
    port = socket.remotePort ?? 0
  })
  socket.once("close", () => {
    sockets.delete(socket)
    sent.set(port, (sent.get(port) ?? 0) + socket.bytesWritten)
  })
})
subscribe("http.client.request.start", (message) => {
  if (has(message, "request") && isOurs(message.request)) requests.add(message.request)
})

const portOf = (endpoint: string): number => Number(new URL(endpoint).port)

/** Requests to this endpoint whose answer is not there and whose socket still is. */
export const openRequests = (endpoint: string): ReadonlyArray<string> => {
  for (const request of requests) if (request.destroyed) requests.delete(request)
  return [...requests]
    .filter(({ socket }) => socket?.remotePort === portOf(endpoint))
    .map(({ method, path }) => `${method} ${path.replace(/\?.*/, "")}`)
}

/** Sockets to this endpoint, idle ones included. */
export const openSockets = (endpoint: string): number =>
  [...sockets].filter((socket) => !socket.destroyed && socket.remotePort === portOf(endpoint)).length

/** Bytes written to this endpoint so far, headers and foreign clients included. */
export const bytesSentTo = (endpoint: string): number => {
  const port = portOf(endpoint)
  const open = [...sockets].filter(({ remotePort }) => remotePort === port)
  return (sent.get(port) ?? 0) + open.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0)
}
