import type { Credentials } from "./auth/Credentials.ts"
import { type JournalEntry, RequestJournal } from "./RequestJournal.ts"
import type { Middleware } from "./S3Call.ts"
import { makeS3Handler } from "./S3Handler.ts"
import { S3Model } from "./S3Model.ts"
import { serveHttp } from "./serve-http.ts"
import { memoryStore } from "./store/memory-store.ts"
import type { S3Store } from "./store/S3Store.ts"

export interface S3ServerOptions {
  /** Where objects live; a fresh `memoryStore()` by default. */
  readonly store?: S3Store
  /** 0, the default, takes a free one. */
  readonly port?: number
  readonly host?: "127.0.0.1"
  /** Created unless the store has them. */
  readonly buckets?: ReadonlyArray<string>
  /** `sluice` / `sluicesecret` by default. */
  readonly credentials?: Credentials
  /** `us-east-1` by default; requests signed for another are refused. */
  readonly region?: string
  /** Default `true`. `false` ignores requests for encryption in silence, as some stores without a KMS do. */
  readonly serverSideEncryption?: boolean
  /** Default `false`: a repeated Complete is NoSuchUpload. `true`: 200 again, as AWS answers for a while. */
  readonly idempotentComplete?: boolean
  /** Milliseconds since the epoch. */
  readonly clock?: () => number
}

export interface OpenUpload {
  readonly bucket: string
  readonly key: string
  readonly uploadId: string
  /** Numbers of the parts received so far, ascending. */
  readonly parts: ReadonlyArray<number>
}

export interface S3Server extends AsyncDisposable {
  /** `http://127.0.0.1:port`; buckets are addressed by path. */
  readonly endpoint: string
  readonly region: string
  readonly credentials: Credentials
  readonly port: number
  /** Authenticated requests, oldest first. */
  readonly requests: ReadonlyArray<JournalEntry>
  openUploads(): ReadonlyArray<OpenUpload>
  openSockets(): number
  /** An object's bytes, read past HTTP. */
  object(bucket: string, key: string): Promise<Uint8Array | undefined>
  /** Ends every connection, waits for what was under way, closes the store. */
  close(): Promise<void>
}

/** Serves S3 on loopback until `close`. Rejects if the port is taken or the store cannot be opened. */
export async function startS3Server(options: S3ServerOptions = {}, middleware?: Middleware): Promise<S3Server> {
  const {
    store = memoryStore(),
    port = 0,
    host = "127.0.0.1",
    buckets = [],
    credentials = { accessKeyId: "sluice", secretAccessKey: "sluicesecret" },
    region = "us-east-1",
    serverSideEncryption = true,
    idempotentComplete = false,
    clock = Date.now
  } = options
  const journal = new RequestJournal()
  const start = async () => {
    const model = await S3Model.open(store)
    for (const bucket of buckets) if (!model.buckets.has(bucket)) await model.createBucket(bucket, clock())
    const context = { model, region, credentials, serverSideEncryption, idempotentComplete, clock }
    return { model, http: await serveHttp(makeS3Handler({ ...context, journal, middleware }), port, host) }
  }
  const { model, http } = await start().catch(async (error: unknown) => {
    await store.close()
    throw error
  })

  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= http.close().then(() => store.close())
    return closing
  }
  return {
    endpoint: `http://${host}:${http.port}`,
    region,
    credentials,
    port: http.port,
    requests: journal.entries,
    openUploads: () =>
      [...model.uploads.values()].map(({ record: { bucket, key, uploadId }, parts }) => ({
        ...{ bucket, key, uploadId },
        parts: [...parts.keys()].sort((a, b) => a - b)
      })),
    openSockets: http.openSockets,
    object: async (bucket, key) => {
      const object = model.buckets.get(bucket)?.objects.get(key)
      if (object === undefined) return undefined
      const chunks: Array<Uint8Array> = []
      for await (const chunk of model.read(object.segments, 0, object.size)) chunks.push(chunk)
      return Buffer.concat(chunks)
    },
    close,
    [Symbol.asyncDispose]: close
  }
}
