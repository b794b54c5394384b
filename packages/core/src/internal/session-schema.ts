/**
 * Sessions and receipts as they are read back. Its own module, because Schema costs start-up time and memory:
 * an upload that only writes its journal never loads it.
 *
 * A field that is added to format 1 needs `absent` or `optional` here, so that older records stay readable; one
 * that older versions must not drop needs a new format.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { PartReceipt } from "../Part.ts"
import type { Session } from "../Session.ts"
import type { StoredObject } from "../StoredObject.ts"
import type { Reason } from "../UploadError.ts"

const { Boolean, Literals, Natural, Number, optional, optionalKey, Record, String, Struct, Union } = Schema

/** JSON has no undefined: an absent key is a field that is undefined. */
const absent = <S extends Schema.Constraint>(schema: S) =>
  Schema.withDecodingDefaultKey<Schema.UndefinedOr<S>>(Effect.succeed(undefined))(Schema.UndefinedOr(schema))

const Text = optional(String)
const Words = Record(String, String)

const Attributes = Struct({
  contentType: Text,
  cacheControl: Text,
  contentDisposition: Text,
  contentEncoding: Text,
  contentLanguage: Text,
  metadata: optional(Words),
  tags: optional(Words),
  storageClass: Text,
  encryption: optional(Struct({ mode: Literals(["SSE-S3"]) }))
})

const Layout = Union([
  Struct({ _tag: Literals(["Uniform"]), partSize: Natural }),
  Struct({ _tag: Literals(["Doubling"]), partSize: Natural, every: Natural, maxPartSize: Natural })
])

const Identity = Struct({
  name: Text,
  modifiedMs: optional(Number),
  inode: Text,
  size: optional(Natural),
  headSha256: Text,
  tailSha256: Text
})

/** Reasons that are their message. */
const Said = Struct({
  _tag: Literals([
    "InvalidRequest",
    "SourceFailed",
    "SourceChanged",
    "AccessDenied",
    "CredentialsUnavailable",
    "PreconditionFailed",
    "TooLarge",
    "InvalidResponse",
    "TlsFailed",
    "ClockSkewed",
    "Stalled",
    "PartConflict",
    "CompletionUnknown",
    "ResumeMismatch",
    "JournalFailed"
  ]),
  message: String
})

const Wordless = Struct({
  _tag: Literals(["NoSuchBucket", "NoSuchKey", "NoSuchUpload", "SessionNotFound", "SessionBusy", "SessionExpired"])
})

const ReasonSchema = Union([
  Said,
  Wordless,
  Struct({ _tag: Literals(["SizeMismatch"]), declared: Number, actual: Number }),
  Struct({ _tag: Literals(["Rejected"]), message: String, status: Number }),
  Struct({ _tag: Literals(["Throttled"]), code: String, retryAfterMs: optionalKey(Number) }),
  Struct({ _tag: Literals(["Unavailable"]), message: String, retryAfterMs: optionalKey(Number) }),
  Struct({ _tag: Literals(["ChecksumMismatch"]), message: String, stored: optionalKey(Boolean) }),
  Struct({ _tag: Literals(["MissingParts"]), partNumbers: Schema.Array(Natural) }),
  Struct({
    _tag: Literals(["EncryptionNotApplied"]),
    requested: String,
    answered: String,
    stored: optionalKey(Boolean)
  }),
  Struct({ _tag: Literals(["OffsetConflict"]), expected: Number, actual: Number }),
  Struct({ _tag: Literals(["PluginFailed"]), plugin: String, hook: String, cause: String }),
  Struct({ _tag: Literals(["UnknownStoreError"]), code: String, status: Number, message: String })
])

const StoredObjectSchema = Struct({
  bucket: String,
  key: String,
  uri: String,
  location: String,
  size: Natural,
  etag: String,
  versionId: absent(String),
  crc32: Natural,
  proof: Literals(["source", "transport"]),
  parts: Natural
})

const News = Union([
  Struct({ _tag: Literals(["Completed"]), object: StoredObjectSchema }),
  Struct({ _tag: Literals(["Failed"]), reason: ReasonSchema })
])

const SessionSchema = Struct({
  format: Literals([1]),
  sessionId: String,
  version: Natural,
  state: Literals(["created", "uploading", "completing", "completed", "failed", "cancelled"]),
  bucket: String,
  key: String,
  store: Text,
  endpoint: Text,
  mode: Literals(["single", "multipart", "either"]),
  uploadId: absent(String),
  writeToken: absent(String),
  size: absent(Natural),
  layout: Layout,
  attributes: Attributes,
  condition: Struct({ ifNoneMatch: optional(Literals(["*"])), ifMatch: Text }),
  checksum: Literals(["FULL_OBJECT", "COMPOSITE", "none"]),
  checksumAlgorithm: optional(Literals(["CRC32C", "CRC64NVME"])),
  resumable: Boolean,
  source: absent(Identity),
  maxSize: absent(Natural),
  suspects: Schema.Array(String),
  plugins: Schema.Array(String),
  pluginState: Record(String, Schema.Unknown),
  undelivered: Schema.Array(String),
  news: optional(News),
  createdAt: Number,
  updatedAt: Number
})

const Digest = { size: Natural, crc32: Natural }

const ReceiptSchema = Struct({
  partNumber: Natural,
  source: Struct({ ...Digest, offset: Natural }),
  stored: Struct({ ...Digest, etag: String, checksum: Text, confirmed: Boolean })
})

/** True when both types are the same, optional keys included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type Plain<T> = T extends object ? { [K in keyof T]: Plain<T[K]> } : T

/** Fails to compile where a schema and its interface part ways. */
export const sameAsInterfaces: readonly [
  // News are narrower: a reason's cause is not kept. Nothing that is kept may be unknown to the interface.
  Same<Plain<Omit<(typeof SessionSchema)["Type"], "news">>, Plain<Omit<Session, "news">>>,
  Same<Plain<(typeof StoredObjectSchema)["Type"]>, Plain<StoredObject>>,
  Same<(typeof ReasonSchema)["Type"]["_tag"], Reason["_tag"]>,
  Same<Plain<(typeof ReceiptSchema)["Type"]>, Plain<PartReceipt>>
] = [true, true, true, true]

const orWhy = <A>(result: Result.Result<A, Schema.SchemaError>): A | string =>
  Result.isSuccess(result) ? result.success : result.failure.message

const session = Schema.decodeUnknownResult(SessionSchema)
const receipt = Schema.decodeUnknownResult(ReceiptSchema)

/** The session, or what is wrong with it. */
export const readSession = (value: unknown): Session | string => orWhy(session(value))

/** The receipt, or what is wrong with it. */
export const readReceipt = (value: unknown): PartReceipt | string => orWhy(receipt(value))
