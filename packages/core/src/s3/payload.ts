/**
 * A payload with what headers say about it: its length, its SHA-256 where it is signed, its MD5 where the store takes
 * no other checksum.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { normalizeEtag } from "../Checksum.ts"
import { md5, sha256 } from "../Digest.ts"
import { fromAbortable } from "../internal/from-abortable.ts"
import type { Capabilities } from "../Limits.ts"
import type { PartBody, StoredPart } from "../ObjectStore.ts"
import type { DigestAlgorithm } from "../platform/digest-workers.ts"
import { createHash } from "../platform/hash.ts"
import { sourceFailed } from "../Source.ts"
import { type ErrorContext, invalidRequest, type UploadError, uploadError } from "../UploadError.ts"
import { unsignedPayload } from "./sign-payload.ts"

export interface Payload {
  readonly body: PartBody
  readonly headers: Readonly<Record<string, string>>
  /** In hex, where it was taken. */
  readonly md5: string | undefined
}

const base64OfHex = (hex: string): string =>
  btoa(hex.replace(/../g, (byte) => String.fromCharCode(Number.parseInt(byte, 16))))

/** The digest of a body, which is read once more where it is not in memory. */
const digestOf = (algorithm: DigestAlgorithm, { open, slices }: PartBody): Effect.Effect<string, UploadError> => {
  if (open === undefined) return algorithm === "md5" ? md5(slices) : sha256(slices)
  const hash = createHash(algorithm)
  if (hash === undefined) return Effect.fail(invalidRequest(`this runtime has no ${algorithm}; send smaller parts`))
  return fromAbortable(async (signal) => {
    for await (const chunk of open()) {
      signal.throwIfAborted()
      hash.update(chunk)
    }
    return hash.digest("hex")
  }, sourceFailed)
}

export const describePayload = Effect.fnUntraced(function* (
  body: PartBody,
  { checksum }: Capabilities,
  signed: boolean
): Effect.fn.Return<Payload, UploadError> {
  const taken = checksum === "none" ? yield* digestOf("md5", body) : undefined
  const headers = {
    "content-length": String(body.size),
    "x-amz-content-sha256": signed ? yield* digestOf("sha256", body) : unsignedPayload,
    ...(taken === undefined ? {} : { "content-md5": base64OfHex(taken) })
  }
  return { body, headers, md5: taken }
})

/** An XML document of ours; signed whatever the transport, as the SDK does with its own. */
export const documentPayload = Effect.fnUntraced(function* (
  document: Uint8Array
): Effect.fn.Return<Payload, UploadError> {
  const body = { slices: [document], size: document.length }
  const headers = {
    "content-length": String(body.size),
    "content-type": "application/xml",
    "x-amz-content-sha256": yield* digestOf("sha256", body)
  }
  return { body, headers, md5: undefined }
})

/** What an answer says of the payload; `checksum` is any that it shows. */
type Answer = Pick<StoredPart, "etag" | "encryption"> & { readonly checksum: string | undefined }

/**
 * Whether the ETag shows that the store has the payload. Where it should and shows other bytes, the attempt fails with
 * `ChecksumMismatch`, to be made again. Only unencrypted and SSE-S3 objects have an MD5 as ETag.
 *
 * A store that nobody has named may take a checksum and look at none: where its answer shows none, the MD5 is taken
 * now, while the payload is still here.
 */
export const confirmPayload = Effect.fnUntraced(function* (
  payload: Payload,
  { etag, encryption = "AES256", checksum }: Answer,
  capabilities: Capabilities,
  at: ErrorContext & { readonly stored: boolean }
): Effect.fn.Return<boolean, UploadError> {
  const { stored, ...context } = at
  if (capabilities.etag !== "md5" || encryption !== "AES256") return false
  const theirs = normalizeEtag(etag).toLowerCase()
  const unheard = checksum === undefined && capabilities.provider === "generic" && /^[0-9a-f]{32}$/.test(theirs)
  const ours = payload.md5 ?? (unheard ? yield* digestOf("md5", payload.body) : undefined)
  if (ours === undefined) return false
  if (theirs === ours) return true
  const message = `the store has ETag ${etag}, the MD5 of what was sent is ${ours}; the network or the store damages bytes`
  return yield* uploadError({ _tag: "ChecksumMismatch", message, stored }, { ...context, retry: "temporary" })
})
