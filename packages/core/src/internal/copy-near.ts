/**
 * A copy among what one endpoint has, in the way that the store takes.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { ObjectAttributes, ObjectHead } from "../ObjectStore.ts"
import type { CopiedObject } from "../Objects.ts"
import { metadataToken } from "../Session.ts"
import type { ReasonTag, UploadError } from "../UploadError.ts"
import { type CopyVerbs, copyByStore, type StoreCopy } from "./copy-by-store.ts"

/** What is kept of the source's attributes, without the marks of its own upload. */
export const attributesOf = (
  { metadata = {}, ...head }: ObjectHead,
  isMark: (name: string) => boolean = (name) => name === metadataToken
): ObjectAttributes => ({
  contentType: head.contentType,
  cacheControl: head.cacheControl,
  contentDisposition: head.contentDisposition,
  contentEncoding: head.contentEncoding,
  contentLanguage: head.contentLanguage,
  metadata: Object.fromEntries(Object.entries(metadata).filter(([name]) => !isMark(name)))
})

/** Refusals of the store to copy are no refusals of the copy: reading and writing may be allowed. */
const refusals: ReadonlySet<ReasonTag> = new Set([
  "AccessDenied",
  "InvalidRequest",
  "NoSuchBucket",
  "UnknownStoreError"
])

/** Whether the store refused to copy. It may still let us read and write. */
export const isRefusal = ({ reason }: UploadError): boolean => refusals.has(reason._tag)

/** What is copied, where sizes may be left to the store. */
export type NearCopy = Pick<StoreCopy, "source" | "head" | "to" | "onCopied"> & {
  readonly partSize?: number | undefined
  readonly multipartThreshold?: number | undefined
}

/** Copies by the store alone. Fails with its refusal where it does not copy. */
export const copyNear = (
  engine: Pick<StoreCopy, "store" | "journal" | "options">,
  verbs: CopyVerbs,
  { head, multipartThreshold, onCopied, partSize, source, to }: NearCopy
): Effect.Effect<CopiedObject, UploadError> => {
  const { journal, options, store } = engine
  const limit = multipartThreshold ?? store.capabilities.limits.maxPutSize
  const copy = (checksummed: boolean) =>
    copyByStore(
      { store, journal, options, source, head, to, onCopied, partSize, multipartThreshold: limit, checksummed },
      verbs
    )
  // MinIO copies no part into an upload that has a checksum.
  return Effect.catchIf(copy(true), isRefusal, () => copy(false))
}
