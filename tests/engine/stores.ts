/**
 * The stores that the engine's promises are tried on: the embedded one with faults on demand, and MinIO. Their keys
 * are canaries: nothing else holds them by chance.
 */
import {
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  PutObjectCommand,
  S3Client,
  S3ServiceException
} from "@aws-sdk/client-s3"
import type { s3 } from "@sluice/core/promise"
import {
  assertNothingLeft,
  canaryCredentials,
  type FaultInjector,
  type FaultyS3Server,
  type JournalEntry,
  type MinIOOptions,
  recordingProxy,
  type SeenUpload,
  startMinIO,
  startS3
} from "@sluice/testkit"
import { foreignAgent } from "./connections.ts"

export type StoreOptions = Parameters<typeof s3>[0]

/** A store with one bucket, and a foreign client's view of it. */
export interface Target extends AsyncDisposable {
  /** How the engine reaches it. */
  readonly store: StoreOptions & { readonly endpoint: string }
  /** Foreign: `@aws-sdk/client-s3` as it comes, straight to the store. */
  readonly client: S3Client
  readonly bucket: string
  /** Multipart uploads that are open under a key now, as far as the store can tell at once. */
  readonly open: (key: string) => number
  /** Fails unless every multipart upload that was ever begun is gone. */
  readonly assertNothingLeft: () => Promise<void>
}

/** A store with faults on demand: in it, or in a proxy before it. */
export interface FaultyTarget extends Target {
  readonly credentials: FaultyS3Server["credentials"]
  readonly faults: FaultInjector
  /** What was asked of it, oldest first. */
  readonly requests: ReadonlyArray<JournalEntry>
  /** Requests of one operation on a key. */
  readonly count: (op: JournalEntry["op"], key: string) => number
}

export interface EmbeddedTarget extends FaultyTarget {
  readonly server: FaultyS3Server
}

const counting =
  (requests: ReadonlyArray<JournalEntry>): FaultyTarget["count"] =>
  (op, key) =>
    requests.filter((request) => request.op === op && request.key === key).length

const bucket = "media"

const foreign = (at: Pick<FaultyS3Server, "endpoint" | "region" | "credentials">): S3Client =>
  new S3Client({
    endpoint: at.endpoint,
    region: at.region,
    credentials: at.credentials,
    forcePathStyle: true,
    // The tests compare SHA-256; the SDK's own CRC32 in JavaScript would cost more than the upload.
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { httpAgent: foreignAgent }
  })

/** The proof that uploads are gone, once for each: an upload's id is never given again. */
const provingGone = (at: Pick<FaultyS3Server, "endpoint" | "region" | "credentials">) => {
  const gone = new Set<string>()
  return async (seen: Iterable<SeenUpload>): Promise<void> => {
    const uploads = [...seen].filter(({ uploadId }) => !gone.has(uploadId))
    await assertNothingLeft({ ...at, uploads })
    for (const { uploadId } of uploads) gone.add(uploadId)
  }
}

export const startEmbedded = async (options: Parameters<typeof startS3>[0] = {}): Promise<EmbeddedTarget> => {
  const server = await startS3({ buckets: [bucket], credentials: canaryCredentials(), ...options })
  const { endpoint, region, credentials } = server
  const client = foreign(server)
  const assertGone = provingGone({ endpoint, region, credentials })
  const uploads = new Map<string, SeenUpload>()
  const see = (): Iterable<SeenUpload> => {
    for (const { bucket, key, uploadId } of [...server.requests, ...server.openUploads()]) {
      if (uploadId !== undefined && uploadId.length > 0) uploads.set(uploadId, { bucket, key, uploadId })
    }
    return uploads.values()
  }
  return {
    store: { bucket, endpoint, region, credentials },
    client,
    bucket,
    server,
    credentials,
    faults: server.faults,
    requests: server.requests,
    count: counting(server.requests),
    open: (key) => server.openUploads().filter((upload) => upload.key === key).length,
    assertNothingLeft: () => assertGone(see()),
    [Symbol.asyncDispose]: async () => {
      client.destroy()
      await server.close()
    }
  }
}

export const startMinIOTarget = async (options: MinIOOptions = {}): Promise<FaultyTarget> => {
  const minio = await startMinIO(options)
  // A MinIO named by the environment lives on: every run takes a bucket of its own.
  const own = `sluice-engine-${process.pid}-${Date.now().toString(36)}`
  await minio.createBucket(own)
  const { region, credentials } = minio
  const proxy = await recordingProxy(minio.endpoint, { credentials, region })
  const client = foreign(minio)
  const assertGone = provingGone({ endpoint: minio.endpoint, region, credentials })
  return {
    store: { bucket: own, endpoint: proxy.endpoint, region, credentials },
    client,
    bucket: own,
    credentials,
    faults: proxy.faults,
    requests: proxy.requests,
    count: counting(proxy.requests),
    open: () => 0,
    assertNothingLeft: async () => {
      await proxy.idle()
      await assertGone(proxy.uploads)
    },
    [Symbol.asyncDispose]: async () => {
      client.destroy()
      await proxy.close()
      await minio.close()
    }
  }
}

/** An object's bytes by the foreign client, or undefined where none stands. */
export const download = async (target: Target, key: string): Promise<Uint8Array | undefined> => {
  try {
    const { Body } = await target.client.send(new GetObjectCommand({ Bucket: target.bucket, Key: key }))
    return await Body?.transformToByteArray()
  } catch (error) {
    // Where no object can stand, none does.
    if (error instanceof S3ServiceException && /^(NoSuchKey|KeyTooLongError)$/.test(error.name)) return undefined
    throw error
  }
}

export const head = (target: Target, key: string): Promise<HeadObjectCommandOutput> =>
  target.client.send(new HeadObjectCommand({ Bucket: target.bucket, Key: key, ChecksumMode: "ENABLED" }))

export const put = async (target: Target, key: string, bytes: Uint8Array): Promise<void> => {
  await target.client.send(new PutObjectCommand({ Bucket: target.bucket, Key: key, Body: bytes }))
}

/** A target's own keys: random, so that nothing else holds them by chance. */
export const secretsOf = ({ store }: { readonly store: StoreOptions }): Record<string, string | undefined> => {
  const { credentials } = store
  if (typeof credentials !== "object") return {}
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  return {
    accessKeyId,
    ...(typeof secretAccessKey === "string" ? { secretAccessKey } : {}),
    ...(typeof sessionToken === "string" ? { sessionToken } : {})
  }
}
