/**
 * Names of objects as they stand in URLs: relative to the owner, checked after decoding.
 *
 * @module
 */
import { invalidRequest, type UploadError } from "@sluice/core/UploadError"

/** Longest key in UTF-8 bytes (S3). */
const maxNameBytes = 1024

const refused: ReadonlyArray<readonly [(name: string) => boolean, string]> = [
  [(name) => name === "", "is empty"],
  [(name) => Array.from(name).some((c) => c < " " || c === "\u007f"), "holds a control character"],
  [(name) => name.includes("\\"), "holds a backslash; separate folders with /"],
  [(name) => name.startsWith("/"), "starts with /; name it relative to your folder"],
  [(name) => name.split("/").includes(""), "has an empty segment (// or a / at its end)"],
  [(name) => name.split("/").some((segment) => segment === "." || segment === ".."), "has a . or .. segment"],
  [(name) => new TextEncoder().encode(name).length > maxNameBytes, `is longer than ${maxNameBytes} bytes`]
]

/** The decoded name, or why it is none. */
export const objectName = (decoded: string): string | UploadError => {
  const why = refused.find(([is]) => is(decoded))?.[1]
  return why === undefined ? decoded : invalidRequest(`the object's name ${why}`)
}

/** True where every `%` of the URL's path starts a valid UTF-8 escape. Routers pass others through undecoded. */
export const isWellEncoded = (url: string): boolean => {
  try {
    decodeURIComponent(new URL(url).pathname)
    return true
  } catch {
    return false
  }
}

/** The key in the bucket. The `/` between prefix and name keeps `users/4` out of `users/42/`. */
export const keyOf = (prefix: string | undefined, name: string): string =>
  prefix === undefined || prefix === "" ? name : `${prefix.endsWith("/") ? prefix : `${prefix}/`}${name}`

/** The name of a key, or undefined where the key is outside the prefix. */
export const nameOf = (prefix: string | undefined, key: string): string | undefined => {
  const base = keyOf(prefix, "")
  return key.startsWith(base) ? key.slice(base.length) : undefined
}

/** The name as it stands in a URL's path. */
export const encodeName = (name: string): string => name.split("/").map(encodeURIComponent).join("/")
