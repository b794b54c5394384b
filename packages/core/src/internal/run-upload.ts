/**
 * The ways into an upload: a new one from a request, an earlier one taken up again.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { type EngineOptions, engineOptions } from "../Defaults.ts"
import type { Plugin } from "../Plugin.ts"
import type { StoredObject } from "../StoredObject.ts"
import { attributes, noStack, spans } from "../Telemetry.ts"
import type { UploadError } from "../UploadError.ts"
import type { ResumeRequest, ResumeTarget, UploadControl, UploadRequest } from "../Uploader.ts"
import { driveUpload } from "./drive-upload.ts"
import type { Engine } from "./engine.ts"
import { findSession, refuseOtherUpload } from "./find-session.ts"
import { holdingLease } from "./hold-lease.ts"
import { measured } from "./outcome.ts"
import { planSession } from "./plan-session.ts"
import { randomToken, SecureRandom } from "./random-token.ts"
import { chosenWay, ownWay } from "./store-ways.ts"
import { largestInMemory } from "./two-passes.ts"

/** Options of one upload laid over the uploader's. */
const optionsFor = (
  base: EngineOptions,
  given: Pick<UploadRequest, "partSize" | "concurrency" | "multipart" | "multipartThreshold" | "onFailure">
): Effect.Effect<EngineOptions, UploadError> => {
  const { concurrency, multipart, multipartThreshold, onFailure, partSize } = given
  const all = [concurrency, multipart, multipartThreshold, onFailure, partSize]
  // The uploader's own are checked already: of many small uploads that is a share of the cost.
  if (all.every((option) => option === undefined)) return Effect.succeed(base)
  return Effect.fromResult(
    engineOptions({
      ...base,
      ...(partSize === undefined ? {} : { partSize, multipartThreshold: partSize }),
      ...(multipartThreshold === undefined ? {} : { multipartThreshold }),
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(multipart === undefined ? {} : { multipart }),
      ...(onFailure === undefined ? {} : { onFailure })
    })
  )
}

const spanOf = <R>(engine: Engine<R>, key: string, size: number | undefined) => ({
  attributes: {
    [attributes.bucket]: engine.store.bucket,
    [attributes.key]: key,
    ...(size === undefined ? {} : { [attributes.sourceSize]: size })
  }
})

const names = <R>(plugins: ReadonlyArray<Plugin<R>>): ReadonlyArray<string> => plugins.map(({ name }) => name)

/** Runs one upload. See `UploaderApi.upload`. */
export const runUpload = <R>(
  engine: Engine<R>,
  request: UploadRequest,
  control: UploadControl
): Effect.Effect<StoredObject, UploadError, R> =>
  Effect.gen(function* () {
    const options = yield* optionsFor(engine.options, request)
    const random = yield* SecureRandom
    const sessionId = randomToken(random)
    const { annotations, key, priority, requireProof, source } = request
    const store = yield* chosenWay(engine.store)
    return yield* driveUpload(
      { ...engine, store },
      { sessionId, key, source, annotations, requireProof, priority, options, earlier: undefined },
      control,
      ({ hooks, pool, saved }) =>
        planSession({
          store,
          endpoint: engine.store.ways && store.endpoint,
          journal: engine.journal,
          options,
          request,
          hooks,
          maxPartInMemory: largestInMemory(pool),
          sessionId,
          writeToken: randomToken(random),
          plugins: names(engine.plugins),
          saved
        })
    )
  }).pipe(
    Effect.scoped,
    measured,
    Effect.withSpan(spans.upload, spanOf(engine, request.key, request.source.size), noStack)
  )

/** Takes up an earlier upload. See `UploaderApi.resume`. */
export const resumeUpload = <R>(
  engine: Engine<R>,
  target: ResumeTarget,
  request: ResumeRequest,
  control: UploadControl
): Effect.Effect<StoredObject, UploadError, R> =>
  Effect.gen(function* () {
    const { journal } = engine
    const options = yield* optionsFor(engine.options, request)
    const { annotations, priority, requireProof, source } = request
    const { sessionId, key } = yield* findSession(engine, options, target, source)
    return yield* holdingLease(
      journal,
      sessionId,
      options.leaseMs,
      Effect.fnUntraced(function* (lease) {
        // Again, now that nobody else writes it.
        const session = yield* journal.get(sessionId)
        yield* refuseOtherUpload(session, names(engine.plugins), source)
        const store = yield* ownWay(engine.store, session)
        return yield* driveUpload(
          { ...engine, store },
          { sessionId, key, source, annotations, requireProof, priority, options, earlier: { session, lease } },
          control,
          () => Effect.succeed(session)
        )
      })
    )
  }).pipe(
    Effect.scoped,
    measured,
    Effect.withSpan(
      spans.upload,
      spanOf(engine, typeof target === "string" ? "" : target.key, request.source.size),
      noStack
    )
  )
