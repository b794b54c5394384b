import * as Effect from "effect/Effect"
import { engineOptions } from "../Defaults.ts"
import type { Journal } from "../Journal.ts"
import { type ObjectHead, ObjectStore, type UploadsMarker, type VersionsMarker } from "../ObjectStore.ts"
import { metadataToken } from "../Session.ts"
import type { Sluice } from "../Sluice.ts"
import type { SluiceOptions } from "../SluiceOptions.ts"
import { from } from "../Source.ts"
import { invalidRequest, isUploadError, type UploadError } from "../UploadError.ts"
import { guardedCall } from "./guarded-call.ts"
import { allPages, type ListedPage } from "./list-pages.ts"
import type { StoredObjects } from "./make-objects.ts"
import { UploadsService } from "./make-uploads.ts"
import type { RunPromise } from "./run-promise.ts"
import { webStream } from "./web-stream.ts"

type Methods = Pick<
  Sluice,
  | "copy"
  | "download"
  | "get"
  | "head"
  | "list"
  | "openUploads"
  | "read"
  | "remove"
  | "restore"
  | "source"
  | "verify"
  | "versions"
>

/** What copies between two of them need to know of the other. */
export const objectsOf = new WeakMap<Sluice, () => Promise<StoredObjects>>()

/** The caller's metadata alone: the write token is the engine's own mark. */
const withoutToken = <H extends ObjectHead>(head: H): H => {
  if (head.metadata?.[metadataToken] === undefined) return head
  const { [metadataToken]: _, ...metadata } = head.metadata
  return { ...head, metadata }
}

/** What a `Sluice` does with objects that stand in its store. */
export const objectMethods = (
  run: RunPromise<UploadsService | ObjectStore | Journal>,
  options: Omit<SluiceOptions, "journal" | "queueSize" | "store">
): {
  readonly methods: Methods
  readonly objects: () => Promise<StoredObjects>
  /** Ends every reading that is open. */
  readonly close: () => Promise<void>
} => {
  let made: Promise<StoredObjects> | undefined
  const objects = (): Promise<StoredObjects> => {
    // Loaded where it is needed: most programs only upload.
    const make = Effect.gen(function* () {
      const { makeObjects } = yield* Effect.promise(() => import("./make-objects.ts"))
      return yield* makeObjects(options, yield* UploadsService)
    })
    made ??= run(make)
    return made
  }
  const asking = async <A>(
    question: (objects: StoredObjects) => Effect.Effect<A, UploadError>,
    signal?: AbortSignal | undefined
  ): Promise<A> => run(question(await objects()), signal)
  const paged = <A, Marker>(
    page: (objects: StoredObjects, after: Marker | undefined) => Effect.Effect<ListedPage<A, Marker>, UploadError>,
    signal: AbortSignal | undefined
  ): AsyncIterable<A> => allPages((after: Marker | undefined) => asking((objects) => page(objects, after), signal))
  const readings = new Set<() => Promise<void>>()

  const methods: Methods = {
    head: async (key, { signal, versionId } = {}) =>
      withoutToken(await asking(({ head }) => head({ key, versionId }), signal)),
    read: async ({ onProgress, signal, ...request }) => {
      const { bytes, close, head, proof, size, wholeSize } = await asking(
        ({ read }) => read(request, { onProgress }),
        signal
      )
      const end = (): Promise<void> => {
        readings.delete(end)
        return close()
      }
      readings.add(end)
      const stream = webStream(bytes, end, signal)
      return { head: withoutToken(head), size, wholeSize, proof, stream, [Symbol.asyncDispose]: end }
    },
    download: ({ onProgress, signal, ...request }) =>
      asking(({ download }) => download(request, { onProgress }), signal),
    source: ({ signal, ...request }) => asking(({ source }) => source(request), signal),
    copy: async ({ from: { sluice: other, ...from }, onProgress, signal, ...request }) => {
      const elsewhere = other && objectsOf.get(other)
      if (other !== undefined && elsewhere === undefined) {
        throw invalidRequest("from.sluice is none that createSluice made")
      }
      const there = elsewhere === undefined ? {} : { in: await elsewhere() }
      return asking(
        ({ copy }) =>
          copy({ ...request, from: { ...from, ...there } }, { onProgress, cancelled: () => signal?.aborted === true }),
        signal
      )
    },
    versions: (key, { signal } = {}) =>
      paged(({ versionsPage }, after: VersionsMarker | undefined) => versionsPage(key, after), signal),
    restore: (key, versionId, { onProgress, signal, ...request } = {}) =>
      asking(({ restore }) => restore({ ...request, key, versionId }, { onProgress }), signal),
    get: async (key, { signal, ...request } = {}) => {
      const content = Effect.gen(function* () {
        const { getObject } = yield* ObjectStore
        const engine = yield* Effect.fromResult(engineOptions(options))
        return yield* guardedCall(engine, "GetObject", getObject({ ...request, key }))
      })
      return withoutToken(await run(content, signal))
    },
    verify: async ({ body, signal, ...request }) => {
      const source = from(body)
      if (isUploadError(source)) throw source
      // Loaded where it is needed: most programs only upload.
      const { verify } = await import("../Verification.ts")
      return run(verify({ ...request, source }, options), signal)
    },
    remove: (key, { signal, versionId } = {}) => asking(({ remove }) => remove({ key, versionId }), signal),
    list: ({ prefix, signal } = {}) =>
      paged(({ objectsPage }, after: string | undefined) => objectsPage({ prefix }, after), signal),
    openUploads: ({ prefix, signal } = {}) =>
      paged(({ uploadsPage }, after: UploadsMarker | undefined) => uploadsPage({ prefix }, after), signal)
  }
  return {
    methods,
    objects,
    close: async () => {
      await Promise.all([...readings].map((close) => close()))
    }
  }
}
