import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { Hangup, type S3Response } from "./message.ts"
import type { S3Handler } from "./S3Handler.ts"

export interface HttpServer {
  readonly port: number
  openSockets(): number
  /** Stops listening, ends every connection and waits for the handlers that were at work. */
  close(): Promise<void>
}

/** Gives a handler its sockets: bodies with back-pressure, `100 Continue` when a body is asked for, hang-ups. */
export async function serveHttp(handler: S3Handler, port: number, host: string): Promise<HttpServer> {
  const running = new Set<Promise<void>>()
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const run = serve(handler, incoming, outgoing).finally(() => running.delete(run))
    running.add(run)
  }
  // A part of 5 GiB may take its time: no limit on the whole request.
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, onRequest)
  server.on("checkContinue", onRequest)
  const sockets = new Set<Socket>()
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  server.listen(port, host)
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the server has no TCP address")
  return {
    port: address.port,
    openSockets: () => sockets.size,
    async close() {
      const closed = once(server, "close")
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
      await Promise.all(running)
    }
  }
}

async function serve(handler: S3Handler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController()
  outgoing.once("close", () => gone.abort())
  let awaitsContinue = /^100-continue$/i.test(incoming.headers.expect ?? "")
  async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
    if (awaitsContinue) outgoing.writeContinue()
    awaitsContinue = false
    try {
      yield* incoming.iterator({ destroyOnReturn: false })
    } catch {
      throw new Hangup("close") // The client went away in the middle of its body.
    }
  }
  try {
    const response = await handler({
      method: incoming.method ?? "",
      target: incoming.url ?? "",
      headers: headersOf(incoming),
      body: body(),
      signal: gone.signal
    })
    // A client that was not told to continue may or may not send its body: the connection cannot be used again.
    if (awaitsContinue) outgoing.setHeader("connection", "close")
    await send(response, outgoing, gone.signal)
  } catch (error) {
    if (error instanceof Hangup && error.how === "reset") incoming.socket.resetAndDestroy()
    else incoming.socket.destroy()
  }
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const joined: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) joined[name] = [value].flat().join(", ")
  return joined
}

async function send({ status, headers, body }: S3Response, outgoing: ServerResponse, gone: AbortSignal): Promise<void> {
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value)
  outgoing.statusCode = status
  if (body === undefined || typeof body === "string") {
    outgoing.end(body)
    return
  }
  for await (const chunk of body) {
    if (!outgoing.write(chunk)) await once(outgoing, "drain", { signal: gone })
  }
  outgoing.end()
}
