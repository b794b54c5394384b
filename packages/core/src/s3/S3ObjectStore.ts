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
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand
} from "@aws-sdk/client-s3"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { compositeCrc32, encodeCrc32, normalizeEtag } from "../Checksum.ts"
import { defaults } from "../Defaults.ts"
import { fromAbortable } from "../internal/from-abortable.ts"
import { type Capabilities, profiles, providerOf } from "../Limits.ts"
import {
  type ByteRange,
  type ChecksumAlgorithm,
  type CompleteMultipartUpload,
  ObjectStore,
  type ObjectStoreApi,
  type OtherChecksum
} from "../ObjectStore.ts"
import { makeTransport } from "../platform/transport.ts"
import { type ErrorContext, isUploadError, type UploadError, uploadError, withContext } from "../UploadError.ts"
import { completeBody } from "./complete-body.ts"
import { copyVerbs } from "./copy-verbs.ts"
import { diagnoseSdkError } from "./from-sdk-error.ts"
import { makeLearn } from "./learn.ts"
import { makeClient } from "./make-client.ts"
import { attributeInput, checksumOf, fullCrc32, headOf } from "./object-attributes.ts"
import { confirmPayload, describePayload, documentPayload, type Payload } from "./payload.ts"
import { makeRepeatPart, type SendPart } from "./repeat-part.ts"
import { checkOptions, type S3Options, withStoreDefaults } from "./S3Options.ts"
import { carrying, SdkCall } from "./sdk-call.ts"
import { signsPayload } from "./sign-payload.ts"
import { withEnvironment } from "./with-environment.ts"

export type { CredentialsProvider, S3Options, StaticCredentials } from "./S3Options.ts"

/** Every key segment encoded, slashes kept. */
const encodeKey = (key: string): string => key.split("/").map(encodeURIComponent).join("/")

const locationOf = (options: S3Options, pathStyle: boolean, key: string): string => {
  const base = new URL(options.endpoint ?? `https://s3.${options.region ?? "us-east-1"}.amazonaws.com`)
  return pathStyle
    ? `${base.origin}/${options.bucket}/${encodeKey(key)}`
    : `${base.protocol}//${options.bucket}.${base.host}/${encodeKey(key)}`
}

const rangeHeader = (range: ByteRange): string =>
  "suffix" in range ? `bytes=-${range.suffix}` : `bytes=${range.start}-${range.end ?? ""}`

/** A key as listings give it; with `encoding-type=url` in form encoding, where + is a space. */
const decodeListed = (key: string, encoding: string | undefined): string =>
  encoding === "url" ? decodeURIComponent(key.replaceAll("+", " ")) : key

/** The field of the SDK that holds each checksum. */
const checksumField = {
  CRC32: "ChecksumCRC32",
  CRC32C: "ChecksumCRC32C",
  CRC64NVME: "ChecksumCRC64NVME"
} as const satisfies Record<ChecksumAlgorithm, string>

const checksumFields = ({ algorithm, value }: { readonly algorithm: ChecksumAlgorithm; readonly value: string }) => ({
  [checksumField[algorithm]]: value
})

/** CRC32 of the whole as it goes with Complete. */
const crc32OfAll = ({ checksum, crc32, parts }: CompleteMultipartUpload) => ({
  algorithm: "CRC32" as const,
  value: checksum === "COMPOSITE" ? compositeCrc32(parts.map((part) => part.crc32)) : encodeCrc32(crc32)
})

/** Puts the call on a command's input. */
type Carry = <Input extends object>(input: Input) => Input

type CallExtra = Omit<SdkCall["options"], "signal" | "payload" | "payloadHeaders"> & {
  readonly payload?: Payload | undefined
}

