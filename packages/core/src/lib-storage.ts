/**
 * `Upload` as `@aws-sdk/lib-storage` has it, on this engine: for programs that have it already. `docs/from-lib-storage.md`.
 *
 * @module
 */
import type { CompleteMultipartUploadCommandOutput, PutObjectCommandInput, S3Client, Tag } from "@aws-sdk/client-s3"
import type { ChecksumAlgorithm } from "./ObjectStore.ts"
import { createSluice, defaults, type Upload as Running, type Sluice, type StoredObject, s3 } from "./promise.ts"
import type { Body } from "./Source.ts"
import { invalidRequest } from "./UploadError.ts"

/** How far an upload is, as `httpUploadProgress` tells it. */
export interface Progress {
  /** Bytes that the store has, or that are on their way. Never falls. */
  readonly loaded: number
  readonly total: number | undefined
  /** The part that was stored last. */
  readonly part: number | undefined
  readonly Key: string
  readonly Bucket: string
}

/** The options of `@aws-sdk/lib-storage`, with its names and defaults but for the part size, which is 8 MiB. */
export interface Options {
  /** Its region, credentials and endpoint are used; its middleware, retries and request handler are not. */
  readonly client: S3Client
  readonly params: PutObjectCommandInput
  /** Parts in flight. Default 4. */
  readonly queueSize?: number | undefined
  /** Bytes. Default 8 MiB. */
  readonly partSize?: number | undefined
  /** Leaves the parts of a failed upload in the store. Default false: nothing is left. */
  readonly leavePartsOnError?: boolean | undefined
  readonly tags?: ReadonlyArray<Tag> | undefined
  readonly abortController?: AbortController | undefined
}

type Listener = (progress: Progress) => void

/** What of a PutObject an upload here can say. */
const known = new Set([
  "Body",
  "Bucket",
  "CacheControl",
  "ChecksumAlgorithm",
  "ContentDisposition",
  "ContentEncoding",
  "ContentLanguage",
  "ContentLength",
  "ContentType",
  "IfMatch",
  "IfNoneMatch",
  "Key",
  "Metadata",
  "ServerSideEncryption",
  "StorageClass",
  "Tagging"
])

/** Nothing that was asked for is left out in silence. */
const checkParams = (params: PutObjectCommandInput): void => {
  const unknown = Object.entries(params).filter(([name, value]) => value !== undefined && !known.has(name))
  if (unknown.length > 0) {
    throw invalidRequest(
      `params has ${unknown.map(([name]) => name).join(", ")}, which Sluice does not send; leave it out, or keep this upload with @aws-sdk/lib-storage`
    )
  }
  const { ChecksumAlgorithm: algorithm, IfNoneMatch: ifNoneMatch, ServerSideEncryption: encryption } = params
  if (encryption !== undefined && encryption !== "AES256") {
    throw invalidRequest(`ServerSideEncryption is "${encryption}"; Sluice asks for AES256`)
  }
  if (ifNoneMatch !== undefined && ifNoneMatch !== "*") {
    throw invalidRequest(`IfNoneMatch is "${ifNoneMatch}"; S3 knows only "*"`)
  }
  if (algorithm !== undefined && checksumAlgorithm(algorithm) === undefined) {
    throw invalidRequest(`ChecksumAlgorithm is "${algorithm}"; Sluice sends CRC32, CRC32C or CRC64NVME`)
  }
}

const checksumAlgorithm = (name: string | undefined): ChecksumAlgorithm | undefined =>
  name === "CRC32" || name === "CRC32C" || name === "CRC64NVME" ? name : undefined

const bodyOf = (body: PutObjectCommandInput["Body"]): Body => {
  if (body === undefined) throw invalidRequest("params has no Body")
  return typeof body === "string" ? new TextEncoder().encode(body) : body
}

const tagsOf = ({ params, tags = [] }: Options): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(new URLSearchParams(params.Tagging)),
  ...Object.fromEntries(tags.map(({ Key = "", Value = "" }) => [Key, Value]))
})

const urlOf = ({
  hostname,
  path,
  port,
  protocol
}: {
  hostname: string
  path: string
  port?: number
  protocol: string
}) => `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path === "/" ? "" : path}`

