import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { createServer as createTlsServer } from "node:https"
import type { Socket } from "node:net"
import { keepAlive } from "./keep-alive.ts"
import { Hangup, type S3Response } from "./message.ts"
import type { S3Handler } from "./S3Handler.ts"
import type { SelfSigned } from "./self-signed.ts"

export interface HttpOptions {
  /** 0 takes a free one. */
  readonly port: number
  readonly host: string
  /** HTTPS with this certificate; plain HTTP if absent. */
  readonly tls: SelfSigned | undefined
  /** How often a Complete that takes long says that it is still at it; never if absent. */
  readonly keepAliveMillis: number | undefined
}

export interface Traffic {
  /** Bytes that crossed the sockets, heads and TLS included. */
  readonly bytesIn: number
  readonly bytesOut: number
}

export interface HttpServer {
  readonly port: number
  openSockets(): number
  /** Requests that are not answered yet. */
  underWay(): number
  traffic(): Traffic
  /** Stops listening, ends every connection and waits for the handlers that were at work. */
  close(): Promise<void>
}

/** Gives a handler its sockets: bodies with back-pressure, `100 Continue` when a body is asked for, hang-ups. */
export async function serveHttp(handler: S3Handler, options: HttpOptions): Promise<HttpServer> {
  const { host, port, tls } = options
  const sockets = new Set<Socket>()
  const running = new Set<Promise<void>>()
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const run = serve(handler, incoming, outgoing, options)
      .catch((error: unknown) => hangUp(incoming.socket, sockets, error))
      .finally(() => running.delete(run))
    running.add(run)
  }
  // A part of 5 GiB may take its time: no limit on the whole request.
  const settings = { requestTimeout: 0, keepAliveTimeout: 60_000 }
  const server =
    tls === undefined ? createServer(settings, onRequest) : createTlsServer({ ...settings, ...tls }, onRequest)
  server.on("checkContinue", onRequest)
  server.on("clientError", (error: Error & { readonly code?: string }, socket: Socket) => {
    // Of a request that breaks off there is nothing to say; Node would call it a bad one, which it is not.
    if (error.code === "HPE_INVALID_EOF_STATE" || !socket.writable) socket.destroy()
    else socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
  })
  const closed = { bytesIn: 0, bytesOut: 0 }
  server.on("connection", (socket: Socket) => {
    sockets.add(socket)
    socket.once("close", () => {
      sockets.delete(socket)
      closed.bytesIn += socket.bytesRead
      closed.bytesOut += socket.bytesWritten
    })
  })
  server.listen(port, host)
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the server has no TCP address")
  return {
    port: address.port,
    openSockets: () => sockets.size,
    underWay: () => running.size,
    traffic: () => {
      let { bytesIn, bytesOut } = closed
      for (const socket of sockets) {
        bytesIn += socket.bytesRead
        bytesOut += socket.bytesWritten
      }
      return { bytesIn, bytesOut }
    },
    async close() {
      const ended = once(server, "close")
      server.close()
      for (const socket of sockets) socket.destroy()
      await ended
      await Promise.all(running)
    }
  }
}

async function serve(
  handler: S3Handler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { keepAliveMillis }: HttpOptions
): Promise<void> {
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
  const { method = "", url = "" } = incoming
  const answer = handler({ method, target: url, headers: headersOf(incoming), body: body(), signal: gone.signal })
  const slow = keepAliveMillis !== undefined && method === "POST" && /[?&]uploadId=/.test(url)
  const response = await (slow ? keepAlive(answer, outgoing, keepAliveMillis) : answer)
  // A client that was not told to continue may or may not send its body: the connection cannot be used again.
  if (awaitsContinue) outgoing.setHeader("connection", "close")
  await send(response, outgoing, gone.signal)
}

/** TLS has no reset of its own: the TCP connection below it is the one between the same two ports. */
function hangUp(socket: Socket, connections: Iterable<Socket>, error: unknown): void {
  if (!(error instanceof Hangup) || error.how === "close") return void socket.destroy()
  if (error.how === "halfClose") return void socket.end()
  for (const connection of connections) {
    if (connection.remotePort === socket.remotePort) connection.resetAndDestroy()
  }
}

/** Lines of one name are one value with commas and nothing else between, as SigV4 signs them (Node has ", "). */
function headersOf({ headersDistinct }: IncomingMessage): Record<string, string> {
  const joined: Record<string, string> = {}
  for (const [name, values = []] of Object.entries(headersDistinct)) joined[name] = values.join(",")
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
