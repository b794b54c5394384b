/**
 * Shows an upload while it runs, and says what became of it.
 *
 * @module
 */
import type { StoredObject, Upload, UploadEvent } from "@sluice/core/promise"
import { exitCode, type World } from "./Command.ts"
import { explain } from "./explain.ts"
import { progressLine, storedLine } from "./progress-line.ts"

export interface Shown {
  /** In front of the progress. */
  readonly name: string
  /** Print events instead of words. */
  readonly json: boolean
  /** The command line that goes on with the upload, if it is kept. */
  readonly resumeLine: (sessionId: string) => string
}

export type Outcome = { readonly stored: StoredObject } | { readonly error: unknown }

/** How it ended; never rejects. */
export const outcomeOf = (running: Upload): Promise<Outcome> =>
  running.done().then(
    (stored) => ({ stored }),
    (error: unknown) => ({ error })
  )

/** Until the upload has ended, whose last event is answered; none where it failed before it began. */
const show = async (running: Upload, { json, name }: Shown, world: World): Promise<UploadEvent | undefined> => {
  let last: UploadEvent | undefined
  for await (const event of running.events()) {
    if (json) world.out(JSON.stringify(event))
    else world.status?.((columns) => progressLine(name, running.progress(), columns))
    last = event
  }
  if (!json) world.status?.(() => "")
  return last
}

/** The session of an upload that was kept, by its last event. */
export const keptSession = (last: UploadEvent | undefined): string | undefined =>
  (last?._tag === "UploadFailed" || last?._tag === "UploadCancelled") && last.kept ? last.sessionId : undefined

/** Not by us: somebody asked for the session through the journal. */
const wasInterrupted = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError"

/** Answers with the exit code. Whoever interrupts the upload sees to it that `world.signal` is aborted. */
export const followUpload = async (running: Upload, shown: Shown, world: World): Promise<number> => {
  const started = performance.now()
  const [last, outcome] = await Promise.all([show(running, shown, world), outcomeOf(running)])
  if ("stored" in outcome) {
    if (!shown.json) world.out(storedLine(outcome.stored, (performance.now() - started) / 1000))
    return exitCode.done
  }
  const { aborted } = world.signal
  if (!aborted && wasInterrupted(outcome.error)) {
    world.err("sluice: another process took this upload over, or ended it (sluice cancel)")
    return exitCode.failed
  }
  if (!aborted) for (const line of explain(outcome.error)) world.err(line)
  const kept = keptSession(last)
  // The event has told it already.
  if (kept !== undefined && !shown.json) world.err(`sluice: kept; go on with: ${shown.resumeLine(kept)}`)
  return aborted ? exitCode.stopped : exitCode.failed
}
