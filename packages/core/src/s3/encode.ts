/** As S3 wants names and values in a path or query (RFC 3986 unreserved characters stay). */
export const encode = (value: string): string =>
  encodeURIComponent(value).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

/** A key in a path: every segment encoded, slashes kept. */
export const encodeKey = (key: string): string => key.split("/").map(encode).join("/")
