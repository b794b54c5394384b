import { createHash } from "node:crypto"
import { compositeCrc32, crc32, encodeCrc32, normalizeEtag, predictEtag } from "@sluice/core/Checksum"
import type { Capabilities } from "@sluice/core/Limits"
import type {
  CompleteMultipartUpload,
  CreateMultipartUpload,
  HeadObject,
  ListedParts,
  ListedUploads,
  ListMultipartUploads,
  ObjectAttributes,
  ObjectHead,
  StoredPart,
  UploadsMarker,
  WriteCondition,
  WrittenObject
} from "@sluice/core/ObjectStore"
import { type UploadError, uploadError } from "@sluice/core/UploadError"
import * as Result from "effect/Result"

/** What a call answers at once. */
export type Answer<A> = Result.Result<A, UploadError>

/** A body as it came in. */
export interface ReceivedBody {
  readonly bytes: Uint8Array
  /** What the client says its CRC32 is; undefined where the store takes none. */
  readonly crc32: number | undefined
}

export interface VirtualPart extends StoredPart {
  readonly partNumber: number
  readonly bytes: Uint8Array
  readonly crc32: number | undefined
}

/** A multipart upload that is open. */
export interface VirtualUpload {
  readonly uploadId: string
  readonly key: string
  readonly input: CreateMultipartUpload
  /** Milliseconds since the epoch, by the store's clock. */
  readonly initiated: number
  readonly parts: Map<number, VirtualPart>
}

/** An object as it was written. */
export interface VirtualObject {
  readonly key: string
  readonly bytes: Uint8Array
  readonly etag: string
  readonly crc32: number
  readonly attributes: ObjectAttributes
  /** Of the multipart upload that it came from. */
  readonly uploadId: string | undefined
  readonly partSizes: ReadonlyArray<number>
  readonly checksum: "FULL_OBJECT" | "COMPOSITE" | "none"
  readonly modified: number
}

export interface VirtualS3Options {
  readonly capabilities: Capabilities
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** A Complete that comes again answers 200 again, as AWS does for a while. Default: NoSuchUpload. */
  readonly idempotentComplete?: boolean
  /** Entries a page of ListParts and ListMultipartUploads. Default 1,000. */
  readonly pageSize?: number
  /** Told of every object that is written. */
  readonly onWrite?: (object: VirtualObject) => void
}

const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex")

const refused = (reason: Parameters<typeof uploadError>[0], retry?: "temporary"): Answer<never> =>
  Result.fail(uploadError(reason, retry === undefined ? {} : { retry }))

/** BadDigest: what came is not what the client says it sent. */
const badDigest = refused(
  { _tag: "ChecksumMismatch", message: "the store received other bytes than were sent (BadDigest)" },
  "temporary"
)
const noSuchUpload = refused({ _tag: "NoSuchUpload" })
const noSuchKey = refused({ _tag: "NoSuchKey" })
const invalidPart = (code: string): Answer<never> =>
  refused({ _tag: "PartConflict", message: `the store does not have the parts that were named (${code})` })
const preconditionFailed = refused({ _tag: "PreconditionFailed", message: "another object stands at the key" })

/**
 * S3's answers, without time, sockets or promises: one call, one change, one answer. What it says is what the embedded
 * server says over HTTP; a test holds the two together.
 */
export class VirtualS3 {
  readonly objects = new Map<string, VirtualObject>()
  readonly uploads = new Map<string, VirtualUpload>()
  readonly #options: VirtualS3Options
  #ids = 0

  constructor(options: VirtualS3Options) {
    this.#options = options
  }

  get capabilities(): Capabilities {
    return this.#options.capabilities
  }

  createMultipartUpload(input: CreateMultipartUpload): Answer<{ uploadId: string; encryption: string | undefined }> {
    // Of one length: in the order of their names they are in the order of their age.
    const uploadId = `upload-${String(++this.#ids).padStart(6, "0")}`
    this.uploads.set(uploadId, {
      uploadId,
      key: input.key,
      input,
      initiated: this.#options.now(),
      parts: new Map()
    })
    return Result.succeed({ uploadId, encryption: encryptionOf(input) })
  }

