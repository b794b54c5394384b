/**
 * `ObjectStore` over `@aws-sdk/client-s3`, with our own request handler for the bytes.
 *
 * @module
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand
} from "@aws-sdk/client-s3"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { compositeCrc32, decodeCrc32, encodeCrc32, normalizeEtag } from "../Checksum.ts"
import { defaults, type PayloadSigning } from "../Defaults.ts"
import { fromAbortable } from "../internal/from-abortable.ts"
import { type Provider, profiles, providerOf } from "../Limits.ts"
import {
  type ByteRange,
  type ObjectAttributes,
  type ObjectHead,
  ObjectStore,
  type ObjectStoreApi,
  type PartBody
} from "../ObjectStore.ts"
import { makeTransport } from "../platform/transport.ts"
import { type ErrorContext, invalidRequest, type UploadError, uploadError } from "../UploadError.ts"
import { fromSdkError } from "./from-sdk-error.ts"
import { type CallOptions, makeRequestHandler } from "./request-handler.ts"
import { md5Base64, sha256Hex, signsPayload, unsignedPayload } from "./sign-payload.ts"

/** Fixed keys. Wrap secrets in `Redacted` to keep them out of anything printed. */
export interface StaticCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string | Redacted.Redacted<string>
  readonly sessionToken?: string | Redacted.Redacted<string> | undefined
}

/** Keys from the caller's own provider; called again before `expiration`. */
export type CredentialsProvider = () => Promise<StaticCredentials & { readonly expiration?: Date | undefined }>

/** Which bucket, where, and who we are. */
export interface S3Options {
  readonly bucket: string
  /** Default: `AWS_REGION`, else the profile's; `us-east-1` where an endpoint is given and neither is set. */
  readonly region?: string | undefined
  /** `http(s)://host[:port]`; default AWS. */
  readonly endpoint?: string | undefined
  /** Default: the SDK's chain (env, profile, SSO, web identity, container and instance roles, assume-role). */
  readonly credentials?: StaticCredentials | CredentialsProvider | undefined
  /** A profile of the shared AWS config files. */
  readonly profile?: string | undefined
  /** Default: true where an endpoint is given that is not AWS. */
  readonly forcePathStyle?: boolean | undefined
  /** What the store can do; default: by the endpoint's host. */
  readonly provider?: Provider | undefined
  /** Default `auto`: payload SHA-256 only over plain http to another machine. */
  readonly payloadSigning?: PayloadSigning | undefined
  /** Milliseconds to connect, TLS included. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined
}

const reveal = (secret: string | Redacted.Redacted<string>): string =>
  typeof secret === "string" ? secret : Redacted.value(secret)

const sdkCredentials = ({ accessKeyId, secretAccessKey, sessionToken }: StaticCredentials) => ({
  accessKeyId,
  secretAccessKey: reveal(secretAccessKey),
  ...(sessionToken === undefined ? {} : { sessionToken: reveal(sessionToken) })
})

/** A caller's provider fails as the SDK's own do, so that both are `CredentialsUnavailable`. */
const providerFailed = (cause: unknown): never => {
  const error = new Error(cause instanceof Error ? cause.message : String(cause), { cause })
  error.name = "CredentialsProviderError"
  throw error
}

const credentialsConfig = (credentials: S3Options["credentials"]): Pick<S3ClientConfig, "credentials"> => {
  if (credentials === undefined) return {}
  if (typeof credentials !== "function") return { credentials: sdkCredentials(credentials) }
  return {
    credentials: async () => {
      const current = await credentials().catch(providerFailed)
      return {
        ...sdkCredentials(current),
        ...(current.expiration === undefined ? {} : { expiration: current.expiration })
      }
    }
  }
}

const checkOptions = (options: S3Options): UploadError | undefined => {
  if (typeof options.bucket !== "string" || options.bucket === "") {
    return invalidRequest("no bucket is named; give `bucket` (or set SLUICE_BUCKET)")
  }
  if (options.endpoint !== undefined && !/^https?:\/\/[^/]+/.test(options.endpoint)) {
    return invalidRequest(`the endpoint "${options.endpoint}" is no URL; write it as http(s)://host[:port]`)
  }
  return undefined
}

const makeClient = (options: S3Options, region: string | undefined, pathStyle: boolean): S3Client => {
  const { endpoint, profile } = options
  return new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
    ...credentialsConfig(options.credentials),
    forcePathStyle: pathStyle,
    maxAttempts: 1,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    expectContinueHeader: false,
    requestHandler: makeRequestHandler(makeTransport(), options.connectTimeoutMs ?? defaults.connectTimeoutMs)
  })
}

