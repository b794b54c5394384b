/**
 * A small real upload on hidden keys that are removed: one PUT, one in two parts, one that is aborted.
 *
 * @module
 */
import { randomUUID } from "node:crypto"
import { crc32, encodeCrc32, predictEtag } from "@sluice/core/Checksum"
import { MiB } from "@sluice/core/Limits"
import type { ObjectHead, PartBody, WrittenObject } from "@sluice/core/ObjectStore"
import type { UploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import { ask, type Examination, examined, once, statementFor } from "./Examination.ts"
import { examineList } from "./examine-settings.ts"
import { type Finding, note, ok, wrong } from "./Finding.ts"

const bytes = new TextEncoder().encode("Written by sluice doctor, which removes it at once.\n")
const bodyOf = (slice: Uint8Array): PartBody => ({ slices: [slice], size: slice.length })
const small = { body: bodyOf(bytes), crc32: crc32(bytes), attempt: 1 } as const

/** What has been written and must go. */
class Traces {
  readonly objects: Array<{ readonly key: string; readonly versionId: string | undefined }> = []
  readonly uploads = new Map<string, string>()
  wrote(key: string, { versionId }: WrittenObject): void {
    this.objects.push({ key, versionId })
  }
}

interface Visit extends Examination {
  readonly prefix: string
  readonly traces: Traces
}

const checksumType = ({ store }: Examination) => {
  const { checksum } = store.capabilities
  return checksum === "none" ? "none" : checksum === "composite" ? "COMPOSITE" : "FULL_OBJECT"
}

const create = ({ store, traces }: Visit, key: string, checksum: "FULL_OBJECT" | "COMPOSITE" | "none") =>
  // An upload whose id nobody has heard could not be aborted.
  Effect.uninterruptible(
    Effect.tap(ask(store.createMultipartUpload({ key, checksum })), ({ uploadId }) =>
      Effect.sync(() => traces.uploads.set(uploadId, key))
    )
  )

const write = (
  { store, traces }: Visit,
  key: string,
  more: { readonly encryption?: { readonly mode: "SSE-S3" } } = {}
) =>
  Effect.uninterruptible(
    Effect.tap(ask(store.putObject({ key, ...small, ...more })), (written) =>
      Effect.sync(() => traces.wrote(key, written))
    )
  )

const examinePut = (visit: Visit, key: string): Effect.Effect<Finding> =>
  examined(visit, "put", Effect.as(write(visit, key), ok("put", "an object is written")))

const sameChecksum = (head: ObjectHead, crc: number): boolean => head.crc32 === undefined || head.crc32 === crc

const examineHead = (visit: Visit, key: string): Effect.Effect<Finding> =>
  examined(
    visit,
    "head",
    Effect.map(ask(visit.store.headObject({ key })), (head) => {
      const between = "check what stands between us and the store"
      if (head.size !== bytes.length) {
        return wrong("head", `the store says ${head.size} bytes of the ${bytes.length} written`, between)
      }
      return sameChecksum(head, small.crc32)
        ? ok("head", "size and checksum are those of what was written")
        : wrong("head", "the store shows another CRC32 than that of what was written", between)
    })
  )

const examineGet = (visit: Visit, key: string): Effect.Effect<Finding> =>
  examined(
    visit,
    "get",
    Effect.gen(function* () {
      const { body } = yield* ask(visit.store.getObject({ key }))
      const read = new Uint8Array(yield* Effect.promise(() => new Response(body).arrayBuffer()))
      return Buffer.from(read).equals(bytes)
        ? ok("get", "the same bytes are read back")
        : wrong("get", "other bytes are read back than were written", "check what stands between us and the store")
    })
  )

const ignoresChecksums = (what: string): Finding =>
  wrong(
    "checksum",
    `${what} was taken with a CRC32 that is not its own: the store does not look at checksums`,
    'set SLUICE_PROVIDER to the provider that this is; in code, s3({ provider: "probe" }) finds out what it can do',
    "upload with MD5 instead: SLUICE_PROVIDER=gcs where its ETags mean nothing, SLUICE_PROVIDER=b2 where they are MD5s"
  )

/** A wrong CRC32 must be refused, of an object and of a part. One attempt: the refusal is what is hoped for. */
const examineChecksum = (visit: Visit): Effect.Effect<Finding> => {
  const { store, traces } = visit
  const wrongCrc = { ...small, crc32: (small.crc32 ^ 1) >>> 0 }
  const refused = (attempt: Effect.Effect<unknown, UploadError>) =>
    attempt.pipe(
      Effect.as(false),
      Effect.catchReason("UploadError", "ChecksumMismatch", () => Effect.succeed(true))
    )
  const look = Effect.gen(function* () {
    const type = checksumType(visit)
    if (type === "none") return note("checksum", "this provider takes no CRC32; MD5 is sent and compared instead")
    const key = `${visit.prefix}/checksum`
    const put = Effect.tap(once(store.putObject({ key, ...wrongCrc })), (written) =>
      Effect.sync(() => traces.wrote(key, written))
    )
    if (!(yield* refused(put))) return ignoresChecksums("an object")
    const { uploadId } = yield* create(visit, key, type)
    const part = once(store.uploadPart({ key, uploadId, partNumber: 1, ...wrongCrc }))
    return (yield* refused(part))
      ? ok(
          "checksum",
          `wrong CRC32s are refused; ${type === "FULL_OBJECT" ? "one CRC32 covers the whole object" : "the whole has one of its parts' CRC32s"}`
        )
      : ignoresChecksums("a part")
  })
  return examined(visit, "checksum", look)
}

const examineEncryption = (visit: Visit): Effect.Effect<Finding> =>
  examined(
    visit,
    "encryption",
    Effect.gen(function* () {
      const fix = `aws s3api put-bucket-encryption --bucket ${visit.store.bucket} --server-side-encryption-configuration '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}'`
      const written = yield* Effect.result(
        write(visit, `${visit.prefix}/encryption`, { encryption: { mode: "SSE-S3" } })
      )
      if (written._tag === "Failure") {
        return wrong(
          "encryption",
          `asked for (AES256), and refused: ${written.failure.message}`,
          "give the store a key (MinIO: MINIO_KMS_SECRET_KEY), or upload without --sse"
        )
      }
      const { encryption } = written.success
      if (encryption !== "AES256") {
        return wrong(
          "encryption",
          `asked for (AES256), and ${encryption ?? "nothing"} answered: objects are not encrypted as asked`,
          "use a store that has server-side encryption, or encrypt before uploading (@sluice/plugins/encryption/client-side)"
        )
      }
      const standard = yield* Effect.orElseSucceed(ask(visit.bucket.encryption), () => "unknown")
      return standard === undefined
        ? ok("encryption", `echoed when asked for; the bucket has no default of its own (${fix})`)
        : ok("encryption", `echoed when asked for; the bucket's default is ${standard}`)
    })
  )

/** The smallest that a part may be but the last, and a little more. */
const examineMultipart = (visit: Visit): Effect.Effect<Finding> =>
  examined(
    visit,
    "multipart",
    Effect.gen(function* () {
      const { store, traces } = visit
      const key = `${visit.prefix}/multipart`
      const whole = new Uint8Array(5 * MiB + bytes.length).fill(0x5a)
      whole.set(bytes, 5 * MiB)
      const slices = [whole.subarray(0, 5 * MiB), whole.subarray(5 * MiB)]
      const type = checksumType(visit)
      const { uploadId } = yield* create(visit, key, type)
      const parts: Array<{ partNumber: number; etag: string; crc32: number }> = []
      for (const [i, slice] of slices.entries()) {
        const crc = crc32(slice)
        const partNumber = i + 1
        const part = yield* ask(
          store.uploadPart({ key, uploadId, partNumber, body: bodyOf(slice), crc32: crc, attempt: 1 })
        )
        parts.push({ partNumber, etag: part.etag, crc32: crc })
      }
      const listed = yield* ask(store.listParts({ key, uploadId }))
      const written = yield* Effect.uninterruptible(
        Effect.tap(
          ask(
            store.completeMultipartUpload({
              key,
              uploadId,
              parts,
              checksum: type,
              crc32: crc32(whole),
              size: whole.length
            })
          ),
          (written) =>
            Effect.sync(() => {
              traces.uploads.delete(uploadId)
              traces.wrote(key, written)
            })
        )
      )
      const head = yield* ask(store.headObject({ key }))
      return multipartFinding(visit, head, written, parts, crc32(whole), whole.length, listed.parts.length)
    })
  )

const multipartFinding = (
  { store }: Visit,
  head: ObjectHead,
  written: WrittenObject,
  parts: ReadonlyArray<{ readonly etag: string }>,
  crc: number,
  size: number,
  listed: number
): Finding => {
  const { checksum, etag } = store.capabilities
  const off = (what: string): Finding =>
    wrong(
      "multipart",
      `an upload in two parts was completed, but ${what}`,
      "set SLUICE_PROVIDER to the provider that this is (docs/stores.md)"
    )
  if (listed !== 2) return off(`ListParts told of ${listed} parts`)
  if (head.size !== size) return off(`the object has ${head.size} bytes, not ${size}`)
  if (checksum === "full-object" && head.crc32 !== crc) {
    return off(
      `the store shows ${head.crc32 === undefined ? "no CRC32 of the whole" : `CRC32 ${encodeCrc32(head.crc32)}`}`
    )
  }
  if (etag === "md5" && written.etag !== predictEtag(parts.map((part) => part.etag))) {
    return off("its ETag is not the MD5 of the parts' MD5s")
  }
  return ok("multipart", "an object in two parts is whole: size, checksum and ETag are as predicted")
}

const examineAbort = (visit: Visit): Effect.Effect<Finding> =>
  examined(
    visit,
    "abort",
    Effect.gen(function* () {
      const { store, traces } = visit
      const key = `${visit.prefix}/abort`
      const { uploadId } = yield* create(visit, key, checksumType(visit))
      yield* ask(store.uploadPart({ key, uploadId, partNumber: 1, ...small }))
      yield* ask(store.abortMultipartUpload({ key, uploadId }))
      const gone = yield* ask(store.listParts({ key, uploadId })).pipe(
        Effect.as(false),
        Effect.catchReason("UploadError", "NoSuchUpload", () => Effect.succeed(true))
      )
      if (gone) traces.uploads.delete(uploadId)
      return gone
        ? ok("abort", "an aborted upload is gone, by ListParts")
        : wrong(
            "abort",
            "an aborted upload is still listed",
            `sluice sweep --all --prefix .sluice-doctor/ --older-than 1h --yes s3://${store.bucket}`
          )
    })
  )

/** Removes what was written. Told as the check of deletion, and done whatever happened before. */
const removeTraces = (visit: Visit): Effect.Effect<Finding> => {
  const { store, traces } = visit
  const left = (errors: ReadonlyArray<UploadError>): Finding =>
    wrong(
      "delete",
      `what was written below s3://${store.bucket}/${visit.prefix}/ could not be removed: ${errors[0]?.message}`,
      ...errors.flatMap(({ operation }) =>
        statementFor(operation === "DeleteObject" ? "delete" : "abort", store.bucket)
      ),
      `aws s3 rm --recursive s3://${store.bucket}/${visit.prefix}/`
    )
  const remove = Effect.gen(function* () {
    const [first] = traces.objects
    if (first === undefined && traces.uploads.size === 0) {
      return note("delete", "nothing was written, so nothing was deleted")
    }
    const removals = [
      ...Array.from(traces.uploads, ([uploadId, key]) =>
        Effect.catchReason(
          ask(store.abortMultipartUpload({ key, uploadId })),
          "UploadError",
          "NoSuchUpload",
          () => Effect.void
        )
      ),
      ...traces.objects.map(({ key, versionId }) => ask(store.deleteObject({ key, versionId })))
    ]
    // Each by itself: one that is refused keeps no other.
    const [, errors] = yield* Effect.partition(removals, (removal) => removal)
    if (errors.length > 0) return left(errors)
    const gone =
      first === undefined ||
      (yield* ask(store.headObject({ key: first.key })).pipe(
        Effect.as(false),
        Effect.catchReason("UploadError", "NoSuchKey", () => Effect.succeed(true))
      ))
    return gone
      ? ok("delete", "all that was written is removed")
      : wrong(
          "delete",
          `s3://${store.bucket}/${first.key} stands after it was deleted`,
          `aws s3 rm --recursive s3://${store.bucket}/${visit.prefix}/`
        )
  })
  return examined(visit, "delete", remove)
}

/** All of it, in order; whatever fails, what was written is removed. */
export const examineUpload = (examination: Examination): Effect.Effect<void> =>
  Effect.suspend(() => {
    const visit: Visit = { ...examination, prefix: `.sluice-doctor/${randomUUID()}`, traces: new Traces() }
    return Effect.gen(function* () {
      const key = `${visit.prefix}/put`
      const { status } = yield* examinePut(visit, key)
      // Without the right to write the rest would only say so again.
      if (status === "wrong") return void (yield* examineList(visit))
      yield* examineList(visit, key)
      yield* examineHead(visit, key)
      yield* examineGet(visit, key)
      yield* examineChecksum(visit)
      yield* examineEncryption(visit)
      yield* examineMultipart(visit)
      yield* examineAbort(visit)
    }).pipe(Effect.ensuring(removeTraces(visit)))
  })
