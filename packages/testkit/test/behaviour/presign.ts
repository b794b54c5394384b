import { createHash, createHmac } from "node:crypto"
import type { S3Target } from "../s3-behaviour.ts"

export interface PresignOptions {
  readonly method: "GET" | "PUT"
  /** Path-style, not yet encoded: `/bucket/key`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly expiresInSeconds?: number
  /** When the URL is signed; now if absent. */
  readonly at?: Date
}

/**
 * A presigned URL by the text of the SigV4 specification (query string, `host` signed alone, UNSIGNED-PAYLOAD),
 * written for these tests, so that a server is not measured with its own signer.
 */
export function presign({ endpoint, region, credentials }: Omit<S3Target, "close">, options: PresignOptions): string {
  const { method, path, query = {}, expiresInSeconds = 60, at = new Date() } = options
  const { host, origin } = new URL(endpoint)
  const time = at.toISOString().replace(/[-:]|\.\d+/g, "")
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`
  const parameters = {
    ...query,
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${credentials.accessKeyId}/${scope}`,
    "X-Amz-Date": time,
    "X-Amz-Expires": String(expiresInSeconds),
    "X-Amz-SignedHeaders": "host"
  }
  const canonicalQuery = Object.entries(parameters)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&")
  const canonicalPath = path.split("/").map(encode).join("/")
  const canonical = [method, canonicalPath, canonicalQuery, `host:${host}`, "", "host", "UNSIGNED-PAYLOAD"].join("\n")
  const toSign = ["AWS4-HMAC-SHA256", time, scope, createHash("sha256").update(canonical).digest("hex")].join("\n")
  const key = scope.split("/").reduce<Buffer | string>(hmac, `AWS4${credentials.secretAccessKey}`)
  return `${origin}${canonicalPath}?${canonicalQuery}&X-Amz-Signature=${hmac(key, toSign).toString("hex")}`
}

const hmac = (key: Buffer | string, text: string): Buffer => createHmac("sha256", key).update(text).digest()

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
