/**
 * Secrets that stand nowhere by chance, and a scanner that finds them again, however they were written down.
 *
 * @module
 */
import { randomBytes } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { inspect } from "node:util"

/** Credentials of one test run; a store checks them as any others. */
export type CanaryCredentials = {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}

/**
 * Credentials in the alphabets of AWS, new at each call, with the characters (`/`, `+`, `=`) that encodings change.
 *
 * ```ts
 * import { canaryCredentials, secretsScanner, startS3 } from "@sluice/testkit"
 * const credentials = canaryCredentials()
 * await using store = await startS3({ buckets: ["media"], credentials })
 * const scanner = secretsScanner(credentials)
 * scanner.assertNone({ message: "whatever was logged" })
 * ```
 */
export const canaryCredentials = (): CanaryCredentials => {
  const random = (bytes: number): string => randomBytes(bytes).toString("hex")
  return {
    accessKeyId: `AKIACANARY${random(5).toUpperCase()}`,
    secretAccessKey: `canary/secret+${random(13)}`,
    sessionToken: `canary-token/${random(20)}+Example==`
  }
}

/** One secret that was found. */
export interface FoundSecret {
  /** Which: its name, or its place in the list; never the secret itself. */
  readonly secret: string
  /** How it was written: `plain`, `base64`, `hex`, … */
  readonly form: string
  /** Where, in the scanner's words or a file's path. */
  readonly where: string
}

export interface SecretsScanner {
  /** What stands in a value: as text, as JSON, as a debugger shows it, in causes and stacks. */
  readonly find: (value: unknown, where?: string) => ReadonlyArray<FoundSecret>
  /** What stands in the files below a directory, names included; a directory that is not there holds nothing. */
  readonly findInDirectory: (directory: string) => Promise<ReadonlyArray<FoundSecret>>
  /** Throws when `find` finds. */
  readonly assertNone: (value: unknown, where?: string) => void
  /** Rejects when `findInDirectory` finds. */
  readonly assertNoneInDirectory: (directory: string) => Promise<void>
}

/**
 * A scanner for these secrets, and for what is signed with them: an `Authorization` of SigV4 or a presigned query.
 *
 * Text is a secret in itself (at least 8 characters); bytes are too (at least 8, of which the first 16 are looked for):
 * give it the beginning of an upload's source, and it finds leaked content. Both are found plain, URL-encoded, in
 * hex, in base64 at any alignment, and as arrays of numbers.
 */
export const secretsScanner = (secrets: Readonly<Record<string, string | Uint8Array | undefined>>): SecretsScanner => {
  const needles = Object.entries(secrets).flatMap(([secret, value]) =>
    value === undefined ? [] : needlesOf(value).map(([form, text]) => ({ secret, form, text }))
  )
  const findInText = (text: string, where: string): ReadonlyArray<FoundSecret> => [
    ...needles.flatMap(({ secret, form, text: needle }) => (text.includes(needle) ? [{ secret, form, where }] : [])),
    ...(signed.test(text) ? [{ secret: "a signature", form: "plain", where }] : [])
  ]
  const find = (value: unknown, where = "value"): ReadonlyArray<FoundSecret> => findInText(shown(value), where)
  const findInDirectory = async (directory: string): Promise<ReadonlyArray<FoundSecret>> => {
    const found: Array<FoundSecret> = []
    for (const file of await filesBelow(directory)) {
      // One character a byte: what is no text is searched as well.
      const content = await readFile(file, "latin1").catch(unlessGone(""))
      found.push(...findInText(file.slice(directory.length), `${file} (name)`), ...findInText(content, file))
    }
    return found
  }
  return {
    find,
    findInDirectory,
    assertNone: (value, where) => report(find(value, where)),
    assertNoneInDirectory: async (directory) => report(await findInDirectory(directory))
  }
}

/** What SigV4 writes into headers and queries. The names alone may stand in a text, their values may not. */
const signed =
  /AWS4-HMAC-SHA256\W+Credential=|Signature=["']?[0-9a-f]{64}|X-Amz-(Signature|Credential|Security-Token)["']?\s?[=:]\s?["']?[\w%]/i

const report = (found: ReadonlyArray<FoundSecret>): void => {
  if (found.length === 0) return
  const lines = found.map(({ secret, form, where }) => `${secret} (${form}) in ${where}`)
  throw new Error(`secrets were told:\n  ${[...new Set(lines)].join("\n  ")}`)
}

const needlesOf = (secret: string | Uint8Array): ReadonlyArray<readonly [form: string, text: string]> => {
  const bytes = typeof secret === "string" ? Buffer.from(secret) : Buffer.from(secret.subarray(0, 16))
  if (bytes.length < 8) throw new Error("a secret of less than 8 bytes would be found everywhere")
  const plain = typeof secret === "string" ? [secret] : [bytes.toString("latin1"), bytes.toString("utf8")]
  const hex = bytes.toString("hex")
  const escaped = encodeURIComponent(plain[0] ?? "")
  const forms: Array<readonly [string, string]> = [
    ...plain.map((text) => ["plain", text] as const),
    ["URL-encoded", escaped],
    ["URL-encoded", escaped.replaceAll(/%../g, (code) => code.toLowerCase())],
    ["hex", hex],
    ["hex", hex.toUpperCase()],
    ...[0, 1, 2].flatMap((offset) => {
      const text = base64At(bytes, offset)
      return [
        ["base64", text],
        ["base64url", text.replaceAll("+", "-").replaceAll("/", "_")]
      ] as const
    }),
    ["numbers", [...bytes].join(",")],
    ["numbers", [...bytes].join(", ")],
    ["numbers", [...bytes].map((byte, i) => `"${i}":${byte}`).join(",")]
  ]
  return forms
}

/** The characters of base64 that are the same wherever `bytes` begin, `offset` being their place in a group of three. */
const base64At = (bytes: Buffer, offset: number): string => {
  const text = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString("base64")
    .replace(/=+$/, "")
  const whole = Math.floor(((offset + bytes.length) * 8) / 6)
  return text.slice(offset === 0 ? 0 : offset + 1, whole)
}

/** Everything that a log, a debugger or an error page would show of a value. */
const shown = (value: unknown): string => {
  if (typeof value === "string") return value
  const seen = new Set<unknown>()
  const texts: Array<string> = []
  const show = (one: unknown): void => {
    if (seen.has(one)) return
    seen.add(one)
    texts.push(String(one), json(one), inspect(one, { depth: 12, maxStringLength: null, showHidden: true }))
    if (!(one instanceof Error)) return
    texts.push(one.stack ?? "")
    show(one.cause)
    if (one instanceof AggregateError) for (const inner of one.errors) show(inner)
  }
  show(value)
  return texts.join("\n")
}

/** JSON, whatever stands in the value: errors as they give themselves, cycles cut. */
const json = (value: unknown): string => {
  const above: Array<unknown> = []
  return (
    JSON.stringify(value, function (this: unknown, _, inner: unknown) {
      if (typeof inner === "bigint") return String(inner)
      if (typeof inner !== "object" || inner === null) return inner
      while (above.length > 0 && above.at(-1) !== this) above.pop()
      if (above.includes(inner)) return "(cycle)"
      above.push(inner)
      return inner
    }) ?? ""
  )
}

const filesBelow = async (directory: string): Promise<ReadonlyArray<string>> => {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true }).catch(unlessGone([]))
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** A file may end while it is looked for. */
const unlessGone =
  <A>(instead: A) =>
  (cause: unknown): A => {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return instead
    throw cause
  }
