import { type Digests, Integrity, type Verified } from "./integrity/Integrity.ts"
import type { Segment } from "./Records.ts"
import type { S3Call } from "./S3Call.ts"
import { S3Error } from "./S3Error.ts"
import type { S3Model } from "./S3Model.ts"

/** The largest body of one PUT: 5 GiB. */
const MAX_PUT_BYTES = 5 * 1024 ** 3

/** A Complete of 10,000 parts with checksums is about 2 MiB. */
const MAX_DOCUMENT_BYTES = 4 * 1024 ** 2

export interface Received extends Verified {
  readonly segments: ReadonlyArray<Segment>
}

/** Streams a request's body into the store, verified, and hands it to `commit`; bytes nobody committed are forgotten. */
export async function receive<A>(
  call: S3Call,
  model: S3Model,
  digests: Digests,
  commit: (received: Received) => Promise<A>
): Promise<A> {
  if (bodyLength(call) > MAX_PUT_BYTES) {
    throw new S3Error("EntityTooLarge", undefined, { MaxSizeAllowed: `${MAX_PUT_BYTES}` })
  }
  const integrity = new Integrity(call, digests)
  return model.write(integrity.watch(call.body), (segments) => commit({ ...integrity.verified, segments }))
}

/** A verified body as text, for the XML of some requests. */
export async function receiveText(call: S3Call): Promise<string> {
  const integrity = new Integrity(call)
  return (await documentOf(call, integrity.watch(call.body))).toString("utf8")
}

/** A body as text that nobody has verified yet, and the call with its body as it was. */
export async function peekText(call: S3Call): Promise<{ readonly text: string; readonly again: S3Call }> {
  const bytes = await documentOf(call, call.body)
  async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
    yield bytes
  }
  return { text: bytes.toString("utf8"), again: { ...call, body: body() } }
}

async function documentOf(call: S3Call, body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  if (bodyLength(call) > MAX_DOCUMENT_BYTES) throw new S3Error("MalformedXML")
  const chunks: Array<Uint8Array> = []
  for await (const chunk of body) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** Of the object's bytes, not of their framing. S3 takes no body whose length it is not told. */
export function bodyLength({ headers }: Pick<S3Call, "headers">): number {
  const framed = headers["x-amz-content-sha256"]?.startsWith("STREAMING-") === true
  const length = headers[framed ? "x-amz-decoded-content-length" : "content-length"]
  if (length === undefined || !/^\d+$/.test(length)) throw new S3Error("MissingContentLength")
  return Number(length)
}
