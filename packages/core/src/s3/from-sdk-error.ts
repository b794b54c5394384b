import { type ErrorContext, type UploadError, uploadError } from "../UploadError.ts"
import { classifyError } from "./classify-error.ts"
import { safeCause } from "./safe-cause.ts"

/** What the SDK's errors may carry; nothing is certain. */
interface SdkError {
  readonly name?: unknown
  readonly message?: unknown
  readonly Code?: unknown
  readonly code?: unknown
  readonly $metadata?: { readonly httpStatusCode?: unknown; readonly requestId?: unknown }
  readonly $response?: { readonly headers?: Readonly<Record<string, string | undefined>> }
}

const isObject = (u: unknown): u is SdkError => typeof u === "object" && u !== null
const text = (u: unknown): string | undefined => (typeof u === "string" && u !== "" ? u : undefined)
const number = (u: unknown): number | undefined => (typeof u === "number" ? u : undefined)

/** Retry-After in seconds or as a date (RFC 9110 §10.2.3), in milliseconds. */
const retryAfterMs = (error: SdkError): number | undefined => {
  const header = error.$response?.headers?.["retry-after"]
  if (header === undefined) return undefined
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1_000)
  const at = Date.parse(header)
  const now = Date.parse(error.$response?.headers?.["date"] ?? "")
  return Number.isFinite(at) && Number.isFinite(now) ? Math.max(0, at - now) : undefined
}

/** Names that stand for "no code was given" (HEAD has no body) or for the SDK's own failure to parse. */
const noCode = new Set([
  "Error",
  "Unknown",
  "UnknownError",
  "NotFound",
  "403",
  "404",
  "400",
  "412",
  "BadRequest",
  "Forbidden"
])

/** Any failure of a call to client-s3 as our error, classified by the code that S3 gave. */
export const fromSdkError = (cause: unknown, context: ErrorContext): UploadError => {
  if (!isObject(cause)) return classifyError({ message: String(cause), cause }, context)
  const status = number(cause.$metadata?.httpStatusCode)
  const operation = context.operation
  if (
    status === 404 &&
    (operation === "HeadObject" || operation === "GetObject") &&
    text(cause.name) !== "NoSuchBucket"
  ) {
    return uploadError({ _tag: "NoSuchKey" }, context)
  }
  if (status === 404 && operation === "HeadBucket") return uploadError({ _tag: "NoSuchBucket" }, context)
  const name = text(cause.name)
  const code = text(cause.code) ?? text(cause.Code) ?? (name === undefined || noCode.has(name) ? undefined : name)
  // A 2xx that could not be parsed is no answer of S3.
  if (status !== undefined && status < 300) {
    const embedded = text(cause.Code) ?? (name === undefined || /Error$/.test(name) ? undefined : name)
    if (embedded === undefined) {
      return uploadError(
        {
          _tag: "InvalidResponse",
          message: "the store's answer is not S3's; something between us and the store may be answering for it"
        },
        { ...context, cause: safeCause(cause) }
      )
    }
  }
  const region = cause.$response?.headers?.["x-amz-bucket-region"]
  return classifyError(
    {
      ...(code === undefined ? {} : { code }),
      ...(status === undefined ? {} : { status }),
      ...(text(cause.message) === undefined ? {} : { message: String(cause.message) }),
      ...(retryAfterMs(cause) === undefined ? {} : { retryAfterMs: retryAfterMs(cause) ?? 0 }),
      ...(text(cause.$metadata?.requestId) === undefined ? {} : { requestId: String(cause.$metadata?.requestId) }),
      ...(region === undefined ? {} : { region }),
      cause
    },
    context
  )
}
