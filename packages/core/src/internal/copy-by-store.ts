/**
 * A copy that the store makes of what it has: one CopyObject, or parts by UploadPartCopy where that is too large.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { normalizeEtag, predictEtag } from "../Checksum.ts"
import type { EngineOptions } from "../Defaults.ts"
import type { JournalApi } from "../Journal.ts"
import { type Limits, MiB } from "../Limits.ts"
import {
  type CopySource,
  type ObjectAttributes,
  type ObjectHead,
  type ObjectStoreApi,
  uriOf,
  type WriteCondition,
  type WrittenObject
} from "../ObjectStore.ts"
import type { CopiedObject } from "../Objects.ts"
import { metadataToken, type Session } from "../Session.ts"
import type { Proof } from "../StoredObject.ts"
import { type UploadError, uploadError } from "../UploadError.ts"
import { abortUpload } from "./abort-upload.ts"
import { contradiction, finishObject, isOurs, type Known } from "./complete.ts"
import { type CreateRun, createUpload, type Restore } from "./create-upload.ts"
import { checkEncryption } from "./encryption-echo.ts"
import { evidenceOf } from "./evidence.ts"
import { holdingLease } from "./hold-lease.ts"
import { planRanges } from "./plan-ranges.ts"
import { randomToken, SecureRandom } from "./random-token.ts"
import { sessionRun } from "./session-run.ts"
import { attempting, contextOf, guardedAttempt, type UploadRun } from "./upload-run.ts"

/** What a copy by the store is made with. */
export interface StoreCopy {
  readonly store: ObjectStoreApi
  readonly journal: JournalApi
  readonly options: EngineOptions
  readonly source: CopySource
  /** The object that is copied. */
  readonly head: ObjectHead
  /** Whether the store is told to keep the kind of checksum that it has of the source. */
  readonly checksummed: boolean
  readonly to: ObjectAttributes & WriteCondition & { readonly key: string }
  /** Bytes a part, as far as the caller asks for them. */
  readonly partSize: number | undefined
  /** From this size on it is copied in parts. */
  readonly multipartThreshold: number
  /** Bytes that are copied. */
  readonly onCopied: (bytes: number) => void
}

type CopyRun = CreateRun & Pick<UploadRun, "mayBeCompleted">
/** The verbs that a store has which copies. */
export type CopyVerbs = Required<{ [Verb in "copyObject" | "uploadPartCopy"]: NonNullable<ObjectStoreApi[Verb]> }>

/** Bytes of a copied part: none of them passes through here, so few requests count for more than small pieces. */
const copyPartSize = 256 * MiB

const partSizeFor = (size: number, asked: number | undefined, { maxParts, minPartSize }: Limits): number =>
  Math.max(asked ?? copyPartSize, minPartSize, Math.ceil(size / maxParts))

const replaced = (copy: StoreCopy): UploadError =>
  uploadError(
    {
      _tag: "PreconditionFailed",
      message: `the object "${copy.source.key}" was written again while it was copied; copy it again`
    },
    { bucket: copy.source.bucket, key: copy.source.key }
  )

/** The record of a copy: what the Janitor needs to end it, if nobody else can. */
const recordOf = Effect.fnUntraced(function* ({
  checksummed,
  head,
  multipartThreshold,
  partSize,
  store,
  to
}: StoreCopy): Effect.fn.Return<Session> {
  const random = yield* SecureRandom
  const now = yield* Clock.currentTimeMillis
  const writeToken = randomToken(random)
  const { ifMatch, ifNoneMatch, key, ...attributes } = to
  const keeps = checksummed && head.checksum?.type === "FULL_OBJECT" ? head.checksum.algorithm : undefined
  return {
    format: 1,
    sessionId: randomToken(random),
    version: 1,
    state: "created",
    bucket: store.bucket,
    key,
    mode: head.size < multipartThreshold ? "single" : "multipart",
    uploadId: undefined,
    writeToken,
    size: head.size,
    layout: { _tag: "Uniform", partSize: partSizeFor(head.size, partSize, store.capabilities.limits) },
    attributes: { ...attributes, metadata: { ...attributes.metadata, [metadataToken]: writeToken } },
    condition: { ifMatch, ifNoneMatch },
    // The checksum that the store has of the source, so that the two can be compared.
    checksum: keeps === "CRC32" || keeps === "CRC32C" || keeps === "CRC64NVME" ? "FULL_OBJECT" : "none",
    ...(keeps === "CRC32C" || keeps === "CRC64NVME" ? { checksumAlgorithm: keeps } : {}),
    resumable: false,
    source: undefined,
    maxSize: undefined,
    suspects: [],
    plugins: [],
    pluginState: {},
    undelivered: [],
    createdAt: now,
    updatedAt: now
  }
})

