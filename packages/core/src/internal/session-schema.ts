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

const { Literals, Natural, Number, optional, Record, String, Struct } = Schema

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

const Layout = Schema.Union([
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

const SessionSchema = Struct({
  format: Literals([1]),
  sessionId: String,
  version: Natural,
  state: Literals(["created", "uploading", "completing", "completed", "failed", "cancelled"]),
  bucket: String,
  key: String,
  mode: Literals(["single", "multipart", "either"]),
  uploadId: absent(String),
  writeToken: absent(String),
  size: absent(Natural),
  layout: Layout,
  attributes: Attributes,
  condition: Struct({ ifNoneMatch: optional(Literals(["*"])), ifMatch: Text }),
  checksum: Literals(["FULL_OBJECT", "COMPOSITE", "none"]),
  checksumAlgorithm: optional(Literals(["CRC32C", "CRC64NVME"])),
  resumable: Schema.Boolean,
  source: absent(Identity),
  maxSize: absent(Natural),
  suspects: Schema.Array(String),
  plugins: Schema.Array(String),
  pluginState: Record(String, Schema.Unknown),
  undelivered: Schema.Array(String),
  createdAt: Number,
  updatedAt: Number
})

const Digest = { size: Natural, crc32: Natural }

const ReceiptSchema = Struct({
  partNumber: Natural,
  source: Struct({ ...Digest, offset: Natural }),
  stored: Struct({ ...Digest, etag: String, checksum: Text, confirmed: Schema.Boolean })
})

/** True when both types are the same, optional keys and `readonly` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type Plain<T> = T extends object ? { [K in keyof T]: Plain<T[K]> } : T

/** Fails to compile where a schema and its interface part ways. */
export const sameAsInterfaces: readonly [
  Same<Plain<(typeof SessionSchema)["Type"]>, Plain<Session>>,
  Same<Plain<(typeof ReceiptSchema)["Type"]>, Plain<PartReceipt>>
] = [true, true]

const orWhy = <A>(result: Result.Result<A, Schema.SchemaError>): A | string =>
  Result.isSuccess(result) ? result.success : result.failure.message

const session = Schema.decodeUnknownResult(SessionSchema)
const receipt = Schema.decodeUnknownResult(ReceiptSchema)

/** The session, or what is wrong with it. */
export const readSession = (value: unknown): Session | string => orWhy(session(value))

/** The receipt, or what is wrong with it. */
export const readReceipt = (value: unknown): PartReceipt | string => orWhy(receipt(value))
