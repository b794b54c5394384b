/** The verbs with which a store copies what it has, against a real S3. One that cannot copy keeps them all. */
import assert from "node:assert/strict"
import { predictEtag } from "@sluice/core/Checksum"
import * as Effect from "effect/Effect"
import { bytesOf, freshKey, MiB, read, reasonOf, type StoreCheck, sameBytes } from "./StoreUnderTest.ts"
import { putBytes, sendParts } from "./upload-parts.ts"

const odd = "a b+c%2F/naïve 💾/&=?#'\"~*!()"

export const copies: Readonly<Record<string, StoreCheck>> = {
  "a copy has the bytes of its source and the attributes that are asked for, whatever the characters of their keys":
    Effect.fnUntraced(function* (store) {
      const { bucket, copyObject } = store
      if (copyObject === undefined) return
      const [from, to] = [freshKey(odd), freshKey(odd)]
      const bytes = bytesOf(100_000)
      const { etag: ifMatch } = yield* putBytes(store, from, bytes)
      const attributes = { contentType: "video/mp4", cacheControl: "max-age=60", metadata: { owner: "ada" } }
      const { etag } = yield* copyObject({ key: to, source: { bucket, key: from, ifMatch }, ...attributes })
      assert.match(etag, /^[^"]+$/)
      const got = yield* store.getObject({ key: to })
      const { cacheControl, contentType, metadata } = got
      assert.deepEqual({ cacheControl, contentType, metadata: { ...metadata } }, attributes)
      assert.equal(got.etag, etag)
      sameBytes(yield* read(got.body), bytes)
    }),

  "what is copied is the object that was meant, or none": Effect.fnUntraced(function* (store) {
    const { bucket, copyObject } = store
    if (copyObject === undefined) return
    const [from, to] = [freshKey(), freshKey()]
    const { etag } = yield* putBytes(store, from, bytesOf(100))
    const source = { bucket, key: from, ifMatch: etag }
    assert.equal(
      yield* reasonOf(copyObject({ key: to, source: { ...source, ifMatch: "0".repeat(32) } })),
      "PreconditionFailed"
    )
    assert.equal(yield* reasonOf(copyObject({ key: to, source: { ...source, key: freshKey() } })), "NoSuchKey")
    assert.equal(yield* reasonOf(store.headObject({ key: to })), "NoSuchKey")
  }),

  "ranges of an object become parts, and one object of them": Effect.fnUntraced(function* (store) {
    const { bucket, uploadPartCopy } = store
    if (uploadPartCopy === undefined) return
    const [from, key] = [freshKey(odd), freshKey()]
    const bytes = bytesOf(5 * MiB + 1_000)
    const { etag: ifMatch } = yield* putBytes(store, from, bytes)
    // Nobody has a checksum to send with a copied part, and MinIO takes none without where one was declared.
    const { uploadId } = yield* store.createMultipartUpload({ key, checksum: "none" })
    const ranges = [
      { start: 1_000, end: 5 * MiB + 999 },
      { start: 7, end: 7 }
    ]
    const parts = yield* Effect.forEach(ranges, (range, i) =>
      Effect.map(
        uploadPartCopy({ key, uploadId, partNumber: i + 1, range, source: { bucket, key: from, ifMatch } }),
        ({ etag }) => ({ partNumber: i + 1, etag, crc32: 0 })
      )
    )
    const listed = yield* store.listParts({ key, uploadId })
    assert.deepEqual(
      listed.parts.map(({ etag, partNumber, size }) => [partNumber, size, etag]),
      [
        [1, 5 * MiB, parts[0]?.etag],
        [2, 1, parts[1]?.etag]
      ]
    )
    const whole = Buffer.concat(ranges.map(({ start, end }) => bytes.subarray(start, end + 1)))
    const completion = { key, uploadId, parts, checksum: "none", crc32: 0, size: whole.length } as const
    const { etag } = yield* store.completeMultipartUpload(completion)
    if (store.capabilities.etag === "md5") assert.equal(etag, predictEtag(parts.map(({ etag }) => etag)))
    sameBytes(yield* read((yield* store.getObject({ key })).body), whole)
  }),

  "a part is copied of the object that was meant, within its bytes, or not at all": Effect.fnUntraced(
    function* (store) {
      const { bucket, uploadPartCopy } = store
      if (uploadPartCopy === undefined) return
      const from = freshKey()
      const { etag: ifMatch } = yield* putBytes(store, from, bytesOf(100))
      const upload = yield* sendParts(store, freshKey(), [])
      const { key, uploadId } = upload
      const source = { bucket, key: from, ifMatch }
      const part = { key, uploadId, partNumber: 1, range: { start: 0, end: 99 }, source }
      assert.equal(
        yield* reasonOf(uploadPartCopy({ ...part, source: { ...source, ifMatch: "0".repeat(32) } })),
        "PreconditionFailed"
      )
      assert.equal(yield* reasonOf(uploadPartCopy({ ...part, range: { start: 0, end: 100 } })), "InvalidRequest")
      assert.equal(yield* reasonOf(uploadPartCopy({ ...part, source: { ...source, key: freshKey() } })), "NoSuchKey")
      assert.deepEqual((yield* store.listParts(upload)).parts, [])
      yield* store.abortMultipartUpload(upload)
      assert.equal(yield* reasonOf(uploadPartCopy(part)), "NoSuchUpload")
    }
  )
}
