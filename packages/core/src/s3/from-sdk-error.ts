import { type ErrorContext, type UploadError, uploadError } from "../UploadError.ts"
import { type Diagnosis, diagnose } from "./classify-error.ts"
import { regionNamedBy } from "./named-place.ts"
import { safeCause } from "./safe-cause.ts"

/** What the SDK's errors may carry; nothing is certain. */
export interface SdkError {
  readonly name?: unknown
  readonly message?: unknown
  readonly Code?: unknown
  readonly code?: unknown
  readonly Region?: unknown
  readonly Endpoint?: unknown
  readonly ServerTime?: unknown
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

/** HEAD has no body, so no code: a 400 that names the bucket's region is AuthorizationHeaderMalformed (HeadBucket). */
const headRedirect = (status: number | undefined, { $response }: SdkError): { readonly code?: string } =>
  status === 400 && $response?.headers?.["x-amz-bucket-region"] !== undefined
    ? { code: "AuthorizationHeaderMalformed" }
    : {}

const fatal = (error: UploadError): Diagnosis => ({ error, fault: "fatal" })

/** Any failure of a call to client-s3 as our error, classified by the code that S3 gave, and its class. */
export const diagnoseSdkError = (cause: unknown, context: ErrorContext): Diagnosis => {
  if (!isObject(cause)) return diagnose({ message: String(cause), cause }, context)
  const status = number(cause.$metadata?.httpStatusCode)
  const operation = context.operation
  if (
    status === 404 &&
    (operation === "HeadObject" || operation === "GetObject") &&
    text(cause.name) !== "NoSuchBucket"
  ) {
    return fatal(uploadError({ _tag: "NoSuchKey" }, context))
  }
  if (status === 404 && operation === "HeadBucket") return fatal(uploadError({ _tag: "NoSuchBucket" }, context))
  const name = text(cause.name)
  const code = text(cause.code) ?? text(cause.Code) ?? (name === undefined || noCode.has(name) ? undefined : name)
  // A 2xx that could not be parsed is no answer of S3.
  if (status !== undefined && status < 300) {
    const embedded = text(cause.Code) ?? (name === undefined || /Error$/.test(name) ? undefined : name)
    if (embedded === undefined) {
      const message = "the store's answer is not S3's; something between us and the store may be answering for it"
      const error = uploadError({ _tag: "InvalidResponse", message }, { ...context, cause: safeCause(cause) })
      return { error, fault: "answer" }
    }
  }
  const region = regionNamedBy(cause)
  return diagnose(
    {
      ...(code === undefined ? headRedirect(status, cause) : { code }),
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

/** The error alone. */
export const fromSdkError = (cause: unknown, context: ErrorContext): UploadError =>
  diagnoseSdkError(cause, context).error
