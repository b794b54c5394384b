import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http"
import { type Operation, operationOf } from "./s3/Operation.ts"
import { parseTarget } from "./s3/Target.ts"

/** A multipart upload that was seen on the wire. */
export interface SeenUpload {
  readonly bucket: string
  readonly key: string
  readonly uploadId: string
}

export interface RecordingProxy extends AsyncDisposable {
  /** Give this to the client in place of the store's endpoint. */
  readonly endpoint: string
  /** Every multipart upload seen so far, once each: those the store created and those a request named. */
  readonly uploads: ReadonlyArray<SeenUpload>
  /** How many requests of this operation have arrived. */
  count(operation: Operation): number
  /** Resolves when the store owes no answer, so that `uploads` also has what an interrupted Create began. */
  idle(): Promise<void>
  close(): Promise<void>
}

/**
 * Starts a loopback HTTP proxy that passes everything through unchanged (streaming both ways, `Host` kept, so that
 * signatures stay valid) and remembers every multipart upload, also one whose Create answer the client no longer
 * waited for. Path-style addressing and http targets only; rejects for another target.
 */
export async function recordingProxy(target: string): Promise<RecordingProxy> {
  const { protocol, hostname, port } = new URL(target)
  if (protocol !== "http:") throw new Error(`recordingProxy passes on plain http only, and the target is ${protocol}//`)

  const uploads = new Map<string, SeenUpload>()
  const counts = new Map<Operation, number>()
  const inFlight = new Set<Promise<void>>()
  // One socket a request: a reset here is then a reset there, never a stale kept-alive connection of ours.
  const agent = new Agent({ keepAlive: false })

  const relay = (incoming: IncomingMessage, answer: ServerResponse) => {
    const { method = "GET", url: path = "/" } = incoming
    const { operation, bucket, key, uploadId } = readRequest(incoming)
    const see = (id: string) => uploads.set(id, { bucket, key, uploadId: id })
    if (operation !== undefined) counts.set(operation, (counts.get(operation) ?? 0) + 1)
    if (uploadId !== undefined) see(uploadId)

    let answered = false
    const outgoing = httpRequest({ agent, hostname, port, method, path, headers: requestHeaders(incoming) })
    outgoing.on("continue", () => answer.writeContinue())
    outgoing.on("response", (response) => {
      answered = true
      response.on("error", () => answer.destroy())
      if (operation === "CreateMultipartUpload") passCreateAnswer(response, answer, see)
      else pass(response, answer)
    })
    outgoing.on("error", () => {
      // An answer that came early (403 while the body is still being sent) wins over the broken pipe after it.
      if (!answered) answer.destroy()
      incoming.unpipe(outgoing).resume()
    })
    answer.on("close", () => {
      // A Create whose client has gone is still read to its end: it may begin an upload that nobody else knows of.
      const begun = operation === "CreateMultipartUpload" && incoming.complete
      if (!answer.writableFinished && !begun) outgoing.destroy()
    })
    const closed = new Promise<void>((resolve) => outgoing.once("close", resolve))
    inFlight.add(closed)
    closed.then(() => inFlight.delete(closed))
    incoming.pipe(outgoing)
  }

  const server = createServer(relay).on("checkContinue", relay)
  server.requestTimeout = 0 // A part may take as long as it likes: the store's own limits are the ones under test.
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("The proxy has no port")

  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
      agent.destroy()
    })
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    get uploads() {
      return [...uploads.values()]
    },
    count: (operation) => counts.get(operation) ?? 0,
    idle: async () => {
      while (inFlight.size > 0) await Promise.all(inFlight)
    },
    close,
    [Symbol.asyncDispose]: close
  }
}

/** What the embedded server would make of the request; what it would refuse is passed on uncounted. */
function readRequest({ method = "GET", url = "/", headers }: IncomingMessage) {
  try {
    const { bucket = "", key = "", query } = parseTarget(url)
    const resource = key !== "" ? "object" : bucket !== "" ? "bucket" : "service"
    const operation = operationOf(method, resource, query, "x-amz-copy-source" in headers)
    return { operation, bucket, key, uploadId: query.get("uploadId") }
  } catch {
    return { bucket: "", key: "" }
  }
}

function pass(response: IncomingMessage, answer: ServerResponse): void {
  writeHead(response, answer)
  response.pipe(answer)
}

/** The one body that is held back: nobody may act on an upload before it is on record. */
function passCreateAnswer(response: IncomingMessage, answer: ServerResponse, see: (uploadId: string) => void): void {
  const chunks: Array<Buffer> = []
  response.on("data", (chunk: Buffer) => chunks.push(chunk))
  response.on("end", () => {
    const body = Buffer.concat(chunks)
    const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(body.toString())?.[1]
    if (uploadId !== undefined) see(uploadId)
    if (answer.destroyed) return
    writeHead(response, answer)
    answer.end(body)
  })
}

function writeHead(response: IncomingMessage, answer: ServerResponse): void {
  answer.sendDate = false
  answer.writeHead(response.statusCode ?? 502, response.statusMessage ?? "", endToEnd(response.rawHeaders))
}

function requestHeaders(incoming: IncomingMessage): Array<string> {
  const headers = endToEnd(incoming.rawHeaders)
  const framed = "content-length" in incoming.headers || "transfer-encoding" in incoming.headers
  // Without either there is no body (RFC 9112 §6.3); node would announce a chunked one for PUT and POST.
  return framed ? headers : [...headers, "Content-Length", "0"]
}

/** Header lines as they came, but for those of the connection itself (RFC 9110 §7.6.1), which is ours. */
function endToEnd(raw: ReadonlyArray<string>): Array<string> {
  return raw.filter((_, index) => !/^(connection|keep-alive)$/i.test(raw[index - (index % 2)] ?? ""))
}