/** S3's verbs over one bucket, through one client. */
const makeApi = (
  options: S3Options,
  client: S3Client,
  repeatPart: SendPart,
  pathStyle: boolean,
  capabilities: Capabilities
): ObjectStoreApi => {
  const { bucket } = options
  const learn = makeLearn(client, bucket)
  const signed = signsPayload(options.payloadSigning ?? defaults.payloadSigning, options.endpoint)

  const call = <A>(
    operation: string,
    at: ErrorContext,
    send: (carry: Carry, call: SdkCall) => Promise<A>,
    { payload, ...extra }: CallExtra = {}
  ): Effect.Effect<A, UploadError> => {
    const context = { ...at, operation, bucket }
    let sdkCall: SdkCall | undefined
    return fromAbortable(
      async (signal) => {
        const carried = new SdkCall({ ...extra, signal, payload: payload?.body, payloadHeaders: payload?.headers })
        sdkCall = carried
        return send((input) => carrying(input, carried), carried)
      },
      (cause) => cause
    ).pipe(
      Effect.catch((cause) =>
        // A body that is read while it is sent fails in the source's own words.
        isUploadError(cause)
          ? Effect.fail(withContext(cause, context))
          : Effect.flatMap(
              Effect.promise(() => learn(diagnoseSdkError(cause, context), cause, sdkCall?.request?.headers)),
              Effect.fail
            )
      )
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

  const checksumInput = (crc32: number, other: OtherChecksum | undefined) =>
    capabilities.checksum === "none" ? {} : checksumFields(other ?? { algorithm: "CRC32", value: encodeCrc32(crc32) })
  const checksumHeader = (crc32: number, other: OtherChecksum | undefined) =>
    capabilities.checksum === "none"
      ? {}
      : { [`x-amz-checksum-${(other?.algorithm ?? "CRC32").toLowerCase()}`]: other?.value ?? encodeCrc32(crc32) }

  return {
    bucket,
    capabilities,
    location: (key) => locationOf(options, pathStyle, key),
    // One AWS copies between its regions.
    endpoint: new URL(options.endpoint ?? "https://s3.amazonaws.com").origin,
    ...copyVerbs({ bucket, client, call, must }),

    createMultipartUpload: Effect.fnUntraced(function* (input) {
      const at = { key: input.key }
      const answer = yield* call(
        "CreateMultipartUpload",
        at,
        (carry) =>
          client.send(
            new CreateMultipartUploadCommand(
              carry({
                Bucket: bucket,
                Key: input.key,
                ...attributeInput(input),
                ...(input.checksum === "none"
                  ? {}
                  : { ChecksumAlgorithm: input.checksumAlgorithm ?? "CRC32", ChecksumType: input.checksum })
              })
            )
          ),
        { onActivity: input.onActivity }
      )
      const uploadId = yield* must(answer.UploadId, "UploadId", "CreateMultipartUpload", at)
      return { uploadId, encryption: answer.ServerSideEncryption }
    }),

    uploadPart: Effect.fnUntraced(function* (input) {
      const { key, uploadId, partNumber, body, crc32, checksum, attempt, onActivity } = input
      const at = { key, uploadId, partNumber }
      const payload = yield* describePayload(body, capabilities, signed)
      const answer = yield* call(
        "UploadPart",
        at,
        (carry, sdkCall) =>
          repeatPart({ key, uploadId, partNumber, headers: checksumHeader(crc32, checksum) }, sdkCall, () =>
            client.send(
              new UploadPartCommand(
                carry({
                  Bucket: bucket,
                  Key: key,
                  UploadId: uploadId,
                  PartNumber: partNumber,
                  ...checksumInput(crc32, checksum)
                })
              )
            )
          ),
        { payload, onActivity, freshConnection: attempt > 1 }
      )
      const etag = yield* must(answer.ETag, "ETag", "UploadPart", at)
      const encryption = answer.ServerSideEncryption
      const shown = { etag, encryption, checksum: answer[checksumField[checksum?.algorithm ?? "CRC32"]] }
      return {
        etag: normalizeEtag(etag),
        confirmed: yield* confirmPayload(payload, shown, capabilities, { ...at, bucket, stored: false }),
        crc32: fullCrc32(answer.ChecksumCRC32, undefined),
        ...(checksum === undefined ? {} : { checksum: answer[checksumField[checksum.algorithm]] }),
        encryption
      }
    }),

    completeMultipartUpload: Effect.fnUntraced(function* (input) {
      const at = { key: input.key, uploadId: input.uploadId }
      const withChecksum = input.checksum !== "none"
      const partField = withChecksum ? checksumField[input.otherChecksum?.algorithm ?? "CRC32"] : undefined
      const payload = yield* documentPayload(completeBody(input.parts, partField))
      const answer = yield* call(
        "CompleteMultipartUpload",
        at,
        (carry) =>
          client.send(
            new CompleteMultipartUploadCommand(
              carry({
                Bucket: bucket,
                Key: input.key,
                UploadId: input.uploadId,
                // MinIO refuses the CRC of an empty object in parts, and there is nothing for it to protect.
                ...(input.checksum === "COMPOSITE" || (input.checksum === "FULL_OBJECT" && input.size > 0)
                  ? { ...checksumFields(input.otherChecksum ?? crc32OfAll(input)), ChecksumType: input.checksum }
                  : {}),
                ...(capabilities.objectSizeOnComplete ? { MpuObjectSize: input.size } : {}),
                ...(input.ifNoneMatch === undefined ? {} : { IfNoneMatch: input.ifNoneMatch }),
                ...(input.ifMatch === undefined ? {} : { IfMatch: `"${normalizeEtag(input.ifMatch)}"` })
              })
            )
          ),
        { payload, onActivity: input.onActivity }
      )
      const etag = yield* must(answer.ETag, "ETag", "CompleteMultipartUpload", at)
      return {
        etag: normalizeEtag(etag),
        versionId: answer.VersionId,
        encryption: answer.ServerSideEncryption,
        crc32: fullCrc32(answer.ChecksumCRC32, answer.ChecksumType),
        checksum: checksumOf(answer)
      }
    }),

    abortMultipartUpload: ({ key, uploadId, onActivity }) =>
      Effect.asVoid(
        call(
          "AbortMultipartUpload",
          { key, uploadId },
          (carry) =>
            client.send(new AbortMultipartUploadCommand(carry({ Bucket: bucket, Key: key, UploadId: uploadId }))),
          { onActivity }
        )
      ),

    listParts: Effect.fnUntraced(function* ({ key, uploadId, after, onActivity }) {
      const at = { key, uploadId }
      const answer = yield* call(
        "ListParts",
        at,
        (carry) =>
          client.send(
            new ListPartsCommand(
              carry({
                Bucket: bucket,
                Key: key,
                UploadId: uploadId,
                ...(after === undefined ? {} : { PartNumberMarker: String(after) })
              })
            )
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
      const checksum =
        answer.ChecksumAlgorithm === undefined
          ? undefined
          : { algorithm: answer.ChecksumAlgorithm, type: answer.ChecksumType }
      return { parts, next, checksum }
    }),

    listMultipartUploads: Effect.fnUntraced(function* ({ prefix, after, onActivity }) {
      const answer = yield* call(
        "ListMultipartUploads",
        {},
        (carry) =>
          client.send(
            new ListMultipartUploadsCommand(
              carry({
                Bucket: bucket,
                Prefix: prefix,
                // Keys may hold what XML cannot (S3 API Reference, ListMultipartUploads, encoding-type).
                EncodingType: "url",
                ...(after === undefined ? {} : { KeyMarker: after.key, UploadIdMarker: after.uploadId })
              })
            )
          ),
        { onActivity }
      )
      yield* must(answer.Bucket, "Bucket", "ListMultipartUploads", {})
      const uploads = (answer.Uploads ?? []).flatMap(({ Key, UploadId, Initiated }) =>
        Key === undefined || UploadId === undefined
          ? []
          : [{ key: decodeListed(Key, answer.EncodingType), uploadId: UploadId, initiated: Initiated }]
      )
      if (answer.IsTruncated !== true) return { uploads, next: undefined }
      const next = {
        key: decodeListed(answer.NextKeyMarker ?? "", answer.EncodingType),
        uploadId: answer.NextUploadIdMarker ?? ""
      }
      // A marker that does not move would list for ever.
      if (next.key === "" || (next.key === after?.key && next.uploadId === after.uploadId)) {
        return yield* must<never>(undefined, "advancing NextKeyMarker", "ListMultipartUploads", {})
      }
      return { uploads, next }
    }),

    putObject: Effect.fnUntraced(function* (input) {
      const { key, body, crc32, checksum, attempt, onActivity } = input
      const at = { key }
      const payload = yield* describePayload(body, capabilities, signed)
      const answer = yield* call(
        "PutObject",
        at,
        (carry) =>
          client.send(
            new PutObjectCommand(
              carry({
                Bucket: bucket,
                Key: key,
                ...attributeInput(input),
                ...checksumInput(crc32, checksum),
                ...(input.ifNoneMatch === undefined ? {} : { IfNoneMatch: input.ifNoneMatch }),
                ...(input.ifMatch === undefined ? {} : { IfMatch: `"${normalizeEtag(input.ifMatch)}"` })
              })
            )
          ),
        { payload, onActivity, freshConnection: attempt > 1 }
      )
      const etag = yield* must(answer.ETag, "ETag", "PutObject", at)
      const encryption = answer.ServerSideEncryption
      const shown = { etag, encryption, checksum: answer[checksumField[checksum?.algorithm ?? "CRC32"]] }
      return {
        etag: normalizeEtag(etag),
        confirmed: yield* confirmPayload(payload, shown, capabilities, { ...at, bucket, stored: true }),
        versionId: answer.VersionId,
        encryption,
        crc32: fullCrc32(answer.ChecksumCRC32, answer.ChecksumType),
        checksum: checksumOf(answer)
      }
    }),

    headObject: Effect.fnUntraced(function* ({ key, partNumber, versionId }) {
      const answer = yield* call("HeadObject", { key, partNumber }, (carry) =>
        client.send(
          new HeadObjectCommand(
            carry({
              Bucket: bucket,
              Key: key,
              ChecksumMode: "ENABLED",
              ...(versionId === undefined ? {} : { VersionId: versionId }),
              ...(partNumber === undefined ? {} : { PartNumber: partNumber })
            })
          )
        )
      )
      yield* must(answer.ETag, "ETag", "HeadObject", { key })
      return headOf(key, answer.ContentLength ?? 0, answer)
    }),

    getObject: Effect.fnUntraced(function* ({ key, versionId, range, ifMatch, onActivity }) {
      const answer = yield* call(
        "GetObject",
        { key },
        (carry) =>
          client.send(
            new GetObjectCommand(
              carry({
                Bucket: bucket,
                Key: key,
                ...(versionId === undefined ? {} : { VersionId: versionId }),
                ...(range === undefined ? {} : { Range: rangeHeader(range) }),
                ...(ifMatch === undefined ? {} : { IfMatch: `"${normalizeEtag(ifMatch)}"` })
              })
            )
          ),
        { streamResponse: true, onActivity }
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

    deleteObject: ({ key, versionId }) =>
      Effect.asVoid(
        call("DeleteObject", { key }, (carry) =>
          client.send(
            new DeleteObjectCommand(
              carry({ Bucket: bucket, Key: key, ...(versionId === undefined ? {} : { VersionId: versionId }) })
            )
          )
        )
      ),

    headBucket: () =>
      Effect.asVoid(call("HeadBucket", {}, (carry) => client.send(new HeadBucketCommand(carry({ Bucket: bucket })))))
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
export const layer = (given: S3Options): Layer.Layer<ObjectStore, UploadError> =>
  Layer.effect(
    ObjectStore,
    Effect.gen(function* () {
      const options = yield* withEnvironment(yield* withStoreDefaults(given))
      const problem = checkOptions(options)
      if (problem !== undefined) return yield* problem
      const pathStyle =
        options.forcePathStyle ?? (options.endpoint !== undefined && providerOf(options.endpoint) !== "aws")
      const transport = makeTransport(options.bandwidth, options.maxSockets)
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => makeClient(options, pathStyle, transport)),
        (client) => Effect.sync(() => client.destroy())
      )
      const repeatPart = makeRepeatPart(client, transport, options.connectTimeoutMs ?? defaults.connectTimeoutMs)
      const make = (capabilities: Capabilities) => makeApi(options, client, repeatPart, pathStyle, capabilities)
      const host = providerOf(options.endpoint)
      if (options.provider !== "probe") return make(profiles[options.provider ?? host])
      // Loaded where it is needed: most stores are known.
      const { probeOnce, probeStore } = yield* Effect.promise(() => import("./probe-store.ts"))
      const name = `${options.endpoint ?? ""} ${options.region ?? ""} ${options.bucket}`
      return make(yield* probeOnce(name, probeStore(profiles[host], make)))
    })
  )

/**
 * What the store behind `options` can do, found out by asking it: as `provider: "probe"` does, and as often.
 *
 * Fails as uploads to it would: `AccessDenied`, `NoSuchBucket`, `Unavailable`…
 *
 * ```ts
 * import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
 * const capabilities = S3ObjectStore.probe({ bucket: "media", endpoint: "https://objects.example.com" })
 * ```
 */
export const probe = (options: S3Options): Effect.Effect<Capabilities, UploadError> =>
  Effect.scoped(
    Effect.map(
      Layer.build(layer({ ...options, provider: "probe" })),
      (context) => Context.get(context, ObjectStore).capabilities
    )
  )
