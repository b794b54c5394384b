/**
 * From a request to the head that is journalled before anything is asked of the store.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { EngineOptions } from "../Defaults.ts"
import type { JournalApi } from "../Journal.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import { refusals, refusalText } from "../Route.ts"
import { metadataToken, type Session } from "../Session.ts"
import { invalidRequest, type UploadError, uploadError } from "../UploadError.ts"
import type { UploadRequest } from "../Uploader.ts"
import { plan as decide, recheck, type UploadPlan } from "../UploadPlan.ts"
import { windowOf } from "./congestion-window.ts"
import { contentTypeOf } from "./content-type.ts"
import { hasEchoed } from "./encryption-echo.ts"
import { identifySource } from "./identify-source.ts"
import { madeByMetadata } from "./made-by.ts"
import { keepsSize, replays } from "./open-source.ts"
import { type OpenedHooks, partOverhead } from "./run-hooks.ts"
import { givesAgain } from "./two-passes.ts"

/** What a plan is made of. */
export interface PlanSession {
  readonly store: ObjectStoreApi
  /** Written into the session, where the store has several. */
  readonly endpoint: string | undefined
  readonly journal: JournalApi
  readonly options: EngineOptions
  readonly request: UploadRequest
  readonly hooks: OpenedHooks
  /** Bytes. */
  readonly maxPartInMemory: number
  readonly sessionId: string
  readonly writeToken: string
  readonly plugins: ReadonlyArray<string>
  readonly saved: ReadonlyMap<string, unknown>
}

/** Parts that no memory holds are read twice, so plugins cannot see them. */
const withinMemory = (
  { layout, mode, size }: UploadPlan,
  maxPartInMemory: number,
  { seen }: OpenedHooks
): Effect.Effect<void, UploadError> => {
  const largest = mode === "single" ? (size ?? 0) : layout.partSize
  if (largest <= maxPartInMemory) return Effect.void
  const refused = refusals(seen, { _tag: "Upload", onFailure: "auto", resumed: false, partsInMemory: false })
  if (refused.length === 0) return Effect.void
  return Effect.fail(
    uploadError({
      _tag: "TooLarge",
      message: `parts of ${largest} bytes are needed but the memory budget holds ${maxPartInMemory} at once, and ${refusalText(refused)}; raise memoryBudget, or send a file or Blob without plugins that see its parts`
    })
  )
}

/** Request → plan → the `plan` hooks' plan, checked again. */
const makePlan = Effect.fnUntraced(function* ({
  store,
  options,
  request,
  hooks,
  maxPartInMemory
}: PlanSession): Effect.fn.Return<UploadPlan, UploadError> {
  const { source } = request
  const { capabilities } = store
  const algorithm = options.checksumAlgorithm
  const planned = yield* Effect.fromResult(
    decide(
      {
        key: request.key,
        size: keepsSize(hooks.body) ? source.size : undefined,
        maxSize: request.maxSize,
        // Where attempts stalled repeatedly, an upload that asks for no part size gets smaller ones.
        partSize: request.partSize ?? windowOf(store).partSize(options.partSize, capabilities.limits.minPartSize),
        multipartThreshold: options.multipartThreshold,
        multipart: options.multipart,
        checksumAlgorithm: algorithm,
        maxPartInMemory,
        attributes: {
          contentType: request.contentType ?? source.contentType ?? contentTypeOf(source.name ?? request.key),
          cacheControl: request.cacheControl,
          contentDisposition: request.contentDisposition,
          contentEncoding: request.contentEncoding,
          contentLanguage: request.contentLanguage,
          metadata: request.metadata,
          tags: request.tags,
          storageClass: request.storageClass,
          encryption: request.encryption
        },
        condition: { ifNoneMatch: request.ifNoneMatch, ifMatch: request.ifMatch },
        replayable: source.replayable && replays(hooks.body),
        twoPasses: algorithm === "CRC32" && givesAgain(source)
      },
      capabilities
    )
  )
  yield* withinMemory(planned, maxPartInMemory, hooks)
  const hooked = yield* hooks.plan(planned)
  const overhead = partOverhead(hooks.part, hooked.layout.partSize)
  const names = hooks.part.map(({ plugin }) => plugin)
  yield* Effect.fromResult(recheck(hooked, capabilities, overhead, names))
  // Until the store has echoed the encryption once, Create must show it before any byte leaves (DESIGN §5).
  const mode = hooked.attributes.encryption?.mode
  if (mode === undefined || hasEchoed(store, mode)) return hooked
  if (options.multipart === "never") {
    return yield* invalidRequest(
      `whether the store applies ${mode} is shown by a multipart upload before any byte leaves; allow multipart, or remove the encryption`,
      { key: hooked.key }
    )
  }
  return { ...hooked, mode: "multipart" }
})

/** The head of a new session, planned and not yet journalled. */
export const planSession = Effect.fnUntraced(function* (input: PlanSession): Effect.fn.Return<Session, UploadError> {
  const { journal, plugins, request, saved, sessionId, store, writeToken } = input
  const plan = yield* makePlan(input)
  const now = yield* Clock.currentTimeMillis
  return {
    format: 1,
    sessionId,
    version: 1,
    state: "created",
    bucket: store.bucket,
    key: plan.key,
    ...(input.endpoint === undefined ? {} : { endpoint: input.endpoint }),
    mode: plan.mode,
    uploadId: undefined,
    writeToken,
    size: plan.size,
    layout: plan.layout,
    attributes: {
      ...plan.attributes,
      metadata: { ...plan.attributes.metadata, ...madeByMetadata(input.hooks), [metadataToken]: writeToken }
    },
    condition: plan.condition,
    checksum: plan.checksum,
    ...(plan.checksumAlgorithm === undefined ? {} : { checksumAlgorithm: plan.checksumAlgorithm }),
    resumable: plan.resumable,
    // Digests of the first and last MiB are for a process that comes after this one.
    source: journal.durable ? yield* identifySource(request.source) : request.source.identity,
    maxSize: request.maxSize,
    suspects: [],
    plugins,
    pluginState: Object.fromEntries(saved),
    undelivered: [],
    createdAt: now,
    updatedAt: now
  }
})
