/** Each verb, against a real S3. */
import assert from "node:assert/strict"
import { crc32, predictEtag } from "@sluice/core/Checksum"
import type {
  ListedObject,
  ListedObjects,
  ListedUpload,
  ListedVersion,
  ListedVersions,
  VersionsMarker
} from "@sluice/core/ObjectStore"
import * as Effect from "effect/Effect"
import {
  bodyOf,
  bytesOf,
  checksumOf,
  freshKey,
  MiB,
  read,
  reasonOf,
  type StoreCheck,
  sameBytes
} from "./StoreUnderTest.ts"
import { completionOf, putBytes, sendParts } from "./upload-parts.ts"

const odd = "a b+c%2F/naïve 💾/&=?#'\"~*!()"
const parts = (): ReadonlyArray<Uint8Array> => [bytesOf(5 * MiB), bytesOf(5 * MiB), bytesOf(12_345)]

export const verbs: Readonly<Record<string, StoreCheck>> = {
  "an object reads back as it was put, with all that stands beside its bytes": Effect.fnUntraced(function* (store) {
    const key = freshKey()
    const bytes = bytesOf(300_000)
    const attributes = {
      contentType: "video/mp4",
      cacheControl: "max-age=60",
      contentDisposition: 'attachment; filename="a.mp4"',
      contentLanguage: "de",
      metadata: { owner: "ada", "write-token": "a1" }
    }
    const put = yield* store.putObject({ key, ...attributes, body: bodyOf(bytes), crc32: crc32(bytes), attempt: 1 })
    const head = yield* store.headObject({ key })
    assert.deepEqual([head.key, head.size, head.etag], [key, bytes.length, put.etag])
    assert.match(put.etag, /^[^"]+$/)
    assert.ok(head.lastModified instanceof Date)
    const got = yield* store.getObject({ key })
    for (const { contentType, cacheControl, contentDisposition, contentLanguage, metadata } of [head, got]) {
      const found = { contentType, cacheControl, contentDisposition, contentLanguage, metadata: { ...metadata } }
      assert.deepEqual(found, attributes)
    }
    sameBytes(yield* read(got.body), bytes)
    assert.deepEqual([got.size, got.contentLength, got.contentRange], [bytes.length, bytes.length, undefined])
  }),

  "an empty object is an object": Effect.fnUntraced(function* (store) {
    const key = freshKey()
    yield* store.putObject({ key, body: { slices: [], size: 0 }, crc32: 0, attempt: 1 })
    assert.equal((yield* store.headObject({ key })).size, 0)
    assert.equal((yield* read((yield* store.getObject({ key })).body)).length, 0)
  }),

  "a key may hold any character, and its location tells no credentials": Effect.fnUntraced(function* (store) {
    const key = freshKey(odd)
    yield* putBytes(store, key, bytesOf(10))
    assert.equal((yield* store.headObject({ key })).key, key)
    const location = new URL(store.location(key))
    assert.deepEqual([location.search, location.hash, location.username], ["", "", ""])
    assert.ok(decodeURIComponent(location.pathname).endsWith(`/${key}`))
    yield* store.deleteObject({ key })
  }),

  "a range is answered with its bytes, its place and the size of the whole": Effect.fnUntraced(function* (store) {
    const key = freshKey()
    const bytes = bytesOf(1_000)
    yield* putBytes(store, key, bytes)
    for (const [range, start, end] of [
      [{ start: 0, end: 0 }, 0, 1],
      [{ start: 100, end: 199 }, 100, 200],
      [{ start: 990, end: 5_000 }, 990, 1_000],
      [{ start: 400 }, 400, 1_000],
      [{ suffix: 10 }, 990, 1_000]
    ] as const) {
      const got = yield* store.getObject({ key, range })
      sameBytes(yield* read(got.body), bytes.subarray(start, end))
      assert.deepEqual(
        [got.contentLength, got.size, got.contentRange],
        [end - start, 1_000, `bytes ${start}-${end - 1}/1000`]
      )
    }
    assert.equal(yield* reasonOf(store.getObject({ key, range: { start: 1_000 } })), "InvalidRequest")
  }),

  "If-Match reads the version that was meant, or none": Effect.fnUntraced(function* (store) {
    const key = freshKey()
    const { etag } = yield* putBytes(store, key, bytesOf(100))
    for (const ifMatch of [etag, `"${etag}"`]) {
      const { body } = yield* store.getObject({ key, ifMatch })
      yield* read(body)
    }
    assert.equal(yield* reasonOf(store.getObject({ key, ifMatch: "0".repeat(32) })), "PreconditionFailed")
  }),

  "what is not there is NoSuchKey; deleting it is no error": Effect.fnUntraced(function* (store) {
    const key = freshKey()
    yield* putBytes(store, key, bytesOf(1))
    yield* store.deleteObject({ key })
    assert.equal(yield* reasonOf(store.headObject({ key })), "NoSuchKey")
    assert.equal(yield* reasonOf(store.getObject({ key })), "NoSuchKey")
    yield* store.deleteObject({ key })
  }),

  "the bucket is there": (store) => store.headBucket(),

  "parts become one object, in the order of their numbers": Effect.fnUntraced(function* (store) {
    const upload = yield* sendParts(store, freshKey(), parts())
    assert.notEqual(upload.uploadId, "")
    const written = yield* store.completeMultipartUpload(completionOf(store, upload))
    const head = yield* store.headObject({ key: upload.key })
    assert.deepEqual([head.size, head.etag], [upload.whole.length, written.etag])
    if (store.capabilities.etag === "md5") {
      assert.equal(written.etag, predictEtag(upload.parts.map(({ etag }) => etag)))
    }
    if (checksumOf(store) === "FULL_OBJECT") assert.equal(head.crc32, crc32(upload.whole))
    sameBytes(yield* read((yield* store.getObject({ key: upload.key })).body), upload.whole)
    assert.equal(yield* reasonOf(store.listParts(upload)), "NoSuchUpload")
  }),

  "HEAD of one part tells its size and how many there are": Effect.fnUntraced(function* (store) {
    const upload = yield* sendParts(store, freshKey(), parts())
    yield* store.completeMultipartUpload(completionOf(store, upload))
    const head = yield* store.headObject({ key: upload.key, partNumber: 3 })
    assert.deepEqual([head.size, head.parts], [12_345, 3])
  }),

  "the list of parts is the truth: ascending, with sizes, ETags and checksums": Effect.fnUntraced(function* (store) {
    const upload = yield* sendParts(store, freshKey(), parts())
    const again = bytesOf(5 * MiB)
    const { etag } = yield* store.uploadPart({
      ...{ key: upload.key, uploadId: upload.uploadId, partNumber: 1, attempt: 2 },
      ...{ body: bodyOf(again), crc32: crc32(again) }
    })
    const listed = yield* store.listParts(upload)
    assert.equal(listed.next, undefined)
    assert.deepEqual(
      listed.parts.map(({ partNumber, size, etag }) => [partNumber, size, etag]),
      upload.parts.map((part) => [part.partNumber, part.size, part.partNumber === 1 ? etag : part.etag])
    )
    for (const { partNumber, crc32: found } of listed.parts) {
      const sent = partNumber === 1 ? crc32(again) : upload.parts[partNumber - 1]?.crc32
      if (found !== undefined) assert.equal(found, sent)
    }
    const after = yield* store.listParts({ ...upload, after: 2 })
    assert.deepEqual(
      after.parts.map(({ partNumber }) => partNumber),
      [3]
    )
    yield* store.abortMultipartUpload(upload)
  }),

  "an upload is found by its exact key, whatever its characters, and by no other": Effect.fnUntraced(function* (store) {
    const key = freshKey(odd)
    const { uploadId } = yield* store.createMultipartUpload({ key, checksum: checksumOf(store) })
    const other = yield* store.createMultipartUpload({ key: freshKey(), checksum: checksumOf(store) })
    const found: Array<ListedUpload> = []
    let after: Parameters<typeof store.listMultipartUploads>[0]["after"]
    do {
      const page = yield* store.listMultipartUploads({ prefix: key, after })
      found.push(...page.uploads)
      after = page.next
    } while (after !== undefined)
    assert.deepEqual(
      found.map((upload) => [upload.key, upload.uploadId]),
      [[key, uploadId]]
    )
    assert.ok(found[0]?.initiated instanceof Date)
    assert.notEqual(other.uploadId, uploadId)
    yield* store.abortMultipartUpload({ key, uploadId })
  }),

  "objects are listed by prefix and in pages, whatever the characters of their keys": Effect.fnUntraced(
    function* (store) {
      assert.ok(store.listObjects)
      const folder = freshKey("list")
      const keys = [`${folder}/${odd}`, `${folder}/a`, `${folder}/b/c`, `${folder}/a+b`, `${folder}/z`].sort()
      for (const key of [...keys, `${folder}x`]) yield* putBytes(store, key, bytesOf(key.length))
      const found: Array<ListedObject> = []
      let after: string | undefined
      do {
        const page: ListedObjects = yield* store.listObjects({ prefix: `${folder}/`, after, limit: 2 })
        assert.ok(page.objects.length <= 2)
        found.push(...page.objects)
        after = page.next
      } while (after !== undefined)
      assert.deepEqual(
        found.map(({ key, size }) => [key, size]),
        keys.map((key) => [key, key.length])
      )
      const { etag } = yield* store.headObject({ key: keys[0] ?? "" })
      assert.equal(found[0]?.etag, etag)
      assert.ok(found[0]?.lastModified instanceof Date)
      assert.deepEqual(yield* store.listObjects({ prefix: freshKey("none") }), { objects: [], next: undefined })
    }
  ),

  "a bucket without versions lists one of each object, by prefix and in pages": Effect.fnUntraced(function* (store) {
    assert.ok(store.listObjectVersions)
    const folder = freshKey("versions")
    const keys = [`${folder}/${odd}`, `${folder}/a`, `${folder}/b`].sort()
    for (const key of [...keys, ...keys, `${folder}x`]) yield* putBytes(store, key, bytesOf(key.length))
    const found: Array<ListedVersion> = []
    let after: VersionsMarker | undefined
    do {
      const page: ListedVersions = yield* store.listObjectVersions({ prefix: `${folder}/`, after, limit: 2 })
      assert.ok(page.versions.length <= 2)
      found.push(...page.versions)
      after = page.next
    } while (after !== undefined)
    assert.deepEqual(
      found.map(({ key, versionId, size, isLatest, deleteMarker }) => [key, versionId, size, isLatest, deleteMarker]),
      keys.map((key) => [key, "null", key.length, true, false])
    )
    const { etag } = yield* store.headObject({ key: keys[0] ?? "" })
    assert.equal(found[0]?.etag, etag)
    assert.ok(found[0]?.lastModified instanceof Date)
    assert.deepEqual(yield* store.listObjectVersions({ prefix: freshKey("none") }), { versions: [], next: undefined })
  }),

  "after an abort the upload is gone, for every verb": Effect.fnUntraced(function* (store) {
    const upload = yield* sendParts(store, freshKey(), [bytesOf(1_000)])
    yield* store.abortMultipartUpload(upload)
    const { key, uploadId } = upload
    const bytes = bytesOf(10)
    const part = { key, uploadId, partNumber: 1, body: bodyOf(bytes), crc32: crc32(bytes), attempt: 1 }
    assert.equal(yield* reasonOf(store.listParts(upload)), "NoSuchUpload")
    assert.equal(yield* reasonOf(store.uploadPart(part)), "NoSuchUpload")
    assert.equal(yield* reasonOf(store.completeMultipartUpload(completionOf(store, upload))), "NoSuchUpload")
    const again = yield* Effect.result(store.abortMultipartUpload(upload))
    if (again._tag === "Failure") assert.equal(again.failure.reason._tag, "NoSuchUpload")
    assert.equal(yield* reasonOf(store.headObject({ key })), "NoSuchKey")
  }),

  "Complete with a part that the store does not have is PartConflict, and the upload stays": Effect.fnUntraced(
    function* (store) {
      const upload = yield* sendParts(store, freshKey(), [bytesOf(1_000)])
      const completion = completionOf(store, upload)
      const wrong = completion.parts.map((part) => ({ ...part, etag: "0".repeat(32) }))
      assert.equal(yield* reasonOf(store.completeMultipartUpload({ ...completion, parts: wrong })), "PartConflict")
      assert.equal((yield* store.listParts(upload)).parts.length, 1)
      yield* store.completeMultipartUpload(completion)
    }
  ),

  "bytes that are not those of the checksum are ChecksumMismatch, and not stored": Effect.fnUntraced(function* (store) {
    if (store.capabilities.checksum === "none") return
    const key = freshKey()
    const bytes = bytesOf(100_000)
    const wrong = crc32(bytes) ^ 1
    assert.equal(
      yield* reasonOf(store.putObject({ key, body: bodyOf(bytes), crc32: wrong >>> 0, attempt: 1 })),
      "ChecksumMismatch"
    )
    assert.equal(yield* reasonOf(store.headObject({ key })), "NoSuchKey")
    const upload = yield* sendParts(store, key, [])
    const at = { key, uploadId: upload.uploadId, partNumber: 1, attempt: 1 }
    assert.equal(
      yield* reasonOf(store.uploadPart({ ...at, body: bodyOf(bytes), crc32: wrong >>> 0 })),
      "ChecksumMismatch"
    )
    assert.deepEqual((yield* store.listParts(upload)).parts, [])
    yield* store.abortMultipartUpload(upload)
  }),

  "a whole that is not that of the checksum is ChecksumMismatch, and no object": Effect.fnUntraced(function* (store) {
    if (checksumOf(store) !== "FULL_OBJECT") return
    const upload = yield* sendParts(store, freshKey(), [bytesOf(1_000)])
    const completion = completionOf(store, upload)
    assert.equal(
      yield* reasonOf(store.completeMultipartUpload({ ...completion, crc32: (completion.crc32 ^ 1) >>> 0 })),
      "ChecksumMismatch"
    )
    assert.equal(yield* reasonOf(store.headObject(upload)), "NoSuchKey")
    yield* store.abortMultipartUpload(upload)
  }),

  "what must not stand there is not overwritten, by one PUT and by parts": Effect.fnUntraced(function* (store) {
    if (!store.capabilities.conditionalWrites) return
    const key = freshKey()
    const [older, newer] = [bytesOf(10), bytesOf(20)]
    const { etag } = yield* putBytes(store, key, older)
    const put = { key, body: bodyOf(newer), crc32: crc32(newer), attempt: 1 }
    const upload = yield* sendParts(store, key, [newer])
    const completion = completionOf(store, upload)
    for (const condition of [{ ifNoneMatch: "*" as const }, { ifMatch: "0".repeat(32) }]) {
      assert.equal(yield* reasonOf(store.putObject({ ...put, ...condition })), "PreconditionFailed")
      assert.equal(
        yield* reasonOf(store.completeMultipartUpload({ ...completion, ...condition })),
        "PreconditionFailed"
      )
    }
    sameBytes(yield* read((yield* store.getObject({ key })).body), older)
    yield* store.completeMultipartUpload({ ...completion, ifMatch: etag })
    sameBytes(yield* read((yield* store.getObject({ key })).body), newer)
    yield* store.putObject({ ...put, key: freshKey(), ifNoneMatch: "*" })
  })
}
