import { once } from "node:events"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Hangup, type S3Response } from "./message.ts"
import type { S3Handler } from "./S3Handler.ts"

export interface HttpListener {
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void
  /** Resolves when no request is under way any more. */
  settled(): Promise<void>
}

/** Gives a handler its socket: bodies with back-pressure, `100 Continue` when a body is asked for, hang-ups. */
export function makeHttpListener(handler: S3Handler): HttpListener {
  const running = new Set<Promise<void>>()
  return {
    onRequest(request, response) {
      const run = serve(handler, request, response).finally(() => running.delete(run))
      running.add(run)
    },
    async settled() {
      while (running.size > 0) await Promise.all(running)
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
