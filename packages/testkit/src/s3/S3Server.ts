import { applyLifecycle, type LifecycleEvent } from "./apply-lifecycle.ts"
import { assertQuiescent } from "./assert-quiescent.ts"
import type { Credentials } from "./auth/Credentials.ts"
import type { Access, Principal } from "./auth/Principal.ts"
import type { KmsKeys } from "./encryption/KmsKeys.ts"
import { type Provider, profiles } from "./profiles/profiles.ts"
import { type JournalEntry, RequestJournal, type TurnedAway } from "./RequestJournal.ts"
import type { Middleware } from "./S3Call.ts"
import { DEFAULT_DOMAINS, makeS3Handler } from "./S3Handler.ts"
import { S3Model } from "./S3Model.ts"
import { selfSigned } from "./self-signed.ts"
import { serveHttp, type Traffic } from "./serve-http.ts"
import { memoryStore } from "./store/memory-store.ts"
import type { S3Store } from "./store/S3Store.ts"
import { watchStore } from "./watch-store.ts"

export interface S3ServerOptions {
  /** Where objects live; a fresh `memoryStore()` by default. */
  readonly store?: S3Store
  /** 0, the default, takes a free one. */
  readonly port?: number
  readonly host?: "127.0.0.1"
  /** Created unless the store has them. Default: one, named `sluice`. */
  readonly buckets?: ReadonlyArray<string>
  /** `sluice` / `sluicesecret` by default; whoever has them may do everything. */
  readonly credentials?: Credentials
  /** Who else may sign requests, and for what. */
  readonly principals?: ReadonlyArray<Principal>
  /** What may be done without a signature: `{ allow: [{ operations: ["GetObject"], resources: ["media/*"] }] }`. */
  readonly anonymous?: Access
  /** The profile's, else `us-east-1`; requests signed for another are refused. */
  readonly region?: string
  /** Buckets that lie elsewhere: requests for them that are signed for `region` are sent on with 301. */
  readonly bucketRegions?: Readonly<Record<string, string>>
  /** `<bucket>.<domain>` in the Host addresses a bucket. Default `localhost` and `s3.localhost`; paths always work. */
  readonly domains?: ReadonlyArray<string>
  /** Default `false`. `true` serves HTTPS with a certificate that signs itself. */
  readonly tls?: boolean
  /** A provider to answer like; strict S3 by default. */
  readonly profile?: Provider
  /** Default `true`. `false` ignores requests for encryption in silence, as some stores without a KMS do. */
  readonly serverSideEncryption?: boolean
  /** The keys that SSE-KMS may name beside the managed one, and their states; read at every request. None by default. */
  readonly kmsKeys?: KmsKeys
  /** Default `false`: keys of SSE-C over plain HTTP are refused, as on S3. */
  readonly allowInsecureSseC?: boolean
  /** Default `false`: a repeated Complete is NoSuchUpload. `true`: 200 again, as AWS answers for a while. */
  readonly idempotentComplete?: boolean
  /** Default `false`, the profile `aws` `true`: what comes without a checksum is given a CRC64NVME, as on AWS. */
  readonly defaultChecksum?: boolean
  /** Who owns the buckets, for `x-amz-expected-bucket-owner`, in twelve digits. Default `123456789012`. */
  readonly accountId?: string
  /** How often a Complete that takes long sends a blank, after an early 200. Never by default. */
  readonly keepAliveMillis?: number
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

export interface StoredPart {
  readonly partNumber: number
  readonly size: number
  /** Unquoted. */
  readonly etag: string
}

export interface S3Server extends AsyncDisposable {
  /** `http://127.0.0.1:port`, or `https`. */
  readonly endpoint: string
  readonly region: string
  readonly credentials: Credentials
  readonly port: number
  /** What a client is to trust, in PEM; undefined without `tls`. */
  readonly certificate: string | undefined
  /** Authenticated requests, oldest first. */
  readonly requests: ReadonlyArray<JournalEntry>
  /** Requests that nobody had signed as they must be, or that mean nothing; oldest first. */
  readonly turnedAway: ReadonlyArray<TurnedAway>
  openUploads(): ReadonlyArray<OpenUpload>
  /** What an open upload has, ascending; empty for one that is not open. */
  parts(uploadId: string): ReadonlyArray<StoredPart>
  openSockets(): number
  /** Bytes that crossed the sockets since the start. */
  traffic(): Traffic
  /** An object's bytes, read past HTTP. */
  object(bucket: string, key: string): Promise<Uint8Array | undefined>
  /** Does what the buckets' lifecycle rules have due by the server's clock, and tells what; nothing runs by itself. */
  applyLifecycle(): Promise<ReadonlyArray<LifecycleEvent>>
  /**
   * Resolves once nothing is left behind: no open upload, no request under way, no bytes that nothing names. Rejects
   * with an `AssertionError` that names every leftover, if some are still there after `withinMillis` (default 1,000).
   */
  assertQuiescent(withinMillis?: number): Promise<void>
  /** Ends every connection, waits for what was under way, closes the store. */
  close(): Promise<void>
}

/** Serves S3 on loopback until `close`. Rejects if the port is taken or the store cannot be opened. */
export async function startS3Server(options: S3ServerOptions = {}, middleware?: Middleware): Promise<S3Server> {
  const profile = options.profile === undefined ? undefined : profiles[options.profile]
  const {
    port = 0,
    host = "127.0.0.1",
    buckets = ["sluice"],
    credentials = { accessKeyId: "sluice", secretAccessKey: "sluicesecret" },
    region = profile?.region ?? "us-east-1",
    domains = DEFAULT_DOMAINS,
    serverSideEncryption = true,
    idempotentComplete = profile?.idempotentComplete ?? false,
    defaultChecksum = profile?.defaultChecksum ?? false,
    keepAliveMillis,
    clock = Date.now,
    store: given = memoryStore(),
    tls: secure = false,
    ...others
  } = options
  const store = watchStore(given)
  const journal = new RequestJournal()
  const start = async () => {
    const model = await S3Model.open(store)
    for (const bucket of buckets) if (!model.buckets.has(bucket)) await model.createBucket(bucket, clock())
    const hosts = domains.flatMap((domain) => [domain, "*", ...buckets].map((name) => `${name}.${domain}`))
    const tls = secure ? await selfSigned([...domains, ...hosts]) : undefined
    const context = {
      ...{ model, region, credentials, serverSideEncryption, idempotentComplete, clock },
      ...{ domains, journal, secure, defaultChecksum }
    }
    const handler = makeS3Handler({ ...others, ...context, profile, middleware })
    return { model, tls, http: await serveHttp(handler, { port, host, tls, keepAliveMillis }) }
  }
  const { model, tls, http } = await start().catch(async (error: unknown) => {
    await store.close()
    throw error
  })

  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= http.close().then(() => store.close())
    return closing
  }
  const openUploads = () =>
    [...model.uploads.values()].map(({ record: { bucket, key, uploadId }, parts }) => ({
      ...{ bucket, key, uploadId },
      parts: [...parts.keys()].sort((a, b) => a - b)
    }))
  return {
    endpoint: `${secure ? "https" : "http"}://${host}:${http.port}`,
    region,
    credentials,
    port: http.port,
    certificate: tls?.cert,
    requests: journal.entries,
    turnedAway: journal.turnedAway,
    openUploads,
    parts: (uploadId) =>
      [...(model.uploads.get(uploadId)?.parts.values() ?? [])]
        .map(({ partNumber, size, etag }) => ({ partNumber, size, etag }))
        .sort((a, b) => a.partNumber - b.partNumber),
    openSockets: http.openSockets,
    traffic: http.traffic,
    object: async (bucket, key) => {
      const object = model.buckets.get(bucket)?.objects.get(key)
      if (object === undefined) return undefined
      const chunks: Array<Uint8Array> = []
      for await (const chunk of model.read(object.segments, 0, object.size)) chunks.push(chunk)
      return Buffer.concat(chunks)
    },
    applyLifecycle: () => applyLifecycle(model, clock()),
    assertQuiescent: (withinMillis) => assertQuiescent({ openUploads, journal, http, store }, withinMillis),
    close,
    [Symbol.asyncDispose]: close
  }
}
