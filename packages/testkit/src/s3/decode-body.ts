import { decodeAwsChunked } from "./auth/AwsChunked.ts"
import type { Authentication } from "./auth/SigV4.ts"
import { algorithmOf } from "./integrity/Checksum.ts"
import { trailerNames } from "./integrity/Integrity.ts"
import type { S3Request } from "./message.ts"
import { bodyLength } from "./receive.ts"
import type { S3Call } from "./S3Call.ts"
import { S3Error } from "./S3Error.ts"

/** What `x-amz-content-sha256` may name beside a digest, and how the body then comes. */
const framings: Readonly<Record<string, { readonly signed: boolean; readonly trailers: boolean } | undefined>> = {
  "STREAMING-UNSIGNED-PAYLOAD-TRAILER": { signed: false, trailers: true },
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": { signed: true, trailers: false },
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": { signed: true, trailers: true }
}

/** The bytes behind a body's transfer framing, with every claim of the framing verified as they stream. */
export function decodeBody(
  request: S3Request,
  { payload, chunkSigner }: Authentication
): Pick<S3Call, "body" | "payload" | "trailers"> {
  const trailers = new Map<string, string>()
  const announced = trailerNames(request.headers)
  if (announced.some((name) => framings[payload]?.trailers !== true || algorithmOf(name) === undefined)) {
    throw new S3Error("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
  }
  if (payload === "UNSIGNED-PAYLOAD" || /^[0-9a-f]{64}$/.test(payload)) {
    return { body: exactly(request), payload, trailers }
  }
  const framing = framings[payload]
  if (framing === undefined) {
    throw new S3Error(
      "InvalidArgument",
      `x-amz-content-sha256 must be UNSIGNED-PAYLOAD, ${Object.keys(framings).join(", ")}, or a valid sha256 value.`
    )
  }
  const body = decodeAwsChunked(request.body, {
    signer: framing.signed ? chunkSigner : undefined,
    decodedLength: bodyLength(request),
    trailers: announced,
    onTrailer: (name, value) => trailers.set(name, value)
  })
  return { body, payload, trailers }
}

/** A plain body must have as many bytes as its Content-Length says. */
async function* exactly({ body, headers }: S3Request): AsyncGenerator<Uint8Array, void, undefined> {
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    yield chunk
  }
  if (length !== Number(headers["content-length"] ?? length)) throw new S3Error("IncompleteBody")
}
