/**
 * Copies every object to a second store, once its upload is complete, at least once and whatever happens to the process.
 *
 * @module
 */
import type { EngineOptions } from "@sluice/core/Defaults"
import { Janitor } from "@sluice/core/Janitor"
import { type Journal, layerMemory } from "@sluice/core/Journal"
import * as NamedJournal from "@sluice/core/NamedJournal"
import { type ObjectAttributes, type ObjectHead, ObjectStore } from "@sluice/core/ObjectStore"
import { Objects } from "@sluice/core/Objects"
import * as Plugin from "@sluice/core/Plugin"
import { metadataToken } from "@sluice/core/Session"
import type { StoredObject } from "@sluice/core/StoredObject"
import { StoreDefaults } from "@sluice/core/s3/S3Options"
import { invalidRequest, type ReasonTag, type UploadError } from "@sluice/core/UploadError"
import { Uploader } from "@sluice/core/Uploader"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** The object metadata that names the write that a copy is of. */
export const metadataMirrorOf = "sluice-mirror-of"

/** Engine options hold for the copies. */
export interface MirrorOptions extends Partial<EngineOptions> {
  /** The second store. It is opened when there is something to copy, and closed when there is nothing left. */
  readonly to: Layer.Layer<ObjectStore, UploadError>
  /**
   * Where copies that have begun are kept; not the journal of the uploads themselves. A durable one lets the next
   * process go on with a copy, and end what is left of it. Default: in memory.
   */
  readonly journal?: Layer.Layer<Journal, UploadError> | undefined
  /** Which uploads are mirrored. Default: all. */
  readonly when?: ((object: StoredObject) => boolean) | undefined
  /** The key in the second store. Default: the same. */
  readonly key?: ((object: StoredObject) => string) | undefined
  /** Laid over the object's own attributes, such as a storage class. Tags and encryption are never the object's own. */
  readonly attributes?: Omit<ObjectAttributes, "metadata"> | undefined
  /** Names the plugin, where there are several mirrors. Default `sluice/mirror`. */
  readonly name?: string | undefined
}

/** A copy that an earlier process has begun, and that cannot be gone on with: it is ended, and begun anew. */
const hopeless: ReadonlySet<ReasonTag> = new Set([
  "CompletionUnknown",
  "NoSuchUpload",
  "ResumeMismatch",
  "SourceChanged"
])

/** Which write made the object: the engine's token, or the ETag of what somebody else wrote. */
const writeOf = ({ etag, metadata = {} }: ObjectHead): string => metadata[metadataToken] ?? etag

/** Whether this is a copy of that write, by us or by the stores themselves (replication keeps metadata). */
const isCopy = (
  there: ObjectHead | undefined,
  { head, write }: { readonly head: ObjectHead; readonly write: string }
) => there?.size === head.size && [metadataMirrorOf, metadataToken].some((mark) => there.metadata?.[mark] === write)

/** What a copy has of the object, apart from its bytes. */
const attributesOf = (head: ObjectHead, write: string): ObjectAttributes => {
  const { cacheControl, contentDisposition, contentEncoding, contentLanguage, contentType, metadata = {} } = head
  const { [metadataToken]: _, ...own } = metadata
  return {
    ...{ cacheControl, contentDisposition, contentEncoding, contentLanguage, contentType },
    metadata: { ...own, [metadataMirrorOf]: write }
  }
}

/**
 * Copies each object that was uploaded to a second store: its stored bytes as they are, shown identical, with its
 * content type, cache headers and metadata. It does so after the upload, which never waits for it and never fails by it.
 *
 * What is copied is what stands at the key when the copy is made, so that the order of copies is no matter: the last one
 * to end has looked again. An object that is gone by then is not copied; none is ever deleted.
 *
 * ```ts
 * import * as FileJournal from "@sluice/core/FileJournal"
 * import { createSluice, s3 } from "@sluice/core/promise"
 * import { mirror } from "@sluice/plugins/mirror"
 *
 * const second = mirror({
 *   to: s3({ bucket: "media-copy", region: "eu-north-1" }),
 *   journal: FileJournal.layer("/var/lib/sluice/mirror")
 * })
 * const sluice = createSluice({
 *   store: s3({ bucket: "media", region: "eu-west-1" }),
 *   journal: FileJournal.layer("/var/lib/sluice/journal"),
 *   plugins: [second]
 * })
 * ```
 */
