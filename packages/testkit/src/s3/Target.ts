import { S3Error } from "./S3Error.ts"

/** A request target taken apart: bucket and key, and the query. */
export interface Target {
  readonly bucket?: string
  readonly key?: string
  /** Decoded path, dots and double slashes as sent: a key may hold them. */
  readonly path: string
  readonly query: ReadonlyMap<string, string>
}

const MAX_KEY_BYTES = 1024

/** The bucket that a Host header names before one of the domains, as virtual-hosted requests do. */
export function bucketOfHost(host: string | undefined, domains: ReadonlyArray<string>): string | undefined {
  const name = (host ?? "").replace(/:\d+$/, "").toLowerCase()
  // One domain may lie in another: that of the longest name counts, and a domain alone names no bucket.
  const [domain] = domains.filter((domain) => `.${name}`.endsWith(`.${domain}`)).sort((a, b) => b.length - a.length)
  return domain === undefined || domain === name ? undefined : name.slice(0, -domain.length - 1)
}

/** Parses `/bucket/key?query`, or `/key?query` where the host names the bucket, without normalising it. */
export function parseTarget(target: string, bucketInHost?: string): Target {
  const mark = target.indexOf("?")
  const path = decode(mark < 0 ? target : target.slice(0, mark))
  const query = parseQuery(mark < 0 ? "" : target.slice(mark + 1))
  const slash = path.indexOf("/", 1)
  const bucket = bucketInHost ?? (slash < 0 ? path.slice(1) : path.slice(1, slash))
  const key = bucketInHost !== undefined ? path.slice(1) : slash < 0 ? "" : path.slice(slash + 1)
  if (bucket === "") return { path, query }
  if (key === "") return { bucket, path, query }
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new S3Error("KeyTooLongError", undefined, {
      Size: `${Buffer.byteLength(key)}`,
      MaxSizeAllowed: `${MAX_KEY_BYTES}`
    })
  }
  return { bucket, key, path, query }
}

function parseQuery(text: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>()
  for (const pair of text.split("&")) {
    if (pair === "") continue
    const equals = pair.indexOf("=")
    const name = equals < 0 ? pair : pair.slice(0, equals)
    const value = equals < 0 ? "" : pair.slice(equals + 1)
    query.set(decode(name.replaceAll("+", " ")), decode(value.replaceAll("+", " ")))
  }
  return query
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new S3Error("InvalidURI")
  }
}

/** RFC 3986 percent-encoding as SigV4 wants it: everything but unreserved characters. */
export const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
