/**
 * Which session a resume means: by its id, by the store's multipart id, or by its key.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { EngineOptions } from "../Defaults.ts"
import { MiB } from "../Limits.ts"
import type { ChecksumType, ListedPart, ListedParts } from "../ObjectStore.ts"
import type { Session } from "../Session.ts"
import type { Source } from "../Source.ts"
import { invalidRequest, type UploadError, uploadError } from "../UploadError.ts"
import type { ResumeTarget } from "../Uploader.ts"
import { doublingEvery, type PartLayout, partAt, plan } from "../UploadPlan.ts"
import { uploadsOfKey } from "./create-upload.ts"
import type { Engine } from "./engine.ts"
import { differingIdentity, identifySource } from "./identify-source.ts"
import { allListed } from "./known-parts.ts"
import { randomToken, SecureRandom } from "./random-token.ts"
import type { SessionRun } from "./upload-run.ts"

const mismatch = (message: string, at: { readonly key: string; readonly sessionId?: string }): UploadError =>
  uploadError({ _tag: "ResumeMismatch", message }, at)

const isOpen = ({ state }: Session): boolean => state === "created" || state === "uploading" || state === "completing"

/**
 * Refuses to continue a session with other plugins or another source. Nothing is touched then: the session can
 * still be resumed by who has the right ones.
 */
export const refuseOtherUpload = Effect.fnUntraced(function* (
  session: Session,
  plugins: ReadonlyArray<string>,
  source: Source
): Effect.fn.Return<void, UploadError> {
  const at = { key: session.key, sessionId: session.sessionId }
  if (!isOpen(session)) {
    return yield* mismatch(`the upload was ${session.state}; there is nothing to resume, start a new one`, at)
  }
  if (plugins.join() !== session.plugins.join()) {
    const list = (names: ReadonlyArray<string>): string => (names.length === 0 ? "none" : names.join(", "))
    return yield* mismatch(
      `the upload began with the plugins ${list(session.plugins)}, and is resumed with ${list(plugins)}; give the same`,
      at
    )
  }
  const changed = (how: string): UploadError =>
    uploadError(
      {
        _tag: "SourceChanged",
        message: `the source is not the one this upload began with: ${how}; resume with that one, or start a new upload`
      },
      at
    )
  if (session.size !== undefined && source.size !== undefined && session.size !== source.size) {
    return yield* changed(`it had ${session.size} bytes and now has ${source.size}`)
  }
  if (session.source === undefined) return
  const cheap = differingIdentity(session.source, { ...source.identity, size: source.size })
  if (cheap !== undefined) return yield* changed(cheap)
  if (session.source.headSha256 === undefined) return
  const digests = differingIdentity(session.source, yield* identifySource(source))
  if (digests !== undefined) return yield* changed(digests)
})

/** How an upload that nobody journalled was declared; only what we can continue. */
const checksumOf = (
  declared: ListedParts["checksum"],
  at: { readonly key: string }
): Effect.Effect<ChecksumType, UploadError> => {
  if (declared === undefined || declared.algorithm === "") return Effect.succeed("none")
  // CRC32 without a type is COMPOSITE (Amazon S3 User Guide, "Checking object integrity").
  if (declared.algorithm === "CRC32") {
    return Effect.succeed(declared.type === "FULL_OBJECT" ? "FULL_OBJECT" : "COMPOSITE")
  }
  return Effect.fail(
    mismatch(
      `the upload was declared with ${declared.algorithm} ${declared.type ?? ""}, which cannot be continued here; abort it and start anew`,
      at
    )
  )
}

/** The layout that the listed parts show, or undefined when they show none that we know. */
const layoutFrom = (parts: ReadonlyMap<number, ListedPart>, planned: PartLayout): PartLayout | undefined => {
  const listed = [...parts.values()].sort((a, b) => a.partNumber - b.partNumber)
  const fits = (layout: PartLayout): boolean =>
    listed.every(
      ({ partNumber, size }, index) =>
        size === partAt(layout, partNumber).size ||
        // The last one may be short.
        (index === listed.length - 1 && size < partAt(layout, partNumber).size)
    )
  if (fits(planned)) return planned
  const [first] = listed
  if (first === undefined) return planned
  const uniform: PartLayout = { _tag: "Uniform", partSize: first.size }
  if (fits(uniform) && first.size >= 5 * MiB) return uniform
  const doubling: PartLayout = {
    _tag: "Doubling",
    partSize: first.size,
    every: doublingEvery,
    maxPartSize: planned._tag === "Doubling" ? planned.maxPartSize : first.size
  }
  return fits(doubling) && first.size >= 5 * MiB ? doubling : undefined
}

