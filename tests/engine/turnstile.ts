/**
 * A proxy that holds chosen requests, or their answers, until a test lets them through: moments made to last.
 */
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http"

/** What is held: the request before the store sees it, or the store's answer before the client does. */
export interface HoldMatch {
  readonly method: string
  /** Of the path with its query. */
  readonly url: RegExp
  readonly hold: "request" | "answer"
}

export interface Hold {
  /** Resolves when the request, or its answer, is held. */
  readonly arrived: Promise<void>
  readonly release: () => void
}

export interface Turnstile extends AsyncDisposable {
  readonly endpoint: string
  /** Holds the first request that matches. */
  readonly hold: (match: HoldMatch) => Hold
}

interface Gate {
  readonly match: HoldMatch
  readonly arrived: PromiseWithResolvers<void>
  readonly released: PromiseWithResolvers<void>
}

export const startTurnstile = async (target: string): Promise<Turnstile> => {
  const { hostname, port } = new URL(target)
  const agent = new Agent({ keepAlive: false })
  const gates = new Set<Gate>()

  const pass = async (gate: Gate | undefined, where: HoldMatch["hold"]): Promise<void> => {
    if (gate?.match.hold !== where) return
    gate.arrived.resolve()
    await gate.released.promise
  }
  const relay = async (incoming: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const { method = "", url = "" } = incoming
    const gate = [...gates].find(({ match }) => match.method === method && match.url.test(url))
    if (gate !== undefined) gates.delete(gate)
    await pass(gate, "request")
    if (answer.destroyed) return
    const headers = { ...incoming.headers, connection: "close" }
    const outgoing = httpRequest({ agent, hostname, port, method, path: url, headers })
    outgoing.on("error", () => answer.destroy())
    answer.on("close", () => {
      if (!answer.writableFinished) outgoing.destroy()
    })
    outgoing.on("response", (response) => {
      pass(gate, "answer").then(() => {
        if (answer.destroyed) return response.resume()
        // The connection on this side is ours to keep.
        const { connection: _, ...headers } = response.headers
        answer.writeHead(response.statusCode ?? 502, headers)
        return response.pipe(answer)
      })
    })
    incoming.pipe(outgoing)
  }

  const server = createServer((incoming, answer) => void relay(incoming, answer))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the turnstile has no port")
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    hold: (match) => {
      const gate = { match, arrived: Promise.withResolvers<void>(), released: Promise.withResolvers<void>() }
      gates.add(gate)
      return { arrived: gate.arrived.promise, release: () => gate.released.resolve() }
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
        agent.destroy()
      })
  }
}

export const createRequest: HoldMatch = { method: "POST", url: /\?uploads/, hold: "request" }
export const createAnswer: HoldMatch = { ...createRequest, hold: "answer" }
export const partRequest = (partNumber: number): HoldMatch => ({
  method: "PUT",
  url: new RegExp(`partNumber=${partNumber}(&|$)`),
  hold: "request"
})
export const completeRequest: HoldMatch = { method: "POST", url: /uploadId=/, hold: "request" }
export const completeAnswer: HoldMatch = { ...completeRequest, hold: "answer" }
export const putRequest: HoldMatch = { method: "PUT", url: /^[^?]*(\?x-id=PutObject)?$/, hold: "request" }
