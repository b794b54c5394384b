/**
 * What stands in a store, over the store and the uploads at hand.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { type EngineOptions, engineOptions } from "../Defaults.ts"
import { Journal } from "../Journal.ts"
import { KiB } from "../Limits.ts"
import {
  type ListedObject,
  type ListedUpload,
  type ListedVersion,
  type ObjectHead,
  ObjectStore,
  type ObjectStoreApi,
  type UploadsMarker,
  type VersionsMarker
} from "../ObjectStore.ts"
import type { ListRequest, ObjectName, ObjectsApi, ReadControl, ReadRequest } from "../Objects.ts"
import type { Plugin } from "../Plugin.ts"
import type { Source } from "../Source.ts"
import { traced } from "../Telemetry.ts"
import { type ErrorContext, invalidRequest, type UploadError, withContext } from "../UploadError.ts"
import { copyObject } from "./copy-object.ts"
import { downloadFile } from "./download-file.ts"
import { guardedCall } from "./guarded-call.ts"
import { checkedPlugins } from "./hook-shape.ts"
import { type ListedPage, objectsPage, uploadsPage, versionsPage } from "./list-pages.ts"
import type { Uploads } from "./make-uploads.ts"
import { objectSource } from "./object-source.ts"
import type { ReadEngine } from "./open-object.ts"
import { type Reading, readObject } from "./read-object.ts"
import { restoreVersion } from "./restore-version.ts"

/** A page of a listing, the first or the one behind `after`. */
type Page<Of, A, Marker> = (of: Of, after?: Marker | undefined) => Effect.Effect<ListedPage<A, Marker>, UploadError>

/** `ObjectsApi`, but for the form in which bytes are read and listings told. */
export interface StoredObjects extends Omit<ObjectsApi, "list" | "openUploads" | "read" | "versions"> {
  readonly objectsPage: Page<ListRequest, ListedObject, string>
  readonly uploadsPage: Page<ListRequest, ListedUpload, UploadsMarker>
  readonly versionsPage: Page<string, ListedVersion, VersionsMarker>
  readonly read: (request: ReadRequest, control?: ReadControl) => Effect.Effect<Reading, UploadError>
}

/** Fewer bytes are not worth a request. */
const leastRange = 64 * KiB

/** How a call that belongs to no upload goes: with retries, and with names in its errors. */
const call = <A>(
  { options, store }: { readonly options: EngineOptions; readonly store: ObjectStoreApi },
  operation: string,
  at: Pick<ErrorContext, "key">,
  effect: Effect.Effect<A, UploadError>
): Effect.Effect<A, UploadError> =>
  Effect.mapError(guardedCall(options, operation, effect), (error) =>
    withContext(error, { operation, bucket: store.bucket, ...at })
  )

export const makeObjects = Effect.fnUntraced(function* <R>(
  { plugins: listed, ...given }: Partial<EngineOptions> & { readonly plugins?: ReadonlyArray<Plugin<R>> | undefined },
  uploads: Pick<Uploads, "upload">
): Effect.fn.Return<StoredObjects, UploadError, ObjectStore | Journal | R> {
  const journal = yield* Journal
  const options = yield* Effect.fromResult(engineOptions(given))
  const plugins = yield* Effect.fromResult(checkedPlugins(listed))
  const store = traced(yield* ObjectStore)
  const context = yield* Effect.context<R>()
  /** The engine of one request, by its own options. */
  const engineFor = ({ concurrency, partSize = options.partSize }: Pick<ReadRequest, "partSize" | "concurrency">) =>
    Effect.gen(function* () {
      // Ranges have no least size in S3, unlike parts.
      if (!(Number.isSafeInteger(partSize) && partSize >= leastRange)) {
        return yield* invalidRequest(`partSize must be a whole number from ${leastRange} on, not ${partSize}`)
      }
      const own = yield* Effect.fromResult(
        engineOptions({ ...given, ...(concurrency === undefined ? {} : { concurrency }) })
      )
      const engine: ReadEngine<R> = { store, options: { ...own, partSize }, plugins }
      return engine
    })
  const withServices = <A, E>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E> =>
    Effect.provideContext(effect, context)

  const head = ({ key, versionId }: ObjectName): Effect.Effect<ObjectHead, UploadError> =>
    call({ store, options }, "HeadObject", { key }, store.headObject({ key, versionId }))
  const source = (request: Omit<ReadRequest, "range">): Effect.Effect<Source, UploadError> =>
    Effect.flatMap(engineFor(request), (engine) => withServices(objectSource(engine, request, context)))
  return {
    store,
    head,
    source,
    read: (request, control) =>
      Effect.flatMap(engineFor(request), (engine) => withServices(readObject(engine, request, control))),
    download: (request, control) =>
      Effect.flatMap(engineFor(request), (engine) => withServices(downloadFile(engine, request, control))),
    copy: (request, control) =>
      Effect.flatMap(engineFor(request), ({ options }) =>
        copyObject(
          { here: { store, head, source }, journal, options, plugins, upload: uploads.upload },
          request,
          control
        )
      ),
    objectsPage: ({ prefix = "" }, after) =>
      call({ store, options }, "ListObjectsV2", {}, objectsPage(store, prefix, after)),
    uploadsPage: ({ prefix = "" }, after) =>
      call({ store, options }, "ListMultipartUploads", {}, uploadsPage(store, prefix, after)),
    versionsPage: (key, after) =>
      call({ store, options }, "ListObjectVersions", { key }, versionsPage(store, key, after)),
    restore: (request, control) =>
      Effect.flatMap(engineFor(request), ({ options }) =>
        restoreVersion({ store, journal, options, head }, request, control)
      ),
    remove: ({ key, versionId }) =>
      call({ store, options }, "DeleteObject", { key }, store.deleteObject({ key, versionId }))
  }
})
