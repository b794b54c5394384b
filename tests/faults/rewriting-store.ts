/**
 * A proxy in front of a store whose answers a test may replace, or delay piece by piece.
 */
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http"

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** In pieces, each written when the one before it has been asked for. */
  readonly body: string | AsyncIterable<string>
}

export interface Asked {
  readonly method: string
  readonly url: URL
}

/** Answers a request; `relay` lets the store do so. */
export type Rewrite = (asked: Asked, relay: () => Promise<Answer>) => Promise<Answer>

export interface RewritingStore extends AsyncDisposable {
  readonly endpoint: string
}

const collect = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of message) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const hopByHop = new Set(["connection", "keep-alive", "transfer-encoding"])

export const startRewritingStore = async (target: string, rewrite: Rewrite): Promise<RewritingStore> => {
  const { hostname, port } = new URL(target)
  const agent = new Agent({ keepAlive: false })

  const relayed = ({ headers, method, url }: IncomingMessage, body: Buffer): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const outgoing = httpRequest({ agent, hostname, port, method, path: url, headers }, async (response) => {
        const kept = Object.entries(response.headers).flatMap(([name, value]) =>
          typeof value === "string" && !hopByHop.has(name) ? [[name, value] as const] : []
        )
        const text = (await collect(response)).toString("utf8")
        resolve({ status: response.statusCode ?? 502, headers: Object.fromEntries(kept), body: text })
      })
      outgoing.on("error", reject)
      outgoing.end(body)
    })

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const received = await collect(incoming)
    const asked = { method: incoming.method ?? "", url: new URL(incoming.url ?? "/", target) }
    const { body, headers, status } = await rewrite(asked, () => relayed(incoming, received))
    // The length of what is not sent: that of an answer to HEAD says how large the object is.
    const { "content-length": length, ...others } = headers ?? {}
    const head = asked.method === "HEAD" && length !== undefined ? { "content-length": length } : {}
    outgoing.writeHead(status, { "content-type": "application/xml", ...others, ...head })
    if (typeof body === "string") return void outgoing.end(body)
    for await (const piece of body) outgoing.write(piece)
    outgoing.end()
  }

  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => outgoing.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the proxy has no port")
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
        agent.destroy()
      })
  }
}

/** Which of S3's operations on a multipart upload is asked for. */
export const operationOf = ({ method, url }: Asked): string => {
  const query = url.searchParams
  if (query.has("partNumber")) return "UploadPart"
  if (query.has("uploads")) return method === "POST" ? "Create" : "ListUploads"
  if (query.has("uploadId")) return method === "POST" ? "Complete" : method === "GET" ? "ListParts" : "Abort"
  return method
}
