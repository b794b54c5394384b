/**
 * Names that strangers chose, made fit to be one segment of a key. Pure but for the digest.
 *
 * @module
 */
import * as Effect from "effect/Effect"

const utf8 = new TextEncoder()

/** Length in UTF-8 bytes: what S3 counts. */
export const byteLength = (text: string): number => utf8.encode(text).length

/** The longest beginning of `text` that has at most `bytes` UTF-8 bytes; no character is cut in two. */
export const cut = (text: string, bytes: number): string => {
  let end = 0
  let left = bytes
  for (const character of text) {
    left -= byteLength(character)
    if (left < 0) break
    end += character.length
  }
  return text.slice(0, end)
}

/** `["report.tar", ".gz"]`: the last extension alone; a leading dot starts no extension. */
export const splitExtension = (name: string): readonly [stem: string, extension: string] => {
  const dot = name.lastIndexOf(".")
  return dot <= 0 || name.length - dot > 16 ? [name, ""] : [name.slice(0, dot), name.slice(dot)]
}

/**
 * What may not stand in a segment: separators, control characters, the line and paragraph separators, and
 * the marks that make a name read backwards (Unicode TR 36 §2.10).
 */
const unfit = /[/\\\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/gu

/** One segment: no separators, no `..`, no control characters; NFC; never empty. */
export const safeSegment = (text: string): string => {
  const clean = text
    .toWellFormed()
    .normalize("NFC")
    .replace(unfit, "_")
    .replace(/\.{2,}/g, ".")
    .trim()
  return clean === "" || clean === "." ? "unnamed" : clean
}

/** The file's own name of a path: browsers and archives send whole ones, with either slash. */
export const baseName = (path: string): string => path.split(/[/\\]/).findLast((segment) => segment !== "") ?? ""

/** Bytes of an id before it is shortened. */
const maxIdBytes = 128

const digestOf = (text: string): Effect.Effect<string> =>
  Effect.promise(async () => {
    const digest = await crypto.subtle.digest("SHA-256", utf8.encode(text))
    return Array.from(new Uint8Array(digest, 0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("")
  })

/**
 * One segment that no other id shares: an id that had to be changed carries a digest of the original
 * behind a `~`, else `a/b` would write into the folder of `a_b`. An id with a `~` counts as changed.
 */
export const safeId = (id: string): Effect.Effect<string> => {
  const clean = cut(safeSegment(id), maxIdBytes)
  return clean === id && !id.includes("~")
    ? Effect.succeed(id)
    : Effect.map(digestOf(id), (digest) => `${clean.replaceAll("~", "_")}~${digest}`)
}

/** The key with `_n` before the extension of its last segment. */
export const withSuffix = (key: string, n: number): string => {
  const slash = key.lastIndexOf("/") + 1
  const [stem, extension] = splitExtension(key.slice(slash))
  return `${key.slice(0, slash)}${stem}_${n}${extension}`
}