const copyWhole = Effect.fnUntraced(function* (
  run: CopyRun,
  { options, source, onCopied }: StoreCopy,
  { copyObject }: CopyVerbs
): Effect.fn.Return<readonly [WrittenObject, Known], UploadError> {
  const { attributes, condition, key, size = 0 } = run.session()
  const expected: Known = { size, etag: undefined }
  const call = { operation: "CopyObject", stallMs: options.completeIdleTimeoutMs }
  yield* run.record({ state: "completing" })
  const written = yield* finishObject(run, call, expected, undefined, () =>
    guardedAttempt(run, call, (touch) => copyObject({ key, source, ...attributes, ...condition, onActivity: touch }))
  )
  yield* checkEncryption(run, written.encryption, true)
  onCopied(size)
  return [written, expected]
})

const copyParts = Effect.fnUntraced(function* (
  run: CopyRun,
  { options, source, onCopied }: StoreCopy,
  { uploadPartCopy }: CopyVerbs,
  uploadId: string
): Effect.fn.Return<readonly [WrittenObject, Known], UploadError> {
  const { condition, key, layout, size = 0 } = run.session()
  const plan = planRanges({ offset: 0, size }, layout.partSize)
  const parts = yield* Effect.forEach(
    Array.from({ length: plan.count }, (_, index) => ({ partNumber: index + 1, range: plan.at(index) })),
    Effect.fnUntraced(function* ({ partNumber, range = { offset: 0, size: 0 } }) {
      const call = { operation: "UploadPartCopy", partNumber, stallMs: options.completeIdleTimeoutMs }
      const { offset } = range
      const { etag } = yield* attempting(run, call, (_, touch) =>
        uploadPartCopy({
          key,
          uploadId,
          partNumber,
          source,
          range: { start: offset, end: offset + range.size - 1 },
          onActivity: touch
        })
      )
      onCopied(range.size)
      return { partNumber, etag, crc32: 0 }
    }),
    { concurrency: options.concurrency }
  )
  const etag = run.store.capabilities.etag === "md5" ? predictEtag(parts.map((part) => part.etag)) : undefined
  const expected: Known = { size, etag }
  const call = { operation: "CompleteMultipartUpload", stallMs: options.completeIdleTimeoutMs }
  yield* run.record({ state: "completing" })
  const written = yield* finishObject(run, call, expected, uploadId, () =>
    guardedAttempt(run, call, (touch) =>
      // Nobody here has taken a checksum; the store takes its own.
      run.store.completeMultipartUpload({
        key,
        uploadId,
        ...condition,
        checksum: "none",
        crc32: 0,
        size,
        parts,
        onActivity: touch
      })
    )
  )
  return [written, expected]
})

/** What is left when a copy in parts ends early: nothing, unless it may stand. */
const inParts = (run: CopyRun, copy: StoreCopy, verbs: CopyVerbs) =>
  Effect.uninterruptibleMask((restore: Restore) =>
    Effect.flatMap(createUpload(run, restore), (uploadId) =>
      restore(copyParts(run, copy, verbs, uploadId)).pipe(
        Effect.onExit((exit) => {
          const failure = Exit.isFailure(exit) ? Exit.findErrorOption(exit) : undefined
          const unknown = failure?._tag === "Some" && failure.value.reason._tag === "CompletionUnknown"
          return failure === undefined || unknown ? Effect.void : abortUpload(run, uploadId)
        })
      )
    )
  )

