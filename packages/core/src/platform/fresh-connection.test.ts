import * as http from "node:http"
import * as https from "node:https"
import { afterEach, expect, it, vi } from "vitest"
import type { ExchangeOptions, ExchangeRequest } from "./exchange.ts"
import { fetchTransport } from "./transport-fetch.ts"
import { nodeTransport } from "./transport-node.ts"

const options = (freshConnection: boolean): ExchangeOptions => ({
  signal: new AbortController().signal,
  connectTimeoutMs: 5_000,
  freshConnection,
  streamResponse: false,
  onAccepted: undefined,
  onActivity: undefined
})
const request = (port: number): ExchangeRequest => ({
  method: "PUT",
  protocol: "http:",
  hostname: "127.0.0.1",
  port,
  path: "/",
  headers: { "content-length": "3" },
  body: [new Uint8Array(3)]
})

afterEach(() => vi.unstubAllGlobals())

it("a retry over node:http opens a connection of its own, and leaves the pool as it was", async () => {
  const ports: Array<number | undefined> = []
  const server = http.createServer((incoming, answer) => {
    ports.push(incoming.socket.remotePort)
    incoming.resume()
    incoming.on("end", () => answer.end())
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  const transport = nodeTransport({ http, https }, undefined)
  try {
    for (const fresh of [false, false, true, true, false]) {
      await transport.exchange(request(address.port), options(fresh))
    }
    expect(ports.map((port) => ports.indexOf(port))).toEqual([0, 0, 2, 3, 0])
  } finally {
    transport.close()
    await new Promise((resolve) => server.close(resolve))
  }
})

it("a retry by fetch asks for a connection that is not kept", async () => {
  const kept: Array<unknown> = []
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    kept.push(init.keepalive)
    return new Response()
  })
  for (const fresh of [false, true]) await fetchTransport(undefined).exchange(request(1), options(fresh))
  expect(kept).toEqual([undefined, false])
})