/** Stores other than AWS mostly ignore the region, but SigV4 wants one: do not fail for the lack of it. */
const fallbackRegion = Effect.fnUntraced(function* (options: S3Options) {
  if (options.region !== undefined || options.endpoint === undefined || options.profile !== undefined) {
    return options.region
  }
  // Loaded here: with it comes Schema, a tenth of a CPU second that most programs need not pay.
  const Config = yield* Effect.promise(() => import("effect/Config"))
  const named = yield* Effect.forEach(["AWS_REGION", "AWS_PROFILE"], (name) =>
    Effect.orElseSucceed(Config.option(Config.String(name)), Option.none)
  )
  return named.some(Option.isSome) ? undefined : "us-east-1"
})

/** Every key segment encoded, slashes kept. */
const encodeKey = (key: string): string => key.split("/").map(encodeURIComponent).join("/")

const locationOf = (options: S3Options, pathStyle: boolean, key: string): string => {
  const base = new URL(options.endpoint ?? `https://s3.${options.region ?? "us-east-1"}.amazonaws.com`)
  return pathStyle
    ? `${base.origin}/${options.bucket}/${encodeKey(key)}`
    : `${base.protocol}//${options.bucket}.${base.host}/${encodeKey(key)}`
}

const attributeInput = (a: ObjectAttributes) => ({
  ...(a.contentType === undefined ? {} : { ContentType: a.contentType }),
  ...(a.cacheControl === undefined ? {} : { CacheControl: a.cacheControl }),
  ...(a.contentDisposition === undefined ? {} : { ContentDisposition: a.contentDisposition }),
  ...(a.contentEncoding === undefined ? {} : { ContentEncoding: a.contentEncoding }),
  ...(a.contentLanguage === undefined ? {} : { ContentLanguage: a.contentLanguage }),
  ...(a.metadata === undefined ? {} : { Metadata: { ...a.metadata } }),
  ...(a.tags === undefined || Object.keys(a.tags).length === 0
    ? {}
    : { Tagging: new URLSearchParams(a.tags).toString() }),
  ...(a.storageClass === undefined ? {} : { StorageClass: storageClass(a.storageClass) }),
  ...(a.encryption === undefined ? {} : { ServerSideEncryption: "AES256" as const })
})

/** Stores name classes of their own, so the SDK's closed list is only a hint. */
const storageClass = (name: string): "STANDARD" => name as "STANDARD"

const rangeHeader = (range: ByteRange): string =>
  "suffix" in range ? `bytes=-${range.suffix}` : `bytes=${range.start}-${range.end ?? ""}`

/** A full-object CRC32 the store keeps; a composite one (`…-N`) says nothing about the whole. */
const fullCrc32 = (encoded: string | undefined, type: string | undefined): number | undefined =>
  encoded === undefined || type === "COMPOSITE" || encoded.includes("-") ? undefined : decodeCrc32(encoded)

interface HeadAnswer {
  readonly ContentLength?: number | undefined
  readonly ETag?: string | undefined
  readonly VersionId?: string | undefined
  readonly LastModified?: Date | undefined
  readonly ChecksumCRC32?: string | undefined
  readonly ChecksumType?: string | undefined
  readonly ServerSideEncryption?: string | undefined
  readonly ContentType?: string | undefined
  readonly CacheControl?: string | undefined
  readonly ContentDisposition?: string | undefined
  readonly ContentEncoding?: string | undefined
  readonly ContentLanguage?: string | undefined
  readonly Metadata?: Record<string, string> | undefined
  readonly StorageClass?: string | undefined
}

