import { decodeAwsChunked } from "./auth/AwsChunked.ts"
import { framingOf } from "./auth/framing.ts"
import type { Authentication } from "./auth/SigV4.ts"
import { trailerNames } from "./integrity/Integrity.ts"
import type { S3Request } from "./message.ts"
import { bodyLength } from "./receive.ts"
import type { S3Call } from "./S3Call.ts"
import { S3Error } from "./S3Error.ts"

/** The bytes behind a body's transfer framing, with every claim of the framing verified as they stream. */
export function decodeBody(
  request: S3Request,
  { payload, chunkSigner }: Authentication
): Pick<S3Call, "body" | "payload" | "trailers"> {
  const trailers = new Map<string, string>()
  const framing = framingOf(payload)
  const announced = trailerNames(request.headers)
  if (announced.some((name) => framing?.trailers !== true || !name.startsWith("x-amz-checksum-"))) {
    throw new S3Error("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
  }
  if (framing === undefined) return { body: exactly(request), payload, trailers }
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
