/**
 * `sluice sweep`: ends what nobody came back for.
 *
 * @module
 */
import { Janitor, type SweepOutcome, type SweepReport } from "@sluice/core/Janitor"
import { Journal, type JournalApi } from "@sluice/core/Journal"
import { type Session, s3 } from "@sluice/core/promise"
import { StoreDefaults } from "@sluice/core/s3/S3Options"
import type { UploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Command, exitCode, type World } from "../Command.ts"
import { isOpen } from "../KeptUpload.ts"
import { openJournal } from "../open-journal.ts"
import type { Settings } from "../Settings.ts"
import { flags, readSweepJob, type Shelf, shelvesOf } from "../SweepJob.ts"
import { sweepWholeBucket } from "../sweep-whole-bucket.ts"
import { formatSeconds } from "../units.ts"

export const sweep: Command = {
  name: "sweep",
  takes: "[--all s3://BUCKET]",
  summary: "Ends the kept uploads that nobody came back for, and what was left of others.",
  details: [
    "Only what the journal names is ended, and an upload that a process works on is left alone. An upload",
    "whose last answer was lost is looked up first: if its object stands, it is complete.",
    "",
    "With --all it looks at every open multipart upload of the bucket, whoever began it, and prints the old ones;",
    "with --yes it ends them too. Ages are told by the store's clock. What an open session of the journal needs",
    "is spared, and so is what is younger than --older-than: other journals are not known here.",
    "",
    "Exit codes: 0 swept, 1 something is left (the next sweep tries again), 2 not understood, 130 interrupted."
  ],
  flags,
  uploads: true,
  run: async (args, world) => {
    const job = readSweepJob(args, world.env)
    const { dryRun, olderThanMs, settings } = job
    const journal = await openJournal(settings.journal.directory)
    if (job.all) return sweepWholeBucket(journal, job, world)
    const sessions = await Effect.runPromise(journal.listExpired(Number.POSITIVE_INFINITY))
    if (dryRun) return foresee(journal, sessions, olderThanMs, world)
    let code: number = exitCode.done
    if (sessions.length === 0) world.err("sluice: the journal names no upload")
    for (const shelf of shelvesOf(sessions, settings)) {
      const swept = sweepShelf(journal, shelf, settings, olderThanMs)
      const report = await Effect.runPromise(swept, { signal: world.signal }).catch((error: unknown) => {
        if (world.signal.aborted) return undefined
        throw error
      })
      if (report === undefined) return exitCode.stopped
      if (tell(report, shelf, world)) code = exitCode.failed
    }
    return code
  }
}

const sweepShelf = (
  journal: JournalApi,
  { bucket, place, sessionIds }: Shelf,
  { bandwidth, engine }: Settings,
  olderThanMs: number
): Effect.Effect<SweepReport, UploadError> => {
  const own = (sessions: ReadonlyArray<Session>) => sessions.filter(({ sessionId }) => sessionIds.has(sessionId))
  const view: JournalApi = { ...journal, listExpired: (before) => Effect.map(journal.listExpired(before), own) }
  const store = Layer.provide(s3({ ...place, bucket, bandwidth }), Layer.succeed(StoreDefaults, engine))
  const janitor = Layer.provide(Janitor.layer(engine), Layer.merge(store, Layer.succeed(Journal, view)))
  return Effect.provide(
    Effect.flatMap(Janitor, ({ sweep }) => sweep({ olderThanMs })),
    janitor
  )
}

const words: Readonly<Record<SweepOutcome, string>> = {
  abandoned: "ended, nothing is left of it",
  completed: "was complete",
  lost: "is lost: neither its parts nor its object are there",
  cleaned: "cleaned up, nothing is left of it",
  delivered: "its news are delivered",
  owed: "its news are still owed to a plugin that is not here",
  left: "could not be ended; the next sweep tries again",
  busy: "in use"
}

/** Whether something is left that should not be. */
const tell = ({ elsewhere, sessions }: SweepReport, { bucket }: Shelf, { err, out }: World): boolean => {
  if (elsewhere) err("sluice: another process sweeps this journal at the moment")
  for (const { error, key, outcome } of sessions) {
    const line = `s3://${bucket}/${key}  ${words[outcome]}`
    if (outcome !== "left") out(line)
    else err(`sluice: ${line}${error === undefined ? "" : `: ${error.message}`}`)
  }
  return sessions.some(({ outcome }) => outcome === "left")
}

const foresee = async (
  journal: JournalApi,
  sessions: ReadonlyArray<Session>,
  olderThanMs: number,
  { err, out }: World
): Promise<number> => {
  const now = Date.now()
  const old = await Effect.runPromise(journal.listExpired(now - olderThanMs))
  const abandoned = new Set(old.map(({ sessionId }) => sessionId))
  let found = 0
  for (const session of sessions) {
    const { bucket, key, sessionId, updatedAt } = session
    const open = isOpen(session)
    if (open && !abandoned.has(sessionId)) continue
    found++
    const age = formatSeconds(Math.max(0, now - updatedAt) / 1000)
    out(`s3://${bucket}/${key}  would be ${open ? "ended" : "cleaned up"}; last change ${age} ago`)
  }
  if (found === 0) err("sluice: dry run: nothing would be ended")
  return exitCode.done
}