/** What the two objects' own digests say: the strongest kind that the store shows of both. */
export const compareHeads = (
  { capabilities }: Pick<ObjectStoreApi, "capabilities">,
  source: ObjectHead,
  copy: ObjectHead
): Proof | "other" => {
  if (source.size !== copy.size) return "other"
  const [a, b] = [source.checksum, copy.checksum]
  if (a?.type === "FULL_OBJECT" && b?.type === "FULL_OBJECT" && a.algorithm === b.algorithm) {
    return a.value === b.value ? "source" : "other"
  }
  const md5 = (head: ObjectHead): string | undefined =>
    evidenceOf(head, capabilities).some(({ by, parts }) => by === "etag" && parts === undefined)
      ? normalizeEtag(head.etag).toLowerCase()
      : undefined
  const [c, d] = [md5(source), md5(copy)]
  return c === undefined || d === undefined ? "transport" : c === d ? "source" : "other"
}

/** Looks at the copy beside what it is of. Somebody else's, written since, says nothing of ours. */
const prove = Effect.fnUntraced(function* (
  run: CopyRun,
  { head, store }: StoreCopy,
  [written, expected]: readonly [WrittenObject, Known]
): Effect.fn.Return<Proof, UploadError> {
  const at = { ...contextOf(run, "CopyObject") }
  const wrong = contradiction(expected, written)
  if (wrong !== undefined) return yield* uploadError({ _tag: "ChecksumMismatch", message: wrong, stored: true }, at)
  const found = yield* attempting(run, { operation: "HeadObject" }, () =>
    run.store.headObject({ key: run.session().key, versionId: written.versionId })
  )
  if (!isOurs(run, found, { size: found.size, etag: undefined })) return "transport"
  const proof = compareHeads(store, head, found)
  if (proof !== "other") return proof
  return yield* uploadError(
    {
      _tag: "ChecksumMismatch",
      message: "the copy's size or digest, as the store shows it, is not that of its source; delete the copy",
      stored: true
    },
    at
  )
})

/**
 * Copies within the store. It is journalled, so that the Janitor ends what a crash leaves; on any other end than success
 * nothing is left.
 */
export const copyByStore = Effect.fnUntraced(function* (
  copy: StoreCopy,
  verbs: CopyVerbs
): Effect.fn.Return<CopiedObject, UploadError> {
  const { head, journal, options, store } = copy
  const session = yield* recordOf(copy)
  yield* journal.create(session)
  const work = Effect.gen(function* () {
    const run: CopyRun = {
      ...sessionRun({ store, journal, options }, session),
      journal,
      resumed: false,
      mayBeCompleted: false
    }
    const made = yield* session.mode === "single" ? copyWhole(run, copy, verbs) : inParts(run, copy, verbs)
    const proof = yield* prove(run, copy, made)
    const [{ etag, versionId }] = made
    const { bucket, key } = session
    return { bucket, key, uri: uriOf(store, key), etag, versionId, size: head.size, proof, by: "store" as const }
  })
  return yield* holdingLease(journal, session.sessionId, options.leaseMs, () =>
    Effect.onExit(work, (exit) =>
      Effect.gen(function* () {
        const failure = Exit.isFailure(exit) ? Exit.findErrorOption(exit) : undefined
        const unknown = failure?._tag === "Some" && failure.value.reason._tag === "CompletionUnknown"
        const left = yield* journal.get(session.sessionId)
        // What could not be ended, or may stand, stays named.
        if (Exit.isSuccess(exit) || !(unknown || left.uploadId !== undefined || left.suspects.length > 0)) {
          yield* journal.delete(session.sessionId)
        }
      }).pipe(Effect.ignore)
    )
  ).pipe(
    Effect.catchIf(
      (error) =>
        error.reason._tag === "PreconditionFailed" &&
        copy.to.ifMatch === undefined &&
        copy.to.ifNoneMatch === undefined,
      () => Effect.fail(replaced(copy))
    )
  )
})
