/**
 * A proxy in front of a store that takes so many requests with bytes at once and answers 503 SlowDown to the others.
 */
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http"
import { setImmediate as tick } from "node:timers/promises"

export interface Arrival {
  /** Path without its query. */
  readonly path: string
  /** Requests with bytes that were here with it, itself included. */
  readonly inFlight: number
  readonly refused: boolean
}

export interface NarrowStore extends AsyncDisposable {
  readonly endpoint: string
  /** Requests with bytes, in the order in which they came. */
  readonly arrivals: ReadonlyArray<Arrival>
}

export interface NarrowOptions {
  /** Requests with bytes that are let through at once; a function is asked for each. */
  readonly takes: number | (() => number)
  /** The first so many requests wait for each other: all of them are in flight at once, whatever the machine does. */
  readonly together?: number
}

const serviceTicks = 100

const slowDown = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"

export const startNarrowStore = async (target: string, options: NarrowOptions): Promise<NarrowStore> => {
  const { hostname, port } = new URL(target)
  const { takes, together = 0 } = options
  const agent = new Agent({ keepAlive: false })
  const arrivals: Array<Arrival> = []
  const all = Promise.withResolvers<void>()
  let inFlight = 0
  let taken = 0

  const refuse = (incoming: IncomingMessage, answer: ServerResponse): void => {
    incoming.resume()
    incoming.on("end", () => answer.writeHead(503, { "content-type": "application/xml" }).end(slowDown))
  }
  const relay = (incoming: IncomingMessage, answer: ServerResponse): void => {
    const { headers, method, url } = incoming
    const outgoing = httpRequest({
      agent,
      hostname,
      port,
      method,
      path: url,
      headers: { ...headers, connection: "close" }
    })
    outgoing.on("error", () => answer.destroy())
    answer.on("close", () => {
      if (!answer.writableFinished) outgoing.destroy()
    })
    outgoing.on("response", (response) => {
      // The connection on this side is ours to keep.
      const { connection: _, ...headers } = response.headers
      answer.writeHead(response.statusCode ?? 502, headers)
      response.pipe(answer)
    })
    incoming.pipe(outgoing)
  }
  const serve = async (incoming: IncomingMessage, answer: ServerResponse): Promise<void> => {
    if (incoming.method !== "PUT") {
      relay(incoming, answer)
      return
    }
    inFlight++
    const room = typeof takes === "number" ? takes : takes()
    const refused = taken >= room
    if (!refused) taken++
    answer.on("close", () => {
      inFlight--
      if (!refused) taken--
    })
    arrivals.push({ path: incoming.url?.replace(/\?.*/, "") ?? "", inFlight, refused })
    if (arrivals.length >= together) all.resolve()
    await all.promise
    if (refused) return refuse(incoming, answer)
    // Long enough, in turns of the event loop that all of this runs on, for whoever would come meanwhile to come.
    for (let i = 0; i < serviceTicks; i++) await tick()
    relay(incoming, answer)
  }

  const server = createServer((incoming, answer) => void serve(incoming, answer))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the narrow store has no port")
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    arrivals,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
        agent.destroy()
      })
  }
}
