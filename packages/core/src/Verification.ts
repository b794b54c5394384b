/**
 * Whether an object that stands in the store has the bytes of a source.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { type EngineOptions, engineOptions } from "./Defaults.ts"
import { verifyObject } from "./internal/verify-object.ts"
import { ObjectStore } from "./ObjectStore.ts"
import type { Source } from "./Source.ts"
import type { UploadError } from "./UploadError.ts"

export interface VerifyRequest {
  readonly key: string
  /** Replayable: a file, Blob or bytes. */
  readonly source: Source
  /** Where the store shows no digest that can be compared, the object's bytes may be read. Default false. */
  readonly download?: boolean | undefined
}

export interface Verification {
  /** `unknown`: the store shows no digest that we can take of the source, and the bytes were not to be read. */
  readonly matches: boolean | "unknown"
  /** What was compared: lengths, the store's checksum, its ETag, or the bytes. */
  readonly by: "size" | "crc32" | "crc32c" | "crc64nvme" | "sha256" | "etag" | "bytes" | "nothing"
  /** The object that was looked at. */
  readonly etag: string
  readonly versionId: string | undefined
  /** Bytes. */
  readonly size: number
}

/**
 * Compares an object with a source by the cheapest evidence that is sound: its length, a CRC or SHA-256 that the store
 * keeps (CRC32C and CRC64NVME where their packages are installed), an ETag that is an MD5, and, with `download`, the
 * bytes themselves. Digests over parts are compared
 * by taking the source apart as the store says that the object was put together.
 *
 * What is compared are stored bytes: an object that a plugin compressed or encrypted differs from its source.
 *
 * Fails with `NoSuchKey`; with `PreconditionFailed` when the object changes meanwhile; with `InvalidRequest` for a
 * source that can be read only once.
 *
 * ```ts
 * import * as Source from "@sluice/core/Source"
 * import * as Verification from "@sluice/core/Verification"
 *
 * const same = Verification.verify({ key: "talks/intro.mp4", source: Source.file("intro.mp4") })
 * ```
 */
export const verify = (
  request: VerifyRequest,
  options: Partial<EngineOptions> = {}
): Effect.Effect<Verification, UploadError, ObjectStore> =>
  Effect.gen(function* () {
    return yield* verifyObject(yield* ObjectStore, yield* Effect.fromResult(engineOptions(options)), request)
  })