  uploadPart(key: string, uploadId: string, partNumber: number, body: ReceivedBody): Answer<StoredPart> {
    const upload = this.#open(key, uploadId)
    if (upload === undefined) return noSuchUpload
    const actual = crc32(body.bytes)
    if (body.crc32 !== undefined && body.crc32 !== actual) return badDigest
    const part: VirtualPart = {
      partNumber,
      bytes: body.bytes,
      etag: md5(body.bytes),
      // Kept and told where the client gave one.
      crc32: body.crc32,
      encryption: encryptionOf(upload.input)
    }
    upload.parts.set(partNumber, part)
    const { crc32: kept, encryption, etag } = part
    return Result.succeed({ etag, crc32: kept, encryption })
  }

  completeMultipartUpload(input: CompleteMultipartUpload): Answer<WrittenObject> {
    const { key, uploadId } = input
    if (input.parts.length === 0) return refused({ _tag: "InvalidRequest", message: "no part is named (MalformedXML)" })
    const upload = this.#open(key, uploadId)
    if (upload === undefined) {
      const done = this.objects.get(key)
      return this.#options.idempotentComplete === true && done?.uploadId === uploadId
        ? Result.succeed(writtenOf(done))
        : noSuchUpload
    }
    const parts: Array<VirtualPart> = []
    let before = 0
    for (const named of input.parts) {
      if (named.partNumber <= before) return invalidPart("InvalidPartOrder")
      before = named.partNumber
      const part = upload.parts.get(named.partNumber)
      if (part === undefined || part.etag !== named.etag) return invalidPart("InvalidPart")
      if (input.checksum !== "none" && part.crc32 !== undefined && named.crc32 !== part.crc32) {
        return invalidPart("InvalidPart")
      }
      parts.push(part)
    }
    const sizes = parts.map(({ bytes }) => bytes.length)
    if (!this.#fit(sizes)) return invalidPart("EntityTooSmall")
    const bytes = Buffer.concat(parts.map((part) => part.bytes))
    if (this.capabilities.objectSizeOnComplete && input.size !== bytes.length) {
      return refused({ _tag: "InvalidRequest", message: "the size is not that of the parts" })
    }
    if (input.checksum === "FULL_OBJECT" && bytes.length > 0 && input.crc32 !== crc32(bytes)) return badDigest
    if (!this.#allows(key, input)) return preconditionFailed
    this.uploads.delete(uploadId)
    return this.#write({
      key,
      bytes,
      etag: predictEtag(parts.map(({ etag }) => etag)) ?? "",
      crc32: crc32(bytes),
      attributes: upload.input,
      uploadId,
      partSizes: sizes,
      checksum: upload.input.checksum,
      modified: this.#options.now()
    })
  }

