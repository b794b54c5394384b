/**
 * What happened to an upload: one closed union, in order, for progress, plugins and logs.
 *
 * @module
 */
import type { StoredObject } from "./StoredObject.ts"
import type { UploadError } from "./UploadError.ts"

interface Base {
  readonly sessionId: string
  readonly bucket: string
  readonly key: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

export type UploadEvent =
  /** The plan is journalled; the first byte is about to leave. */
  | (Base & {
      readonly _tag: "UploadStarted"
      readonly mode: "single" | "multipart"
      /** Bytes of the source, when known. */
      readonly size: number | undefined
      readonly partSize: number
      readonly uploadId: string | undefined
    })
  /** Bytes were accepted by a socket; sent at most every 100 ms. Not stored yet: a retry takes them back. */
  | (Base & { readonly _tag: "BytesSent"; readonly sent: number; readonly stored: number })
  /** The store has the part. */
  | (Base & {
      readonly _tag: "PartStored"
      readonly partNumber: number
      readonly offset: number
      readonly size: number
      readonly attempts: number
    })
  /** The store has the part from an earlier run, and it equals the source's: it is not sent again. */
  | (Base & {
      readonly _tag: "PartVerified"
      readonly partNumber: number
      readonly offset: number
      readonly size: number
    })
  /** An attempt failed and another follows after `delayMs`. */
  | (Base & {
      readonly _tag: "Retrying"
      readonly operation: string
      readonly partNumber: number | undefined
      readonly attempt: number
      readonly delayMs: number
      readonly error: UploadError
    })
  /** All parts are stored; Complete is about to be sent. */
  | (Base & { readonly _tag: "Completing" })
  | (Base & { readonly _tag: "UploadCompleted"; readonly object: StoredObject })
  /** The upload failed; `kept` says whether it can be resumed. */
  | (Base & { readonly _tag: "UploadFailed"; readonly error: UploadError; readonly kept: boolean })
  /** The upload was cancelled or interrupted and nothing of it is left, or it was kept for resume. */
  | (Base & { readonly _tag: "UploadCancelled"; readonly kept: boolean })

/** The name of an event. */
export type UploadEventTag = UploadEvent["_tag"]

/** True for the events after which none follows. */
export const isTerminal = (event: UploadEvent): boolean =>
  event._tag === "UploadCompleted" || event._tag === "UploadFailed" || event._tag === "UploadCancelled"
