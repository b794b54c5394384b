import { AssertionError } from "node:assert"
import { setTimeout as delay } from "node:timers/promises"
import type { JournalEntry, RequestJournal } from "./RequestJournal.ts"
import type { OpenUpload } from "./S3Server.ts"
import type { HttpServer } from "./serve-http.ts"
import type { WatchedStore } from "./watch-store.ts"

/** Where leftovers can be. */
export interface Places {
  openUploads(): ReadonlyArray<OpenUpload>
  readonly journal: RequestJournal
  readonly http: HttpServer
  readonly store: WatchedStore
}

const pollMillis = 5

/** The end of a connection takes a moment to be seen, so that leftovers are looked at again until the time is over. */
export async function assertQuiescent(places: Places, withinMillis = 1_000): Promise<void> {
  for (const deadline = performance.now() + withinMillis; ; await delay(pollMillis)) {
    const left = leftovers(places)
    if (left.length === 0) return
    if (performance.now() >= deadline) throw new AssertionError({ message: `Left behind:\n- ${left.join("\n- ")}` })
  }
}

function leftovers({ openUploads, journal, http, store }: Places): ReadonlyArray<string> {
  const running = journal.running.map(nameOf)
  const unnamed = http.underWay() - running.length
  // Bytes under way belong to their requests.
  const quiet = running.length === 0 && unnamed <= 0
  return [
    ...openUploads().map(
      ({ bucket, key, uploadId, parts }) =>
        `upload ${uploadId} of s3://${bucket}/${key}: still open, with ${parts.length} parts`
    ),
    ...running,
    ...(unnamed > 0 ? [`${unnamed} requests that are not authenticated yet`] : []),
    ...(quiet ? store.leftovers() : [])
  ]
}

const nameOf = ({ op, bucket, key, partNumber, attempt }: JournalEntry): string =>
  `${op} of s3://${bucket}/${key}${partNumber === undefined ? "" : `, part ${partNumber}`}, attempt ${attempt}: under way`
