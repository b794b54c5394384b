import { Agent } from "node:http"
import { AbortMultipartUploadCommand, S3Client } from "@aws-sdk/client-s3"
import { collect } from "./faults/bytes.ts"
import { FaultInjector, type FaultInjectorOptions } from "./faults/FaultInjector.ts"
import { type ForwardOptions, forwardRequest } from "./faults/forward-request.ts"
import type { Credentials } from "./s3/auth/Credentials.ts"
import { Hangup, type S3Request, type S3Response } from "./s3/message.ts"
import { type Operation, operationOf } from "./s3/Operation.ts"
import { type JournalEntry, RequestJournal } from "./s3/RequestJournal.ts"
import type { S3Call } from "./s3/S3Call.ts"
import { serveHttp } from "./s3/serve-http.ts"
import { parseTarget } from "./s3/Target.ts"

/** A multipart upload that was seen on the wire. */
export interface SeenUpload {
  readonly bucket: string
  readonly key: string
  readonly uploadId: string
}

export interface RecordingProxyOptions {
  /** Seed, clock and rules to begin with, or an injector that stands elsewhere too. */
  readonly faults?: FaultInjectorOptions | FaultInjector
  /** For the fault `abortUpload` alone: a proxy cannot sign what its clients did not ask for. */
  readonly credentials?: Credentials
  /** `us-east-1` by default. */
  readonly region?: string
}

export interface RecordingProxy extends AsyncDisposable {
  /** Give this to the client in place of the store's endpoint. */
  readonly endpoint: string
  /** Strikes requests on their way to the store, and answers on their way back. */
  readonly faults: FaultInjector
  /** Every multipart upload seen so far, once each: those the store created and those a request named. */
  readonly uploads: ReadonlyArray<SeenUpload>
  /** S3 requests, oldest first; the latest 20,000. */
  readonly requests: ReadonlyArray<JournalEntry>
  /** How many requests of this operation have arrived. */
  count(operation: Operation): number
  /**
   * Resolves when the store owes no answer, so that `uploads` also has what an interrupted Create began. A request of
   * which the store does not have the whole body is owed none, however long a fault holds it.
   */
  idle(): Promise<void>
  close(): Promise<void>
}

/** Where a proxy's injector stands. */
export const proxyPlaces = ({ credentials }: Pick<RecordingProxyOptions, "credentials">) =>
  credentials === undefined ? (["requests"] as const) : (["requests", "signer"] as const)

/**
 * Starts a loopback HTTP proxy that passes everything through (streaming both ways, `Host` kept, so that signatures stay
 * valid), with faults on demand, and remembers every multipart upload, also one whose Create answer the client no longer
 * waited for. Path-style addressing and http targets only; rejects for another target.
 *
 * @example
 * await using proxy = await recordingProxy(minio.endpoint)
 * proxy.faults.add({ match: { op: "UploadPart", attempt: 1 }, action: { type: "dropAfterCommit" }, times: Infinity })
 */
export async function recordingProxy(target: string, options: RecordingProxyOptions = {}): Promise<RecordingProxy> {
  const { protocol, hostname, port } = new URL(target)
  if (protocol !== "http:") throw new Error(`recordingProxy passes on plain http only, and the target is ${protocol}//`)
  const faults =
    options.faults instanceof FaultInjector ? options.faults : new FaultInjector(options.faults, proxyPlaces(options))

  const uploads = new Map<string, SeenUpload>()
  const counts = new Map<Operation, number>()
  const journal = new RequestJournal()
  const owed = new Set<Promise<void>>()
  // One socket a request: a reset here is then a reset there, never a stale kept-alive connection of ours.
  const agent = new Agent({ keepAlive: false })
  const onOwed = (over: Promise<void>) => {
    owed.add(over)
    over.then(() => owed.delete(over))
  }
  const store = { agent, hostname, port, onOwed } satisfies Partial<ForwardOptions>
  const see = ({ bucket, key }: S3Call, uploadId: string) => uploads.set(uploadId, { bucket, key, uploadId })

  /** Nobody may act on an upload before it is on record: this answer alone is held back until it is whole. */
  const create = async (request: S3Request, call: S3Call): Promise<S3Response> => {
    // Read to its end although the client has gone: it may begin an upload that nobody else knows of.
    const response = await forwardRequest(request, { ...store, patient: true })
    const body = typeof response.body === "object" ? (await collect(response.body)).toString() : (response.body ?? "")
    const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(body)?.[1]
    if (uploadId !== undefined) see(call, uploadId)
    if (request.signal.aborted) throw new Hangup("close")
    return { ...response, body }
  }

  const handle = async (request: S3Request): Promise<S3Response> => {
    const asked = readRequest(request)
    if (asked === undefined) return forwardRequest(request, { ...store, patient: false })
    const { op, query, ...subject } = asked
    const { headers, method, signal } = request
    counts.set(op, (counts.get(op) ?? 0) + 1)
    const run = (attempt: number) => {
      const payload = headers["x-amz-content-sha256"] ?? ""
      const call = { op, ...subject, attempt, query, headers, body: request.body, payload, trailers: new Map(), signal }
      if (subject.uploadId !== undefined) see(call, subject.uploadId)
      return faults.middleware(call, (call) => {
        if (call.op !== op) return abortUpload(call, target, options)
        const changed = { ...request, body: call.body }
        return op === "CreateMultipartUpload"
          ? create(changed, call)
          : forwardRequest(changed, { ...store, patient: false })
      })
    }
    return journal.record({ op, ...subject }, run, { method, query, headers, accessKeyId: undefined })
  }

  const server = await serveHttp(handle, { port: 0, host: "127.0.0.1", tls: undefined, keepAliveMillis: undefined })
  let closing: Promise<void> | undefined
  const close = () => {
    agent.destroy()
    closing ??= server.close()
    return closing
  }
  return {
    endpoint: `http://127.0.0.1:${server.port}`,
    faults,
    get uploads() {
      return [...uploads.values()]
    },
    requests: journal.entries,
    count: (operation) => counts.get(operation) ?? 0,
    idle: async () => {
      while (owed.size > 0) await Promise.all(owed)
    },
    close,
    [Symbol.asyncDispose]: close
  }
}

/** What the embedded server would make of the request; what it would refuse is passed on uncounted. */
function readRequest({ headers, method, target }: S3Request) {
  try {
    const { bucket = "", key = "", query } = parseTarget(target)
    const resource = key !== "" ? "object" : bucket !== "" ? "bucket" : "service"
    const op = operationOf(method, resource, query, "x-amz-copy-source" in headers)
    const number = query.get("partNumber")
    const partNumber = number === undefined ? undefined : Number(number)
    return { op, bucket, key, uploadId: query.get("uploadId"), partNumber, query }
  } catch {
    return undefined
  }
}

async function abortUpload(call: S3Call, endpoint: string, options: RecordingProxyOptions): Promise<S3Response> {
  const { credentials, region = "us-east-1" } = options
  const { bucket: Bucket, key: Key, uploadId: UploadId } = call
  if (credentials === undefined) throw new Error("abortUpload needs credentials")
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })
  try {
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
    return { status: 204, headers: {} }
  } finally {
    client.destroy()
  }
}