const headOf = (key: string, size: number, answer: HeadAnswer): ObjectHead => ({
  key,
  size,
  etag: normalizeEtag(answer.ETag ?? ""),
  versionId: answer.VersionId,
  lastModified: answer.LastModified,
  crc32: fullCrc32(answer.ChecksumCRC32, answer.ChecksumType),
  serverSideEncryption: answer.ServerSideEncryption,
  contentType: answer.ContentType,
  cacheControl: answer.CacheControl,
  contentDisposition: answer.ContentDisposition,
  contentEncoding: answer.ContentEncoding,
  contentLanguage: answer.ContentLanguage,
  metadata: answer.Metadata,
  storageClass: answer.StorageClass
})

/** A command of client-s3, as far as it is used here. */
interface PayloadCommand {
  readonly middlewareStack: {
    add: (
      middleware: (
        next: (args: { request: unknown; input: object }) => Promise<{ response: unknown; output: object }>
      ) => (args: { request: unknown; input: object }) => Promise<{ response: unknown; output: object }>,
      options: { step: "build"; name: string }
    ) => void
  }
}

const hasHeaders = (request: unknown): request is { headers: Record<string, string> } =>
  typeof request === "object" && request !== null && "headers" in request

/** Gives the request the payload's headers; the payload itself never passes through the SDK. */
const describePayload = (command: object, headers: Record<string, string>): void => {
  const { middlewareStack } = command as PayloadCommand
  middlewareStack.add(
    (next) => (args) => {
      if (hasHeaders(args.request)) Object.assign(args.request.headers, headers)
      return next(args)
    },
    { step: "build", name: "sluicePayload" }
  )
}

