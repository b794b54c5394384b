/**
 * The uploads that a journal keeps, as `sluice resume` lists them.
 *
 * @module
 */
import type { JournalApi } from "@sluice/core/Journal"
import type { Session } from "@sluice/core/promise"
import type { UploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import { printable } from "./progress-line.ts"
import { noteOf } from "./ResumeNote.ts"
import { stdin } from "./Target.ts"
import { formatSeconds, formatSize } from "./units.ts"

export interface KeptUpload {
  readonly sessionId: string
  readonly uri: string
  /** Bytes, when known. */
  readonly size: number | undefined
  /** Bytes of the source that the store has. */
  readonly stored: number
  /** Milliseconds since the epoch. */
  readonly begunAt: number
  /** A process works on it, or was killed in the last half minute. */
  readonly held: boolean
  /** `-`: standard input. Undefined: the command line did not begin it. */
  readonly file: string | undefined
}

/** Whether it can be resumed. What is not open has ended, and something of it is left. */
export const isOpen = ({ state }: Session): boolean =>
  state === "created" || state === "uploading" || state === "completing"

const storedOf = Effect.fnUntraced(function* (
  journal: JournalApi,
  sessionId: string
): Effect.fn.Return<number, UploadError> {
  let stored = 0
  let after = 0
  while (true) {
    const page = yield* journal.receipts(sessionId, { after })
    const last = page.at(-1)
    if (last === undefined) return stored
    after = last.partNumber
    stored += page.reduce((sum, { source }) => sum + source.size, 0)
  }
})

/** Those of a journal's sessions that can be resumed, newest first. */
export const keptUploads = Effect.fnUntraced(function* (
  journal: JournalApi,
  sessions: ReadonlyArray<Session>,
  now: number
): Effect.fn.Return<ReadonlyArray<KeptUpload>, UploadError> {
  const idle = new Set((yield* journal.listExpired(now)).map(({ sessionId }) => sessionId))
  const kept = yield* Effect.forEach(sessions.filter(isOpen), (session) => {
    const { bucket, createdAt, key, sessionId, size } = session
    return storedOf(journal, sessionId).pipe(
      Effect.map(
        (stored): ReadonlyArray<KeptUpload> => [
          {
            sessionId,
            uri: `s3://${bucket}/${key}`,
            size,
            stored,
            begunAt: createdAt,
            held: !idle.has(sessionId),
            file: noteOf(session)?.file
          }
        ]
      ),
      // It ended while we looked.
      Effect.catchReason("UploadError", "SessionNotFound", () => Effect.succeed([]))
    )
  })
  return kept.flat().sort((a, b) => b.begunAt - a.begunAt)
})

/** One line: id, how much is stored, age, where to, from where. Pure. */
export const keptLine = ({ begunAt, file, held, sessionId, size, stored, uri }: KeptUpload, now: number): string =>
  [
    sessionId,
    size === undefined ? formatSize(stored) : `${formatSize(stored)} of ${formatSize(size)}`,
    `${formatSeconds(Math.max(0, now - begunAt) / 1000)} ago`,
    uri,
    file === undefined ? "(name the file)" : file === stdin ? "(standard input: pipe the same bytes in)" : file,
    ...(held ? ["(in use)"] : [])
  ]
    .map(printable)
    .join("  ")
