import { crc32 } from "@sluice/core/Checksum"
import type { ObjectStoreApi, StoredPart } from "@sluice/core/ObjectStore"
import type { UploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"

import { bodyOf, checksumOf } from "./StoreUnderTest.ts"

export interface SentPart extends StoredPart {
  readonly partNumber: number
  readonly crc32: number
  readonly size: number
}

export interface SentUpload {
  readonly key: string
  readonly uploadId: string
  readonly parts: ReadonlyArray<SentPart>
  readonly whole: Uint8Array
}

export const putBytes = (store: ObjectStoreApi, key: string, bytes: Uint8Array) =>
  store.putObject({ key, body: bodyOf(bytes), crc32: crc32(bytes), attempt: 1 })

/** A multipart upload that is ready to be completed. */
export const sendParts = Effect.fnUntraced(function* (
  store: ObjectStoreApi,
  key: string,
  bodies: ReadonlyArray<Uint8Array>
): Effect.fn.Return<SentUpload, UploadError> {
  const { uploadId } = yield* store.createMultipartUpload({ key, checksum: checksumOf(store) })
  const parts = yield* Effect.forEach(bodies, (bytes, i) => {
    const at = { partNumber: i + 1, crc32: crc32(bytes) }
    return Effect.map(
      store.uploadPart({ key, uploadId, ...at, body: bodyOf(bytes), attempt: 1 }),
      (stored): SentPart => ({ ...stored, ...at, size: bytes.length })
    )
  })
  return { key, uploadId, parts, whole: Buffer.concat(bodies) }
})

/** What goes with Complete. */
export const completionOf = (store: ObjectStoreApi, { key, uploadId, parts, whole }: SentUpload) => ({
  key,
  uploadId,
  parts: parts.map(({ partNumber, etag, crc32 }) => ({ partNumber, etag, crc32 })),
  checksum: checksumOf(store),
  crc32: crc32(whole),
  size: whole.length
})
