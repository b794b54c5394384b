/**
 * What an unknown store can do, found out by asking it: a few small requests on a hidden key, which is removed.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { crc32, predictEtag } from "../Checksum.ts"
import { defaults } from "../Defaults.ts"
import { md5 } from "../Digest.ts"
import { guardedCall, watchedCall } from "../internal/guarded-call.ts"
import { randomToken, SecureRandom } from "../internal/random-token.ts"
import { warn } from "../internal/warn.ts"
import type { Capabilities } from "../Limits.ts"
import type { ObjectStoreApi, WrittenObject } from "../ObjectStore.ts"
import type { ReasonTag, UploadError } from "../UploadError.ts"

/** What can be found out; the numbers of `limits` and `uniformParts` cannot, without sending megabytes. */
export type Probed = Pick<Capabilities, "checksum" | "etag" | "objectSizeOnComplete" | "conditionalWrites">

/** Where probes are written. */
export const probePrefix = ".sluice-probe/"

/** Answers by which a store says that it does not know what it was asked; others are no answer to the question. */
const refusals: ReadonlySet<ReasonTag> = new Set<ReasonTag>([
  "InvalidRequest",
  "UnknownStoreError",
  "ChecksumMismatch",
  "PartConflict",
  "PreconditionFailed"
])

const asked = <A>(call: Effect.Effect<A, UploadError>): Effect.Effect<A | undefined, UploadError> =>
  Effect.catch(call, (error) => (refusals.has(error.reason._tag) ? Effect.succeed(undefined) : Effect.fail(error)))

const bytes = new TextEncoder().encode("Sluice asks what this store can do, and removes this object at once.\n")
const body = { slices: [bytes], size: bytes.length }
const crc = crc32(bytes)

