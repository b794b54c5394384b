/**
 * An object copied: by the store among its own where it can, else read and uploaded.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { ObjectHead, ObjectStoreApi } from "../ObjectStore.ts"
import type { CopiedObject, CopyRequest, ObjectName } from "../Objects.ts"
import { metadataToken } from "../Session.ts"
import type { Source } from "../Source.ts"
import type { UploadError } from "../UploadError.ts"
import type { UploadControl } from "../Uploader.ts"
import { metadataPlugins } from "./made-by.ts"
import type { Uploads } from "./make-uploads.ts"

/** What a copy is made with. */
export interface CopyEngine {
  readonly store: ObjectStoreApi
  readonly head: (name: ObjectName) => Effect.Effect<ObjectHead, UploadError>
  readonly source: (name: ObjectName) => Effect.Effect<Source, UploadError>
  readonly upload: Uploads["upload"]
}

/** Metadata that tells of the source's own upload. */
const ownMarks: ReadonlySet<string> = new Set([metadataToken, metadataPlugins])

/** What is kept of the source's attributes. */
const attributesOf = ({ metadata, ...head }: ObjectHead) => ({
  contentType: head.contentType,
  cacheControl: head.cacheControl,
  contentDisposition: head.contentDisposition,
  contentEncoding: head.contentEncoding,
  contentLanguage: head.contentLanguage,
  metadata: Object.fromEntries(Object.entries(metadata ?? {}).filter(([name]) => !ownMarks.has(name)))
})

/** See `Objects.copy`. */
export const copyObject = Effect.fnUntraced(function* (
  engine: CopyEngine,
  { from, to, ...options }: CopyRequest,
  control: UploadControl = {}
): Effect.fn.Return<CopiedObject, UploadError> {
  const { in: elsewhere, ...name } = from
  const head = yield* (elsewhere ?? engine).head(name)
  const source = yield* (elsewhere ?? engine).source(name)
  const stored = yield* engine.upload({ ...options, ...attributesOf(head), ...to, source }, control)
  return { ...stored, by: "transfer" }
})
