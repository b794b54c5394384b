/**
 * Range requests (RFC 9110 §14) and preconditions on reads (§13).
 *
 * @module
 */
import type { ByteRange } from "@sluice/core/ObjectStore"

/**
 * The range asked for. Undefined where there is none, or one we may ignore: another unit, bad syntax, several
 * ranges (§14.2 allows all three; the answer is then the whole object).
 */
export const parseRange = (header: string | null): ByteRange | undefined => {
  const match = /^bytes=(?:(\d{1,15})-(\d{1,15})?|-(\d{1,15}))$/i.exec(header?.replaceAll(/[ \t]/g, "") ?? "")
  if (match === null) return undefined
  const [, first, last, suffix] = match
  if (first === undefined) return { suffix: Number(suffix) }
  const start = Number(first)
  if (last === undefined) return { start }
  return Number(last) < start ? undefined : { start, end: Number(last) }
}

/** Whether the range holds a byte of an object of this size (§14.1.2). */
export const isSatisfiable = (range: ByteRange, size: number): boolean =>
  "suffix" in range ? range.suffix > 0 && size > 0 : range.start < size

/** ETags stand in quotes in HTTP; some stores answer them bare. */
export const quoted = (etag: string): string => (/^(W\/)?"/.test(etag) ? etag : `"${etag}"`)

const listed = (header: string, etag: string, weakly: boolean): boolean =>
  header.trim() === "*" ||
  header.split(",").some((entry) => {
    const tag = entry.trim()
    return (weakly ? tag.replace(/^W\//, "") : tag) === quoted(etag)
  })

/** 412 or 304 where the object is not what the client wants to hear about (§13.2.2), else undefined. */
export const precondition = (headers: Headers, etag: string): 304 | 412 | undefined => {
  const ifMatch = headers.get("if-match")
  if (ifMatch !== null && !listed(ifMatch, etag, false)) return 412
  const ifNoneMatch = headers.get("if-none-match")
  return ifNoneMatch !== null && listed(ifNoneMatch, etag, true) ? 304 : undefined
}

/**
 * The ETag that the object must still have for the range to make sense; `whole` where that cannot be known (a weak
 * ETag, a date) and the whole object is the right answer (§13.1.5).
 */
export const ifRange = (header: string | null): { readonly etag: string } | "whole" | undefined => {
  if (header === null) return undefined
  return /^"[^"]*"$/.test(header) ? { etag: header } : "whole"
}