  abortMultipartUpload(key: string, uploadId: string): Answer<void> {
    if (this.#open(key, uploadId) === undefined) return noSuchUpload
    this.uploads.delete(uploadId)
    return Result.succeed(undefined)
  }

  listParts(key: string, uploadId: string, after = 0): Answer<ListedParts> {
    const upload = this.#open(key, uploadId)
    if (upload === undefined) return noSuchUpload
    const rest = [...upload.parts.values()]
      .filter(({ partNumber }) => partNumber > after)
      .sort((a, b) => a.partNumber - b.partNumber)
    const page = rest.slice(0, this.#pageSize)
    const { checksum } = upload.input
    return Result.succeed({
      parts: page.map(({ bytes, crc32, etag, partNumber }) => ({
        partNumber,
        size: bytes.length,
        etag,
        crc32
      })),
      next: page.length < rest.length ? page.at(-1)?.partNumber : undefined,
      checksum: checksum === "none" ? undefined : { algorithm: "CRC32", type: checksum }
    })
  }

  listMultipartUploads({ after, prefix }: ListMultipartUploads): Answer<ListedUploads> {
    const rest = [...this.uploads.values()]
      .filter((upload) => upload.key.startsWith(prefix) && (after === undefined || follows(upload, after)))
      .sort((a, b) => (follows(a, b) ? 1 : -1))
    const page = rest.slice(0, this.#pageSize)
    const last = page.at(-1)
    return Result.succeed({
      uploads: page.map(({ initiated, key, uploadId }) => ({ key, uploadId, initiated: new Date(initiated) })),
      next: last === undefined || page.length === rest.length ? undefined : { key: last.key, uploadId: last.uploadId }
    })
  }

  putObject(
    input: { readonly key: string } & ObjectAttributes & WriteCondition,
    body: ReceivedBody
  ): Answer<WrittenObject> {
    const actual = crc32(body.bytes)
    if (!this.#allows(input.key, input)) return preconditionFailed
    if (body.crc32 !== undefined && body.crc32 !== actual) return badDigest
    return this.#write({
      key: input.key,
      bytes: body.bytes,
      etag: md5(body.bytes),
      crc32: actual,
      attributes: input,
      uploadId: undefined,
      partSizes: [body.bytes.length],
      checksum: body.crc32 === undefined ? "none" : "FULL_OBJECT",
      modified: this.#options.now()
    })
  }

  headObject({ key }: HeadObject): Answer<ObjectHead> {
    const object = this.objects.get(key)
    if (object === undefined) return noSuchKey
    const { attributes, bytes, etag, modified } = object
    return Result.succeed({
      key,
      size: bytes.length,
      etag,
      metadata: attributes.metadata ?? {},
      versionId: undefined,
      lastModified: new Date(modified),
      serverSideEncryption: encryptionOf(attributes),
      ...checksumsOf(object)
    })
  }

  deleteObject(key: string): Answer<void> {
    this.objects.delete(key)
    return Result.succeed(undefined)
  }

  /** All parts but the last have the least size; where parts are uniform they have one size, and the last no more. */
  #fit(sizes: ReadonlyArray<number>): boolean {
    const { limits, uniformParts } = this.capabilities
    const [first = 0, last = 0] = [sizes[0], sizes.at(-1)]
    const whole = sizes.slice(0, -1)
    if (whole.some((size) => size < limits.minPartSize)) return false
    return !uniformParts || (last <= first && whole.every((size) => size === first))
  }

  get #pageSize(): number {
    return this.#options.pageSize ?? 1_000
  }

  #open(key: string, uploadId: string): VirtualUpload | undefined {
    const upload = this.uploads.get(uploadId)
    return upload?.key === key ? upload : undefined
  }

  #allows(key: string, { ifMatch, ifNoneMatch }: WriteCondition): boolean {
    const current = this.objects.get(key)
    if (ifNoneMatch !== undefined && current !== undefined) return false
    return ifMatch === undefined || current?.etag === normalizeEtag(ifMatch)
  }

  #write(object: VirtualObject): Answer<WrittenObject> {
    this.objects.set(object.key, object)
    this.#options.onWrite?.(object)
    return Result.succeed(writtenOf(object))
  }
}

/** Uploads are listed by key, those of one key by age. */
const follows = (upload: UploadsMarker, other: UploadsMarker): boolean =>
  upload.key === other.key ? upload.uploadId > other.uploadId : upload.key > other.key

const encryptionOf = ({ encryption }: ObjectAttributes): string | undefined =>
  encryption === undefined ? undefined : "AES256"

const checksumsOf = (
  object: VirtualObject
): Pick<WrittenObject, "checksum"> & { readonly crc32: number | undefined } => {
  const { checksum: type, crc32: whole, partSizes } = object
  if (type === "none") return { crc32: undefined, checksum: undefined }
  if (type === "FULL_OBJECT") {
    return { crc32: whole, checksum: { algorithm: "CRC32", type, value: encodeCrc32(whole) } }
  }
  let offset = 0
  const parts = partSizes.map((size) => {
    offset += size
    return crc32(object.bytes.subarray(offset - size, offset))
  })
  return { crc32: undefined, checksum: { algorithm: "CRC32", type, value: compositeCrc32(parts) } }
}

const writtenOf = (object: VirtualObject): WrittenObject => ({
  etag: object.etag,
  versionId: undefined,
  encryption: encryptionOf(object.attributes),
  ...checksumsOf(object)
})
