/**
 * The end of an upload, kept as long as somebody is owed the news, and told again from what was kept.
 *
 * @module
 */
import type { Session, SessionNews } from "../Session.ts"
import { type Reason, type UploadError, uploadError } from "../UploadError.ts"
import type { UploadEvent } from "../UploadEvent.ts"

/** A reason that JSON can hold. */
const withoutCause = (reason: Reason): Reason => {
  switch (reason._tag) {
    case "SourceFailed":
    case "JournalFailed":
      return { _tag: reason._tag, message: reason.message }
    case "PluginFailed":
      return { ...reason, cause: reason.cause instanceof Error ? reason.cause.message : String(reason.cause) }
    default:
      return reason
  }
}

/** What of a failure is kept. */
export const failureNews = ({ reason }: UploadError): SessionNews => ({ _tag: "Failed", reason: withoutCause(reason) })

/** What must be kept of an event, so that `endEvent` can tell it again. */
export const newsOf = (event: UploadEvent): SessionNews | undefined => {
  switch (event._tag) {
    case "UploadCompleted":
      return { _tag: "Completed", object: event.object }
    case "UploadFailed":
      return failureNews(event.error)
    default:
      return undefined
  }
}

/** The event of a session's end, or undefined while it has not ended, or where its news were not kept. */
export const endEvent = ({ news, ...session }: Session): UploadEvent | undefined => {
  const { bucket, key, sessionId, state, updatedAt } = session
  const base = { sessionId, bucket, key, at: updatedAt }
  if (state === "cancelled") return { ...base, _tag: "UploadCancelled", kept: false }
  if (state === "completed" && news?._tag === "Completed") {
    return { ...base, _tag: "UploadCompleted", object: news.object }
  }
  if (state === "failed" && news?._tag === "Failed") {
    const error = uploadError(news.reason, { sessionId, bucket, key })
    return { ...base, _tag: "UploadFailed", error, kept: false }
  }
  return undefined
}