/** S3's verbs over one bucket, through one client. */
const makeApi = (options: S3Options, client: S3Client, pathStyle: boolean): ObjectStoreApi => {
  const { bucket } = options
  const capabilities = profiles[options.provider ?? providerOf(options.endpoint)]
  const signed = signsPayload(options.payloadSigning ?? defaults.payloadSigning, options.endpoint)

  const call = <A>(
    operation: string,
    at: ErrorContext,
    send: (call: CallOptions) => Promise<A>,
    extra: Omit<CallOptions, "abortSignal"> = {}
  ): Effect.Effect<A, UploadError> => {
    const context = { ...at, operation, bucket }
    return fromAbortable(
      (signal) => send({ ...extra, abortSignal: signal }),
      (cause) => fromSdkError(cause, context)
    )
  }

  /** An answer counts only in the shape it must have: an HTML page with status 200 is no ETag. */
  const must = <A>(
    value: A | undefined,
    what: string,
    operation: string,
    at: ErrorContext
  ): Effect.Effect<A, UploadError> =>
    value === undefined || value === ""
      ? Effect.fail(
          uploadError(
            {
              _tag: "InvalidResponse",
              message: `the store's answer to ${operation} has no ${what}; something between us and the store may be answering for it`
            },
            { ...at, operation, bucket }
          )
        )
      : Effect.succeed(value)

  const payloadHeaders = async (body: PartBody): Promise<Record<string, string>> => {
    const md5 = capabilities.checksum === "none" ? md5Base64(body.slices) : undefined
    return {
      "content-length": String(body.size),
      "x-amz-content-sha256": signed ? await sha256Hex(body.slices) : unsignedPayload,
      ...(md5 === undefined ? {} : { "content-md5": md5 })
    }
  }
  const checksumInput = (crc32: number) =>
    capabilities.checksum === "none" ? {} : { ChecksumCRC32: encodeCrc32(crc32) }

  return {
    bucket,
    capabilities,
    location: (key) => locationOf(options, pathStyle, key),

    createMultipartUpload: Effect.fnUntraced(function* (input) {
      const at = { key: input.key }
      const answer = yield* call(
        "CreateMultipartUpload",
        at,
        (options) =>
          client.send(
            new CreateMultipartUploadCommand({
              Bucket: bucket,
              Key: input.key,
              ...attributeInput(input),
              ...(input.checksum === "none" ? {} : { ChecksumAlgorithm: "CRC32", ChecksumType: input.checksum })
            }),
            options
          ),
        { onActivity: input.onActivity }
      )
      const uploadId = yield* must(answer.UploadId, "UploadId", "CreateMultipartUpload", at)
      return { uploadId, encryption: answer.ServerSideEncryption }
    }),

    uploadPart: Effect.fnUntraced(function* ({ key, uploadId, partNumber, body, crc32, attempt, onActivity }) {
      const at = { key, uploadId, partNumber }
      const answer = yield* call(
        "UploadPart",
        at,
        async (options) => {
          const command = new UploadPartCommand({
            Bucket: bucket,
            Key: key,
            UploadId: uploadId,
            PartNumber: partNumber,
            ...checksumInput(crc32)
          })
          describePayload(command, await payloadHeaders(body))
          return client.send(command, options)
        },
        { payload: body, onActivity, freshConnection: attempt > 1 }
      )
      const etag = yield* must(answer.ETag, "ETag", "UploadPart", at)
      return {
        etag: normalizeEtag(etag),
        crc32: fullCrc32(answer.ChecksumCRC32, undefined),
        encryption: answer.ServerSideEncryption
      }
    }),

    completeMultipartUpload: Effect.fnUntraced(function* (input) {
      const at = { key: input.key, uploadId: input.uploadId }
      const withChecksum = input.checksum !== "none"
      const answer = yield* call(
        "CompleteMultipartUpload",
        at,
        (options) =>
          client.send(
            new CompleteMultipartUploadCommand({
              Bucket: bucket,
              Key: input.key,
              UploadId: input.uploadId,
              MultipartUpload: {
                Parts: input.parts.map(({ partNumber, etag, crc32 }) => ({
                  PartNumber: partNumber,
                  ETag: `"${etag}"`,
                  ...(withChecksum ? { ChecksumCRC32: encodeCrc32(crc32) } : {})
                }))
              },
              // MinIO refuses the CRC of an empty object in parts, and there is nothing for it to protect.
              ...(input.checksum === "FULL_OBJECT" && input.size > 0
                ? { ChecksumCRC32: encodeCrc32(input.crc32), ChecksumType: "FULL_OBJECT" }
                : {}),
              ...(input.checksum === "COMPOSITE"
                ? { ChecksumCRC32: compositeCrc32(input.parts.map((part) => part.crc32)), ChecksumType: "COMPOSITE" }
                : {}),
              ...(capabilities.objectSizeOnComplete ? { MpuObjectSize: input.size } : {}),
              ...(input.ifNoneMatch === undefined ? {} : { IfNoneMatch: input.ifNoneMatch }),
              ...(input.ifMatch === undefined ? {} : { IfMatch: `"${normalizeEtag(input.ifMatch)}"` })
            }),
            options
          ),
        { onActivity: input.onActivity }
      )
      const etag = yield* must(answer.ETag, "ETag", "CompleteMultipartUpload", at)
      return {
        etag: normalizeEtag(etag),
        versionId: answer.VersionId,
        encryption: answer.ServerSideEncryption,
        crc32: fullCrc32(answer.ChecksumCRC32, answer.ChecksumType)
      }
    }),

    abortMultipartUpload: ({ key, uploadId, onActivity }) =>
      Effect.asVoid(
        call(
          "AbortMultipartUpload",
          { key, uploadId },
          (options) =>
            client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId }), options),
          { onActivity }
        )
      ),

    listParts: Effect.fnUntraced(function* ({ key, uploadId, after, onActivity }) {
      const at = { key, uploadId }
      const answer = yield* call(
        "ListParts",
        at,
        (options) =>
          client.send(
            new ListPartsCommand({
              Bucket: bucket,
              Key: key,
              UploadId: uploadId,
              ...(after === undefined ? {} : { PartNumberMarker: String(after) })
            }),
            options
          ),
        { onActivity }
      )
      yield* must(answer.UploadId, "UploadId", "ListParts", at)
      const parts = (answer.Parts ?? []).flatMap(({ PartNumber, Size, ETag, ChecksumCRC32 }) =>
        PartNumber === undefined || ETag === undefined
          ? []
          : [
              {
                partNumber: PartNumber,
                size: Size ?? 0,
                etag: normalizeEtag(ETag),
                crc32: fullCrc32(ChecksumCRC32, undefined)
              }
            ]
      )
      const next = answer.IsTruncated === true ? Number(answer.NextPartNumberMarker) : undefined
      // A marker that does not move would list for ever.
      if (next !== undefined && !(next > (after ?? 0))) {
        return yield* must<never>(undefined, "advancing NextPartNumberMarker", "ListParts", at)
      }
      return { parts, next }
    }),

    putObject: Effect.fnUntraced(function* (input) {
      const { key, body, crc32, attempt, onActivity } = input
      const at = { key }
      const answer = yield* call(
        "PutObject",
        at,
        async (options) => {
          const command = new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            ...attributeInput(input),
            ...checksumInput(crc32),
            ...(input.ifNoneMatch === undefined ? {} : { IfNoneMatch: input.ifNoneMatch }),
            ...(input.ifMatch === undefined ? {} : { IfMatch: `"${normalizeEtag(input.ifMatch)}"` })
          })
          describePayload(command, await payloadHeaders(body))
          return client.send(command, options)
        },
        { payload: body, onActivity, freshConnection: attempt > 1 }
      )
      const etag = yield* must(answer.ETag, "ETag", "PutObject", at)
      return {
        etag: normalizeEtag(etag),
        versionId: answer.VersionId,
        encryption: answer.ServerSideEncryption,
        crc32: fullCrc32(answer.ChecksumCRC32, answer.ChecksumType)
      }
    }),

    headObject: Effect.fnUntraced(function* ({ key }) {
      const answer = yield* call("HeadObject", { key }, (options) =>
        client.send(new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: "ENABLED" }), options)
      )
      yield* must(answer.ETag, "ETag", "HeadObject", { key })
      return headOf(key, answer.ContentLength ?? 0, answer)
    }),

    getObject: Effect.fnUntraced(function* ({ key, range, ifMatch }) {
      const answer = yield* call(
        "GetObject",
        { key },
        (options) =>
          client.send(
            new GetObjectCommand({
              Bucket: bucket,
              Key: key,
              ...(range === undefined ? {} : { Range: rangeHeader(range) }),
              ...(ifMatch === undefined ? {} : { IfMatch: `"${normalizeEtag(ifMatch)}"` })
            }),
            options
          ),
        { streamResponse: true }
      )
      const body = yield* must(answer.Body, "body", "GetObject", { key })
      const contentLength = answer.ContentLength ?? 0
      const total = answer.ContentRange?.split("/")[1]
      return {
        ...headOf(key, total === undefined ? contentLength : Number(total), answer),
        body: body.transformToWebStream(),
        contentLength,
        contentRange: answer.ContentRange
      }
    }),

    deleteObject: ({ key }) =>
      Effect.asVoid(
        call("DeleteObject", { key }, (options) =>
          client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }), options)
        )
      ),

    headBucket: () =>
      Effect.asVoid(
        call("HeadBucket", {}, (options) => client.send(new HeadBucketCommand({ Bucket: bucket }), options))
      )
  }
}

/**
 * The store behind `options`. Makes no request itself; the scope closes its connections.
 *
 * Fails with `InvalidRequest` when the options cannot be meant.
 *
 * ```ts
 * import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
 * const store = S3ObjectStore.layer({ bucket: "media", region: "eu-west-1" })
 * ```
 */
export const layer = (options: S3Options): Layer.Layer<ObjectStore, UploadError> =>
  Layer.effect(
    ObjectStore,
    Effect.gen(function* () {
      const problem = checkOptions(options)
      if (problem !== undefined) return yield* problem
      const pathStyle =
        options.forcePathStyle ?? (options.endpoint !== undefined && providerOf(options.endpoint) !== "aws")
      const region = yield* fallbackRegion(options)
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => makeClient(options, region, pathStyle)),
        (client) => Effect.sync(() => client.destroy())
      )
      return makeApi(options, client, pathStyle)
    })
  )
