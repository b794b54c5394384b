import * as Effect from "effect/Effect"
import { expecting, sha256Of } from "../Digest.ts"
import type { Source } from "../Source.ts"
import { invalidRequest, type UploadError } from "../UploadError.ts"
import type { ResumeRequest, UploadRequest } from "../Uploader.ts"

/** Object metadata that holds the source's SHA-256, without the `x-amz-meta-` prefix. */
const sha256Metadata = "sha256"

/** The source, held to a SHA-256 that somebody declared. */
const held = (source: Source, declared: string): Effect.Effect<Source, UploadError> =>
  /^[0-9a-f]{64}$/i.test(declared)
    ? Effect.succeed(expecting(source, declared))
    : Effect.fail(invalidRequest("expectSha256 is no SHA-256; write it as 64 hex digits"))

/**
 * The request with its SHA-256 options carried out: the digest in the metadata, and a source that is held to it.
 *
 * Metadata is fixed when the upload is created, so the digest of a file is taken in a pass of its own before. The
 * upload's own pass is checked again: what changed in between is not stored under a digest that it does not have.
 */
export const withSha256 = Effect.fnUntraced(function* (
  request: UploadRequest
): Effect.fn.Return<UploadRequest, UploadError> {
  const { sha256, expectSha256, source } = request
  if (sha256 === undefined && expectSha256 === undefined) return request
  if (expectSha256 === undefined && !source.replayable) {
    return yield* invalidRequest(
      "the SHA-256 of a stream is known only at its end, and metadata is stored before; declare it as expectSha256, or pass a file, Blob or bytes"
    )
  }
  const hex = expectSha256?.toLowerCase() ?? (yield* sha256Of(source))
  return {
    ...request,
    source: yield* held(source, hex),
    ...(sha256 === undefined ? {} : { metadata: { ...request.metadata, [sha256Metadata]: hex } })
  }
})

/** The same for an upload that continues: its metadata was stored when it began. */
export const resumeWithSha256 = Effect.fnUntraced(function* (
  request: ResumeRequest
): Effect.fn.Return<ResumeRequest, UploadError> {
  const { expectSha256, source } = request
  return expectSha256 === undefined ? request : { ...request, source: yield* held(source, expectSha256) }
})