/** A session for an upload of which only the store knows. */
const blankSession = Effect.fnUntraced(function* <R>(
  { journal, plugins, store }: Engine<R>,
  options: EngineOptions,
  key: string,
  source: Source
): Effect.fn.Return<Session, UploadError> {
  const random = yield* SecureRandom
  const now = yield* Clock.currentTimeMillis
  return {
    format: 1,
    sessionId: randomToken(random),
    version: 1,
    state: "uploading",
    bucket: store.bucket,
    key,
    mode: "multipart",
    uploadId: undefined,
    writeToken: undefined,
    size: source.size,
    layout: { _tag: "Uniform", partSize: options.partSize },
    attributes: {},
    condition: {},
    checksum: "none",
    resumable: source.replayable,
    source: journal.durable ? yield* identifySource(source) : source.identity,
    maxSize: undefined,
    suspects: [],
    plugins: plugins.map(({ name }) => name),
    pluginState: {},
    undelivered: [],
    createdAt: now,
    updatedAt: now
  }
})

/** What a new upload of the source would be laid out as. */
const layoutOf = (
  { store }: SessionRun,
  options: EngineOptions,
  key: string,
  source: Source
): Result.Result<PartLayout, UploadError> =>
  Result.map(
    plan(
      {
        key,
        size: source.size,
        partSize: options.partSize,
        multipartThreshold: options.multipartThreshold,
        multipart: "always",
        maxPartInMemory: options.memoryBudget,
        attributes: {},
        condition: {},
        replayable: source.replayable
      },
      store.capabilities
    ),
    ({ layout }) => layout
  )

/** Takes an upload that no journal names into ours, as its parts show it. */
const adopt = Effect.fnUntraced(function* (
  run: SessionRun,
  uploadId: string,
  source: Source
): Effect.fn.Return<Session, UploadError> {
  const blank = run.session()
  const at = { key: blank.key }
  const { first, parts } = yield* allListed(run, uploadId)
  const planned = yield* Effect.fromResult(layoutOf(run, run.options, blank.key, source))
  const layout = layoutFrom(parts, planned)
  if (layout === undefined) {
    return yield* mismatch(
      `the parts of the upload ${uploadId} have sizes of no layout that is known here; abort it and start anew`,
      at
    )
  }
  return { ...blank, uploadId, layout, checksum: yield* checksumOf(first.checksum, at) }
})

/** The id of the only open upload of the key. */
const onlyUpload = Effect.fnUntraced(function* (run: SessionRun): Effect.fn.Return<string, UploadError> {
  const { bucket, key } = run.session()
  const open = yield* uploadsOfKey(run)
  const [only] = open
  if (only === undefined) return yield* uploadError({ _tag: "SessionNotFound" }, { bucket, key })
  if (open.length === 1) return only.uploadId
  return yield* mismatch(
    `${open.length} multipart uploads of "${key}" are open (${open.map(({ uploadId }) => uploadId).join(", ")}); name one by its uploadId`,
    { key }
  )
})

/**
 * The session that is meant. What no journal names is looked up in the store: the upload with this id, or the
 * only one of the key. Of several nobody can say whose they are, so they are left alone.
 */
export const findSession = Effect.fnUntraced(function* <R>(
  engine: Engine<R>,
  options: EngineOptions,
  target: ResumeTarget,
  source: Source
): Effect.fn.Return<Session, UploadError> {
  const { journal, store } = engine
  if (typeof target === "string") return yield* journal.get(target)
  const { bucket = store.bucket, key, uploadId } = target
  if (bucket !== store.bucket) {
    return yield* invalidRequest(`the upload is in bucket "${bucket}", this uploader's is "${store.bucket}"`, { key })
  }
  const sessions = (yield* journal.listByKey(bucket, key)).filter(isOpen)
  const named = sessions.filter((session) => uploadId === undefined || session.uploadId === uploadId)
  const newest = named.reduce<Session | undefined>(
    (best, session) => (best === undefined || session.createdAt > best.createdAt ? session : best),
    undefined
  )
  if (newest !== undefined) return newest

  const blank = yield* blankSession(engine, options, key, source)
  const run: SessionRun = { store, options, session: () => blank, record: () => Effect.void }
  const adopted = yield* adopt(run, uploadId ?? (yield* onlyUpload(run)), source)
  yield* journal.create(adopted)
  return adopted
})
