/**
 * An HTTP server on Node for a fetch handler, made for uploads that take hours.
 *
 * @module
 */
import { once } from "node:events"
import { createServer } from "node:http"
import { isIPv6 } from "node:net"
import { getRequestListener } from "@hono/node-server"
import type { HttpConfig } from "./Config.ts"

export interface Listening {
  /** Without a slash at its end. */
  readonly url: string
  /** New connections are refused and idle ones closed; requests under way go on. */
  readonly refuse: () => void
  /** Cuts what is still open. */
  readonly close: () => Promise<void>
}

const advice: Readonly<Record<string, string>> = {
  EADDRINUSE: "is in use; set SLUICE_HTTP_PORT to another one (0 takes a free one)",
  EACCES: "may not be opened by this user; set SLUICE_HTTP_PORT to one above 1023",
  EADDRNOTAVAIL: "cannot be opened: SLUICE_HTTP_HOST is no address of this machine",
  ENOTFOUND: "cannot be opened: SLUICE_HTTP_HOST is no address of this machine"
}

/** Listens until `close`; rejects with a sentence where the port cannot be opened. */
export const listen = async (
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port }: Pick<HttpConfig, "host" | "port">
): Promise<Listening> => {
  // A body of terabytes may take its time: no limit on the whole request, only on its headers.
  const server = createServer({ requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 65_000 })
  const listener = getRequestListener((request) => fetch(request), { overrideGlobalObjects: false })
  server.on("request", listener)
  // A client that asks first (Expect: 100-continue) hears yes when its body is wanted: a refusal costs it no byte.
  server.on("checkContinue", (request, response) => {
    request.once("resume", () => {
      if (!response.headersSent) response.writeContinue()
    })
    return listener(request, response)
  })
  server.listen(port, host)
  try {
    await once(server, "listening")
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
    throw new Error(`port ${port} on ${host} ${advice[code] ?? `cannot be opened: ${code}`}`, { cause })
  }
  const address = server.address()
  const bound = typeof address === "object" && address !== null ? address.port : port
  let closed: Promise<unknown> | undefined
  const refuse = () => {
    if (closed !== undefined) return
    closed = once(server, "close")
    server.close()
  }
  return {
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${bound}`,
    refuse,
    close: async () => {
      refuse()
      server.closeAllConnections()
      await closed
    }
  }
}