/** An engine for one upload, to where the client speaks, with its keys. */
const open = async ({ client, params, partSize, queueSize }: Options, bucket: string): Promise<Sluice> => {
  const { config } = client
  const endpoint = await config.endpoint?.()
  const { forcePathStyle } = config
  const store = s3({
    bucket,
    region: await config.region(),
    credentials: () => config.credentials(),
    ...(endpoint === undefined ? {} : { endpoint: urlOf(endpoint) }),
    ...(typeof forcePathStyle === "boolean" ? { forcePathStyle } : {})
  })
  return createSluice({
    store,
    ...(partSize === undefined ? {} : { partSize, multipartThreshold: partSize }),
    ...(queueSize === undefined ? {} : { concurrency: queueSize }),
    checksumAlgorithm: checksumAlgorithm(params.ChecksumAlgorithm) ?? defaults.checksumAlgorithm
  })
}

/**
 * One upload.
 *
 * ```ts
 * import { S3Client } from "@aws-sdk/client-s3"
 * import { Upload } from "@sluice/core/lib-storage"
 *
 * const upload = new Upload({
 *   client: new S3Client({ region: "eu-west-1" }),
 *   params: { Bucket: "media", Key: "talks/intro.mp4", Body: new Uint8Array(10) }
 * })
 * upload.on("httpUploadProgress", ({ loaded, total }) => console.log(loaded, total))
 * await upload.done()
 * ```
 *
 * The constructor throws `UploadError` (`InvalidRequest`) for params that would not be sent.
 */
export class Upload {
  /** Of a multipart upload, once the store has said it. */
  uploadId: string | undefined
  readonly #options: Options
  readonly #listeners = new Set<Listener>()
  readonly #abort = new AbortController()
  #part: number | undefined
  #running: Promise<Running> | undefined
  #done: Promise<CompleteMultipartUploadCommandOutput> | undefined

  constructor(options: Options) {
    checkParams(options.params)
    bodyOf(options.params.Body)
    this.#options = options
  }

  on(_event: "httpUploadProgress", listener: Listener): this {
    this.#listeners.add(listener)
    return this
  }

  off(_event: "httpUploadProgress", listener: Listener): this {
    this.#listeners.delete(listener)
    return this
  }

  /** Starts the upload, at the first call, and resolves when it is complete. Rejects with `UploadError`, or `AbortError`. */
  done(): Promise<CompleteMultipartUploadCommandOutput> {
    this.#done ??= this.#run()
    return this.#done
  }

  /** Ends the upload; resolves when nothing of it is left in the store. */
  async abort(): Promise<void> {
    this.#abort.abort()
    const running = await this.#running?.catch(() => undefined)
    await running?.abort()
  }

  async #run(): Promise<CompleteMultipartUploadCommandOutput> {
    const { Bucket = "", Key = "" } = this.#options.params
    const sluice = open(this.#options, Bucket)
    this.#running = sluice.then((engine) => this.#start(engine, Bucket, Key))
    try {
      const stored: StoredObject = await (await this.#running).done()
      return {
        Bucket,
        Key,
        ETag: `"${stored.etag}"`,
        Location: stored.location,
        VersionId: stored.versionId,
        $metadata: {}
      }
    } finally {
      await (await sluice.catch(() => undefined))?.dispose()
    }
  }

  #start(engine: Sluice, Bucket: string, Key: string): Running {
    const { abortController, leavePartsOnError = false, params } = this.#options
    const signals = [this.#abort.signal, ...(abortController === undefined ? [] : [abortController.signal])]
    let last: Progress | undefined
    const upload = engine.upload({
      key: Key,
      body: bodyOf(params.Body),
      size: params.ContentLength,
      contentType: params.ContentType,
      cacheControl: params.CacheControl,
      contentDisposition: params.ContentDisposition,
      contentEncoding: params.ContentEncoding,
      contentLanguage: params.ContentLanguage,
      metadata: params.Metadata,
      storageClass: params.StorageClass,
      tags: tagsOf(this.#options),
      ...(params.ServerSideEncryption === undefined ? {} : { encryption: { mode: "SSE-S3" } }),
      ...(params.IfNoneMatch === "*" ? { ifNoneMatch: "*" } : {}),
      ifMatch: params.IfMatch,
      onFailure: leavePartsOnError ? "keep" : "abort",
      signal: AbortSignal.any(signals),
      onProgress: ({ sent, total }) => {
        if (sent === last?.loaded && total === last.total) return
        last = { loaded: sent, total, part: this.#part, Key, Bucket }
        for (const listener of this.#listeners) listener(last)
      }
    })
    void this.#follow(upload)
    return upload
  }

  async #follow(upload: Running): Promise<void> {
    for await (const event of upload.events()) {
      if (event._tag === "UploadStarted") this.uploadId = event.uploadId
      if (event._tag === "PartStored") this.#part = event.partNumber
    }
  }
}
