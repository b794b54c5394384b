import { createHash } from "node:crypto"
import { S3Error } from "../S3Error.ts"
import { ByteReader } from "./ByteReader.ts"
import { type ChunkSigner, sameText, sha256 } from "./SigV4.ts"

/** S3 user guide, "Signature calculations for chunked uploads": each chunk but the last is at least 8 KiB. */
const MIN_CHUNK_BYTES = 8192
const MAX_LINE_BYTES = 16 * 1024
const EMPTY_SHA256 = sha256("")

export interface AwsChunkedOptions {
  /** Present when chunks carry signatures. */
  readonly signer: ChunkSigner | undefined
  /** `x-amz-decoded-content-length`. */
  readonly decodedLength: number
  /** Names from `x-amz-trailer`, in lower case. */
  readonly trailers: ReadonlyArray<string>
  /** Gets each trailer before the payload's end is told. */
  readonly onTrailer: (name: string, value: string) => void
}

/** Undoes `content-encoding: aws-chunked` and verifies it: framing, sizes, chunk signatures, trailers. */
export async function* decodeAwsChunked(
  body: AsyncIterable<Uint8Array>,
  options: AwsChunkedOptions
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new ByteReader(body, broken())
  let total = 0
  for (let last = -1; ; ) {
    const { size, signature } = parseChunkHeader(await reader.line(MAX_LINE_BYTES))
    if (options.signer !== undefined && signature === undefined) throw broken()
    if (size > 0 && last >= 0 && last < MIN_CHUNK_BYTES) {
      throw new S3Error("InvalidChunkSizeError", undefined, { BadChunkSize: `${last}` })
    }
    total += size
    if (total > options.decodedLength) throw new S3Error("IncompleteBody")
    const hash = options.signer === undefined ? undefined : createHash("sha256")
    for await (const piece of reader.take(size)) {
      hash?.update(piece)
      yield piece
    }
    if (hash !== undefined) {
      assertSignature(options.signer?.("AWS4-HMAC-SHA256-PAYLOAD", [EMPTY_SHA256, hash.digest("hex")]), signature)
    }
    if (size === 0) break
    if ((await reader.line(0)) !== "") throw broken()
    last = size
  }
  if (total !== options.decodedLength) throw new S3Error("IncompleteBody")
  await readTrailers(reader, options)
}

/** Of a framing that ends early or cannot be read; one that only has another length is told so. */
const broken = (): S3Error => new S3Error("IncompleteBody", "The request body terminated unexpectedly")

function parseChunkHeader(line: string): { readonly size: number; readonly signature: string | undefined } {
  const [, size, signature] = /^([0-9a-f]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/i.exec(line) ?? []
  if (size === undefined) throw broken()
  return { size: Number.parseInt(size, 16), signature }
}

async function readTrailers(reader: ByteReader, options: AwsChunkedOptions): Promise<void> {
  const found = new Map<string, string>()
  for (let line = await reader.line(MAX_LINE_BYTES); line !== ""; line = await reader.lineOrEnd(MAX_LINE_BYTES)) {
    const colon = line.indexOf(":")
    if (colon < 1) throw new S3Error("MalformedTrailerError")
    found.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  if (!(await reader.isAtEnd())) throw new S3Error("MalformedTrailerError")
  const signature = found.get("x-amz-trailer-signature")
  found.delete("x-amz-trailer-signature")
  const undeclared = [...found.keys()].some((name) => !options.trailers.includes(name))
  if (undeclared || options.trailers.some((name) => !found.has(name))) throw new S3Error("MalformedTrailerError")
  if (options.signer !== undefined && options.trailers.length > 0) {
    const text = [...found].map(([name, value]) => `${name}:${value}\n`).join("")
    assertSignature(options.signer("AWS4-HMAC-SHA256-TRAILER", [sha256(text)]), signature)
  }
  for (const [name, value] of found) options.onTrailer(name, value)
}

function assertSignature(computed: string | undefined, provided: string | undefined): void {
  if (computed === undefined || provided === undefined || !sameText(computed, provided)) {
    throw new S3Error("SignatureDoesNotMatch")
  }
}
