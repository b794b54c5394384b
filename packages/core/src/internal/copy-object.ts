/**
 * An object copied: by the store among its own where it can, else read and uploaded.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { EngineOptions } from "../Defaults.ts"
import type { JournalApi } from "../Journal.ts"
import type { ObjectHead } from "../ObjectStore.ts"
import type { CopiedObject, CopyControl, CopyRequest, ObjectsApi } from "../Objects.ts"
import type { Plugin } from "../Plugin.ts"
import type { UploadError } from "../UploadError.ts"
import type { UploadEvent } from "../UploadEvent.ts"
import { attributesOf, copyNear, isRefusal } from "./copy-near.ts"
import { isOwnMetadata, madeBy, meantEncoding } from "./made-by.ts"
import type { Uploads } from "./make-uploads.ts"
import { makeReadProgress, type ReadProgressTeller } from "./read-progress.ts"

/** What a copy is made with. */
export interface CopyEngine<R> {
  readonly here: Pick<ObjectsApi, "head" | "source" | "store">
  readonly journal: JournalApi
  readonly options: EngineOptions
  readonly plugins: ReadonlyArray<Plugin<R>>
  readonly upload: Uploads["upload"]
}

/** Whether the stored bytes are those that the copy must have, and no plugin here wants to see them pass. */
const asTheyAre = <R>(
  plugins: ReadonlyArray<Plugin<R>>,
  head: ObjectHead,
  { in: elsewhere, raw }: CopyRequest["from"]
) => {
  const made = madeBy(head)
  // Two sides may have other keys under the same names.
  if (elsewhere !== undefined) return plugins.length === 0 && (raw === true || made.length === 0)
  return plugins.every(({ name, read }) => read !== undefined && made.includes(name))
}

/** Bytes that sockets took of an upload, as progress of the copy. */
const uploadedBytes = (progress: ReadProgressTeller) => {
  let sent = 0
  return (event: UploadEvent): void => {
    if (event._tag === "Retrying") progress.retried()
    if (event._tag !== "BytesSent" || event.sent <= sent) return
    progress.received(event.sent - sent)
    sent = event.sent
  }
}

/** See `Objects.copy`. */
export const copyObject = Effect.fnUntraced(function* <R>(
  { here, journal, options, plugins, upload }: CopyEngine<R>,
  { from, to, ...asked }: CopyRequest,
  { cancelled, onProgress }: CopyControl = {}
): Effect.fn.Return<CopiedObject, UploadError> {
  const { in: there = here, ...name } = from
  const { store } = here
  const progress = makeReadProgress(onProgress)
  const head = yield* there.head(name)
  progress.expect(head.size)

  const transfer = Effect.gen(function* () {
    const source = yield* there.source(name)
    // What plugins noted is of the stored bytes: the copy's own plugins note theirs.
    const attributes =
      from.raw === true
        ? attributesOf(head)
        : { ...attributesOf(head, isOwnMetadata), contentEncoding: meantEncoding(head) }
    const stored = yield* upload(
      { ...asked, ...attributes, ...to, source },
      { cancelled, onEvent: uploadedBytes(progress) }
    )
    const { bucket, etag, key, proof, size, uri, versionId } = stored
    return { bucket, key, uri, size, etag, versionId, proof, by: "transfer" as const }
  })
  const done = Effect.tap(transfer, Effect.sync(progress.ended))

  const { copyObject, uploadPartCopy } = store
  const near = store.endpoint !== undefined && store.endpoint === there.store.endpoint
  if (copyObject === undefined || uploadPartCopy === undefined || !near || !asTheyAre(plugins, head, from)) {
    return yield* done
  }
  const { bucket, folder = "" } = there.store
  const source = { bucket, key: folder + name.key, versionId: name.versionId, ifMatch: head.etag }
  return yield* copyNear(
    { store, journal, options },
    { copyObject, uploadPartCopy },
    {
      ...asked,
      source,
      head,
      to: { ...attributesOf(head), ...to },
      onCopied: progress.received
    }
  ).pipe(
    Effect.tap(Effect.sync(progress.ended)),
    Effect.catchIf(isRefusal, () => done)
  )
})
