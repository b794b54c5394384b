/**
 * What a PUT's headers say about the object, in the store's words.
 *
 * @module
 */
import type { ObjectAttributes, WriteCondition } from "@sluice/core/ObjectStore"
import { isOwnMetadata } from "@sluice/core/Plugin"
import { invalidRequest, type UploadError } from "@sluice/core/UploadError"

const metadataPrefix = "x-amz-meta-"

/** The attributes that a request's headers carry. `x-amz-*` are S3's own names, so that S3 clients' habits work. */
export const attributesOf = (headers: Headers): ObjectAttributes => {
  const metadata: Record<string, string> = {}
  headers.forEach((value, name) => {
    if (name.startsWith(metadataPrefix)) metadata[name.slice(metadataPrefix.length)] = value
  })
  const tagging = headers.get("x-amz-tagging")
  return {
    contentType: headers.get("content-type") ?? undefined,
    cacheControl: headers.get("cache-control") ?? undefined,
    contentDisposition: headers.get("content-disposition") ?? undefined,
    contentEncoding: headers.get("content-encoding") ?? undefined,
    contentLanguage: headers.get("content-language") ?? undefined,
    storageClass: headers.get("x-amz-storage-class") ?? undefined,
    metadata,
    tags: tagging === null ? undefined : Object.fromEntries(new URLSearchParams(tagging))
  }
}

/** What must be true of the object that stands there now, or why the demand cannot be kept. */
export const writeConditionOf = (headers: Headers): WriteCondition | UploadError => {
  const ifNoneMatch = headers.get("if-none-match")
  const ifMatch = headers.get("if-match")
  if (ifNoneMatch !== null && ifNoneMatch !== "*") {
    return invalidRequest("If-None-Match on PUT takes only *; it means: only if no object stands there")
  }
  if (ifMatch !== null && !/^"[^"]*"$/.test(ifMatch)) {
    return invalidRequest("If-Match on PUT takes one strong ETag in quotes")
  }
  if (ifMatch !== null && ifNoneMatch !== null) return invalidRequest("If-Match and If-None-Match exclude each other")
  return { ifNoneMatch: ifNoneMatch ?? undefined, ifMatch: ifMatch ?? undefined }
}

/** Headers of a PUT that we cannot do what they say with, so that storing the body would store something else. */
export const refusedHeader = (headers: Headers): UploadError | undefined => {
  // RFC 9110 §14.4: a server that does not support partial PUT must answer 400.
  if (headers.has("content-range")) {
    return invalidRequest("a PUT with Content-Range is refused: PUT stores whole objects")
  }
  const own = [...headers.keys()].find(
    (name) => name.startsWith(metadataPrefix) && isOwnMetadata(name.slice(metadataPrefix.length))
  )
  if (own !== undefined) return invalidRequest(`${own} is this server's own; name your metadata otherwise`)
  if (/\baws-chunked\b/i.test(headers.get("content-encoding") ?? "")) {
    return invalidRequest("aws-chunked bodies are refused: send the bytes as they are")
  }
  return undefined
}

/** The declared bytes of the body; undefined when it is chunked. */
export const declaredSize = (headers: Headers): number | undefined => {
  const length = headers.get("content-length")
  return length === null || !/^\d{1,15}$/.test(length) ? undefined : Number(length)
}
