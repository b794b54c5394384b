import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http"
import { Hangup, type S3Request, type S3Response, type S3Stream } from "../s3/message.ts"

export interface ForwardOptions {
  readonly agent: Agent
  readonly hostname: string
  readonly port: string
  /** Waits for the store's answer although the client is gone. */
  readonly patient: boolean
  /** Told when the store owes an answer, which is when it has the whole request; `over` is when it no longer does. */
  readonly onOwed: (over: Promise<void>) => void
}

/** Asks the store what a client asked: streaming both ways, `Host` kept, so that signatures stay valid. */
export function forwardRequest(request: S3Request, options: ForwardOptions): Promise<S3Response> {
  const { body, headers, method, signal, target } = request
  const { agent, hostname, onOwed, patient, port } = options
  const sent = headersOf(endToEnd(headers))
  const outgoing = httpRequest({ agent, hostname, port, method, path: target, headers: sent, setHost: false })
  const over = new Promise<void>((resolve) => outgoing.once("close", resolve))
  const giveUp = () => {
    if (!patient) outgoing.destroy()
  }
  if (signal.aborted) giveUp()
  signal.addEventListener("abort", giveUp, { once: true })
  outgoing.once("finish", () => onOwed(over))
  if (hasNoBody(headers)) onOwed(over)

  return new Promise<S3Response>((resolve, reject) => {
    // An answer that came early (403 while the body is still being sent) wins over the broken pipe after it.
    outgoing.on("response", (incoming) => resolve(answerOf(incoming)))
    outgoing.on("error", () => reject(new Hangup("close")))
    outgoing.on("close", () => reject(new Hangup("close")))
    const send = () =>
      sendBody(body, outgoing, Number(headers["content-length"])).catch((error: unknown) => {
        outgoing.destroy()
        reject(error)
      })
    // The store decides whether it wants the body; asking for it tells the client to go on.
    if (/^100-continue$/i.test(headers["expect"] ?? "")) outgoing.once("continue", send)
    else send()
  })
}

const hasNoBody = (headers: S3Request["headers"]): boolean =>
  headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0

async function sendBody(body: S3Request["body"], outgoing: ClientRequest, length: number): Promise<void> {
  let sent = 0
  let last: Uint8Array = new Uint8Array(0)
  for await (const chunk of body) {
    sent += chunk.length
    // The store acts when it has the last byte, so that one waits for the body's end: a fault may still strike there.
    if (sent >= length) last = chunk
    // Where the store has hung up, what the client still sends is let go, so that it hears the answer.
    else if (!outgoing.destroyed && !outgoing.write(chunk)) await drained(outgoing)
  }
  // A body that was cut short (a fault) cannot be ended as HTTP; a FIN says that nothing more will come.
  if (sent < length) outgoing.socket?.end()
  else outgoing.end(last)
}

const drained = (outgoing: ClientRequest): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      outgoing.off("drain", done).off("close", done)
      resolve()
    }
    outgoing.on("drain", done).on("close", done)
  })

function answerOf(incoming: IncomingMessage): S3Response {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = [value].flat().join(", ")
  }
  return { status: incoming.statusCode ?? 502, headers: endToEnd(headers, /^transfer-encoding$/), body: read(incoming) }
}

/** Unlike a generator it lets go of a body of which nothing was read, too. */
function read(incoming: IncomingMessage): S3Stream {
  incoming.on("error", () => {}) // Told to whoever reads.
  const bytes: AsyncIterator<Uint8Array, undefined> = incoming.iterator()
  const stream: S3Stream = {
    next: () => bytes.next(),
    return: async () => {
      incoming.destroy()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]: () => stream
  }
  return stream
}

/** Without either there is no body (RFC 9112 §6.3); node would announce a chunked one for PUT and POST. */
function headersOf(headers: S3Request["headers"]): Record<string, string> {
  const framed = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined
  return framed ? { ...headers } : { ...headers, "content-length": "0" }
}

/** Without the headers of the connection itself (RFC 9110 §7.6.1), which is another. */
const endToEnd = (headers: S3Request["headers"], also = /^$/): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(connection|keep-alive)$/.test(name) && !also.test(name))
  )
