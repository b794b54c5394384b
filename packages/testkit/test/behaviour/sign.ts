import { createHash, createHmac } from "node:crypto"
import type { S3Target } from "../s3-behaviour.ts"

export interface RawRequest {
  readonly method: "PUT" | "GET" | "HEAD" | "POST" | "DELETE"
  /** Path-style and encoded: `/bucket/key?query`, its query in order. */
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  /** What `x-amz-content-sha256` says. */
  readonly payload?: string
  readonly body?: Uint8Array
  /** When the request is signed; now if absent. */
  readonly at?: Date
}

type Signer = Pick<S3Target, "endpoint" | "region"> & {
  readonly credentials: S3Target["credentials"] & { readonly sessionToken?: string }
}

/** A request with its signature, and what signs chunks after it. */
export interface Signed {
  readonly headers: Record<string, string>
  readonly chunk: (algorithm: string, hashes: ReadonlyArray<string>) => string
}

/** Header signatures by the text of the SigV4 specification, written for these tests; no signer of a peer's or ours. */
export function sign({ endpoint, region, credentials }: Signer, request: RawRequest): Signed {
  const { method, target, payload = sha256(request.body ?? ""), at = new Date() } = request
  const time = at.toISOString().replace(/[-:]|\.\d+/g, "")
  const { sessionToken } = credentials
  const signed: Record<string, string> = {
    ...request.headers,
    host: request.headers?.["host"] ?? new URL(endpoint).host,
    "x-amz-content-sha256": payload,
    "x-amz-date": time,
    ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken })
  }
  const names = Object.keys(signed).sort()
  const [path = "", query = ""] = target.split("?")
  const canonical = [
    method,
    path,
    query,
    ...names.map((name) => `${name}:${signed[name]}`),
    "",
    names.join(";"),
    payload
  ].join("\n")
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`
  const key = scope.split("/").reduce<Buffer | string>(hmac, `AWS4${credentials.secretAccessKey}`)
  const signature = hmac(key, ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n")).toString("hex")
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`
  let previous = signature
  return {
    headers: { ...signed, authorization },
    chunk: (algorithm, hashes) => {
      previous = hmac(key, [algorithm, time, scope, previous, ...hashes].join("\n")).toString("hex")
      return previous
    }
  }
}

/** Sends it; `headers` of the answer's and the code of its error, if it is one. */
export async function sendSigned(signer: Signer, request: RawRequest) {
  const { host: _, ...headers } = sign(signer, request).headers
  const { method, body } = request
  const answer = await fetch(`${signer.endpoint}${request.target}`, {
    method,
    headers,
    redirect: "manual",
    ...(body === undefined ? {} : { body: Buffer.from(body) })
  })
  const text = await answer.text()
  return { status: answer.status, code: /<Code>([^<]*)<\/Code>/.exec(text)?.[1], headers: answer.headers, text }
}

export interface ChunkedPut {
  /** `/bucket/key`, encoded. */
  readonly target: string
  readonly chunks: ReadonlyArray<Buffer>
  readonly framing: keyof typeof framings
  readonly headers?: Readonly<Record<string, string>>
  /** Announced in `x-amz-trailer`; `trailers` if absent. */
  readonly announced?: ReadonlyArray<string>
  readonly trailers?: Readonly<Record<string, string>>
  /** Said in `x-amz-decoded-content-length`; the truth if absent. */
  readonly decodedLength?: number
  /** What becomes of the body on its way. */
  readonly tamper?: (body: Buffer) => Buffer
}

const framings = {
  signed: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
  "signed, with a trailer": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
  "unsigned, with a trailer": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
} as const

/** A PUT in aws-chunked framing, by the user guide's pages on streaming uploads. */
export async function putChunked(signer: Signer, put: ChunkedPut) {
  const { target, chunks, framing, trailers = {}, tamper = (body) => body } = put
  const announced = put.announced ?? Object.keys(trailers)
  const headers = {
    ...put.headers,
    "content-encoding": "aws-chunked",
    "x-amz-decoded-content-length": `${put.decodedLength ?? Buffer.concat(chunks).length}`,
    ...(announced.length === 0 ? {} : { "x-amz-trailer": announced.join(",") })
  }
  const at = new Date()
  const payload = framings[framing]
  const { chunk } = sign(signer, { method: "PUT", target, headers, payload, at })
  const isSigned = framing !== "unsigned, with a trailer"
  const pieces = [...chunks, Buffer.alloc(0)].flatMap((bytes) => {
    const extension = isSigned
      ? `;chunk-signature=${chunk("AWS4-HMAC-SHA256-PAYLOAD", [sha256(""), sha256(bytes)])}`
      : ""
    const head = Buffer.from(`${bytes.length.toString(16)}${extension}\r\n`)
    return bytes.length === 0 ? [head] : [head, bytes, Buffer.from("\r\n")]
  })
  const lines = Object.entries(trailers).map(([name, value]) => `${name}:${value}`)
  if (framing === "signed, with a trailer") {
    const text = lines.map((line) => `${line}\n`).join("")
    lines.push(`x-amz-trailer-signature:${chunk("AWS4-HMAC-SHA256-TRAILER", [sha256(text)])}`)
  }
  const body = tamper(Buffer.concat([...pieces, Buffer.from([...lines, "", ""].join("\r\n"))]))
  return sendSigned(signer, { method: "PUT", target, headers, payload, at, body })
}

export const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex")

const hmac = (key: Buffer | string, text: string): Buffer => createHmac("sha256", key).update(text).digest()