/** Asks the store that `storeWith` makes for given capabilities. `base` has what cannot be asked. */
export const probeStore = Effect.fnUntraced(function* (
  base: Capabilities,
  storeWith: (capabilities: Capabilities) => ObjectStoreApi
): Effect.fn.Return<Capabilities, UploadError> {
  const key = probePrefix + randomToken(yield* SecureRandom)
  const plain = storeWith({ ...base, checksum: "none", objectSizeOnComplete: false })
  const uploads = new Set<string>()
  const versions = new Set<string | undefined>()
  const wrote = ({ versionId }: WrittenObject): unknown => versions.add(versionId)
  const call = <A>(operation: string, effect: Effect.Effect<A, UploadError>) => guardedCall(defaults, operation, effect)

  const create = (store: ObjectStoreApi, checksum: "FULL_OBJECT" | "COMPOSITE" | "none") =>
    // An upload whose id nobody has heard could not be aborted.
    Effect.uninterruptible(
      Effect.tap(call("CreateMultipartUpload", store.createMultipartUpload({ key, checksum })), ({ uploadId }) =>
        Effect.sync(() => uploads.add(uploadId))
      )
    )
  const send = (store: ObjectStoreApi, uploadId: string, crc32: number) =>
    store.uploadPart({ key, uploadId, partNumber: 1, body, crc32, attempt: 1 })

  /** One small upload under these capabilities; undefined when the store takes it and does not do what they say. */
  const attempt = Effect.fnUntraced(function* (
    checksum: Capabilities["checksum"],
    objectSizeOnComplete: boolean
  ): Effect.fn.Return<Omit<Probed, "conditionalWrites"> | undefined, UploadError> {
    const store = storeWith({ ...base, checksum, objectSizeOnComplete })
    const type = checksum === "none" ? "none" : checksum === "composite" ? "COMPOSITE" : "FULL_OBJECT"
    const { uploadId } = yield* create(store, type)
    // A store that takes a wrong checksum looks at none. One attempt: the refusal is what is hoped for.
    if (checksum !== "none") {
      const wrong = yield* asked(watchedCall(defaults, "UploadPart", send(store, uploadId, (crc ^ 1) >>> 0)))
      if (wrong !== undefined) return undefined
    }
    const part = yield* call("UploadPart", send(store, uploadId, crc))
    const parts = [{ partNumber: 1, etag: part.etag, crc32: crc }]
    wrote(
      yield* call(
        "CompleteMultipartUpload",
        store.completeMultipartUpload({ key, uploadId, checksum: type, crc32: crc, size: body.size, parts })
      )
    )
    uploads.delete(uploadId)
    const head = yield* call("HeadObject", store.headObject({ key }))
    const kept = head.checksum?.algorithm === "CRC32" ? head.checksum.type : undefined
    if (kept !== (type === "none" ? kept : type)) return undefined
    const isMd5 = part.etag === (yield* md5(body.slices)) && head.etag === predictEtag([part.etag])
    return { checksum, objectSizeOnComplete, etag: isMd5 ? "md5" : "opaque" }
  })

  /** Whether the object that stands now is protected by `If-None-Match: *`, on PUT and on Complete. */
  const conditions = Effect.gen(function* () {
    const refused = (write: Effect.Effect<WrittenObject, UploadError>) =>
      asked(
        Effect.matchEffect(write, {
          onSuccess: (written) =>
            Effect.as(
              Effect.sync(() => wrote(written)),
              false
            ),
          onFailure: (error) => (error.reason._tag === "PreconditionFailed" ? Effect.succeed(true) : Effect.fail(error))
        })
      )
    const ifNoneMatch = "*"
    const put = plain.putObject({ key, body, crc32: crc, attempt: 1, ifNoneMatch })
    if ((yield* refused(call("PutObject", put))) !== true) return false
    const { uploadId } = yield* create(plain, "none")
    const { etag } = yield* call("UploadPart", send(plain, uploadId, crc))
    const parts = [{ partNumber: 1, etag, crc32: crc }]
    const { size } = body
    const complete = plain.completeMultipartUpload({
      key,
      uploadId,
      checksum: "none",
      crc32: crc,
      size,
      parts,
      ifNoneMatch
    })
    return (yield* refused(call("CompleteMultipartUpload", complete))) === true
  })

  const remove = Effect.suspend(() =>
    Effect.all(
      [
        ...[...uploads].map((uploadId) =>
          Effect.catchReason(
            call("AbortMultipartUpload", plain.abortMultipartUpload({ key, uploadId })),
            "UploadError",
            "NoSuchUpload",
            () => Effect.void
          )
        ),
        ...[...versions].map((versionId) => call("DeleteObject", plain.deleteObject({ key, versionId })))
      ].map((removal) =>
        Effect.catch(removal, (error) =>
          warn(`"${key}", written to find out what the store can do, could not be removed: ${error.message}`)
        )
      ),
      { discard: true }
    )
  )

  return yield* Effect.ensuring(
    Effect.gen(function* () {
      for (const [checksum, size] of attempts) {
        const found = yield* asked(attempt(checksum, size))
        if (found !== undefined) return { ...base, ...found, conditionalWrites: yield* conditions }
      }
      // Here a refusal is the answer: the store takes no upload at all.
      const found = (yield* attempt("none", false)) ?? plainest
      return { ...base, ...found, conditionalWrites: yield* conditions }
    }),
    remove
  )
})

/** From the most that a store may do to the least. */
const attempts = [
  ["full-object", true],
  ["full-object", false],
  ["composite", true],
  ["composite", false],
  ["none", true]
] as const

const plainest = { checksum: "none", etag: "opaque", objectSizeOnComplete: false } as const

const known = new Map<string, Capabilities>()
const turns = new Map<string, Semaphore.Semaphore>()

/** What is known of a store, by its name; asked once in the process, by one at a time. A failure is not kept. */
export const probeOnce = (
  name: string,
  probe: Effect.Effect<Capabilities, UploadError>
): Effect.Effect<Capabilities, UploadError> =>
  Effect.suspend(() => {
    const turn = turns.get(name) ?? Semaphore.makeUnsafe(1)
    turns.set(name, turn)
    return turn.withPermits(1)(
      Effect.suspend(() => {
        const found = known.get(name)
        return found === undefined
          ? Effect.tap(probe, (capabilities) => Effect.sync(() => known.set(name, capabilities)))
          : Effect.succeed(found)
      })
    )
  })
