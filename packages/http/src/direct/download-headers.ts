/**
 * The headers of a download: what the store knows of the object, made harmless in a browser.
 *
 * @module
 */
import type { ObjectHead } from "@sluice/core/ObjectStore"
import { isOwnMetadata, meantEncoding } from "@sluice/core/Plugin"
import { quoted } from "./range.ts"

/** RFC 8187 `ext-value`: everything but `attr-char` is percent-encoded. */
const extended = (name: string): string =>
  encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

/** `attachment` with the name twice: in ASCII for old clients, in full by RFC 6266. */
export const attachment = (name: string): string => {
  const base = name.slice(name.lastIndexOf("/") + 1)
  const ascii = base.replace(/[^\x20-\x7e]|["\\%]/g, "_")
  return `attachment; filename="${ascii}"; filename*=UTF-8''${extended(base)}`
}

/** Header values are Latin-1 (RFC 9110 §5.5 asks for ASCII); what a store kept beyond that stays there. */
const isHeaderValue = (value: string): boolean => /^[\x20-\x7e]*$/.test(value)

/**
 * A stored object is anybody's bytes: it is never shown on this origin, only saved (attachment, nosniff, sandbox),
 * never kept by shared caches, and asked for again each time because a name may be written anew.
 */
export const downloadHeaders = (name: string, head: ObjectHead): Headers => {
  const headers = new Headers({
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-cache",
    "Content-Disposition": attachment(name),
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    ETag: quoted(head.etag),
    "X-Content-Type-Options": "nosniff"
  })
  const given: ReadonlyArray<readonly [string, string | undefined]> = [
    ["Content-Type", head.contentType ?? "application/octet-stream"],
    ["Content-Encoding", meantEncoding(head)],
    ["Content-Language", head.contentLanguage],
    ["Last-Modified", head.lastModified?.toUTCString()],
    ...Object.entries(head.metadata ?? {})
      .filter(([key]) => !isOwnMetadata(key))
      .map(([key, value]) => [`x-amz-meta-${key}`, value] as const)
  ]
  for (const [key, value] of given) {
    if (value !== undefined && value !== "" && isHeaderValue(value)) headers.set(key, value)
  }
  return headers
}