export const mirror = ({
  attributes = {},
  journal = layerMemory,
  key: keyOf = ({ key }) => key,
  name = "sluice/mirror",
  to,
  when = () => true,
  ...options
}: MirrorOptions): Plugin.Plugin => {
  const store = Layer.provide(to, Layer.succeed(StoreDefaults, options))
  // The Janitor ends what is left of copies that nobody asks for any more.
  const engine = Layer.merge(Objects.layer(options), Layer.provide(Janitor.layerRun, Janitor.layer(options))).pipe(
    Layer.provideMerge(Uploader.layer(options)),
    Layer.provideMerge(Layer.merge(store, NamedJournal.layer(name, journal)))
  )
  // One engine for all copies that are made at a time, and none when there are none.
  const shared = Layer.makeMemoMapUnsafe()
  const withEngine = <A>(work: Effect.Effect<A, UploadError, Objects | ObjectStore | Uploader>) =>
    Effect.scoped(
      Effect.flatMap(Effect.scope, (scope) =>
        Effect.flatMap(Layer.buildWithMemoMap(engine, shared, scope), (context) => Effect.provideContext(work, context))
      )
    )

  /** Goes on with the copy that an earlier process has begun; false where there is none that can be gone on with. */
  const goOn = Effect.fnUntraced(function* (key: string, { source }: Plugin.AsStored) {
    const uploader = yield* Uploader
    const { bucket } = yield* ObjectStore
    for (const { sessionId, ...begun } of yield* uploader.list) {
      if (begun.bucket !== bucket || begun.key !== key) continue
      const ended = yield* uploader.resume(sessionId, { source }).pipe(
        Effect.as(true),
        Effect.catchIf(
          ({ reason }) => hopeless.has(reason._tag),
          () => Effect.as(uploader.cancel(sessionId), false)
        ),
        Effect.catchReason("UploadError", "SessionNotFound", () => Effect.succeed(false))
      )
      if (ended) return true
    }
    return false
  })

  /** Copies what stands at the key, and again if by then it was replaced. */
  const bring = Effect.fnUntraced(function* (upload: Pick<Plugin.UploadContext, "stored">, object: StoredObject) {
    const { location } = yield* ObjectStore
    const objects = yield* Objects
    const key = keyOf(object)
    if (location(key) === object.location) {
      return yield* invalidRequest("the mirror's store is the one that it mirrors; give it another, or other keys")
    }
    const uploader = yield* Uploader
    const missing = () => Effect.succeed(undefined)
    for (let copied: string | undefined; ; ) {
      const here = yield* Effect.catchReason(upload.stored(object.key), "UploadError", "NoSuchKey", missing)
      if (here === undefined) return yield* Effect.logInfo(`${name}: ${object.uri} is gone, and not copied`)
      const { head, source } = here
      const write = writeOf(head)
      if (write === copied) return
      if (!(yield* goOn(key, here))) {
        const there = yield* Effect.catchReason(objects.head({ key }), "UploadError", "NoSuchKey", missing)
        if (isCopy(there, { head, write })) return
        yield* uploader.upload({ key, source, ...attributesOf(head, write), ...attributes })
      }
      copied = write
    }
  })

  return Plugin.make({
    name,
    open: (upload) => {
      const deliver: Plugin.DeliverHook = {
        name,
        events: ["UploadCompleted"],
        // A copy takes as long as its bytes; the engine watches each of its requests.
        timeoutMs: Number.POSITIVE_INFINITY,
        send: ({ event }) =>
          event._tag === "UploadCompleted" && when(event.object) ? withEngine(bring(upload, event.object)) : Effect.void
      }
      return Effect.succeed({ deliver })
    }
  })
}
