/**
 * `sluice resume`: lists the uploads that were kept, and goes on with them.
 *
 * @module
 */
import { resolve } from "node:path"
import type { JournalApi } from "@sluice/core/Journal"
import { Source } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import { type Command, exitCode, type World } from "../Command.ts"
import { explain } from "../explain.ts"
import { followUpload } from "../follow-upload.ts"
import { isOpen, keptLine, keptUploads } from "../KeptUpload.ts"
import { openEngine, pluginsNamed } from "../open-engine.ts"
import { openJournal } from "../open-journal.ts"
import { printable } from "../progress-line.ts"
import { flags, type ResumeJob, readResumeJob } from "../ResumeJob.ts"
import { annotationsFor, noteOf } from "../ResumeNote.ts"
import { resumeLine } from "../resume-line.ts"
import { stdin } from "../Target.ts"
import { formatSize } from "../units.ts"

export const resume: Command = {
  name: "resume",
  takes: "[SESSION…]   |   SESSION FILE   |   SESSION -",
  summary: "Goes on with uploads that were kept; without a session, lists them.",
  details: [
    "What the store has is compared with the file, part by part, and not sent again. A file that changed",
    "is refused, and the upload stays as it is. A file that was moved is named behind the session; a pipe",
    "(-) must give the same bytes again, from the first on.",
    "",
    "The store is the one that the upload began with, unless a flag names another. An upload that fails",
    "again stays kept; sluice cancel ends it. A session's id lets whoever has it go on with the upload.",
    "(in use): a process works on it, or was killed less than half a minute ago.",
    "",
    "Exit codes: 0 stored, 1 failed, 2 not understood, 130 interrupted."
  ],
  flags,
  uploads: true,
  run: async (args, world) => {
    const job = readResumeJob(args, world.env)
    const journal = await openJournal(job.settings.journal.directory)
    if (job.sessionIds.length === 0) return list(journal, job, world)
    let code: number = exitCode.done
    for (const sessionId of job.sessionIds) {
      if (world.signal.aborted) return exitCode.stopped
      const ended = await resumeOne(journal, sessionId, job, world).catch((error: unknown) => {
        for (const line of explain(error)) world.err(line)
        return exitCode.failed
      })
      if (ended !== exitCode.done) code = ended
    }
    return code
  }
}

const list = async (journal: JournalApi, { json }: ResumeJob, { err, out }: World): Promise<number> => {
  const now = Date.now()
  const sessions = await Effect.runPromise(journal.listExpired(Number.POSITIVE_INFINITY))
  const kept = await Effect.runPromise(keptUploads(journal, sessions, now))
  for (const upload of kept) out(json ? JSON.stringify(upload) : keptLine(upload, now))
  if (kept.length === 0 && !json) out("no upload is kept")
  const ended = sessions.filter((session) => !isOpen(session)).length
  if (ended > 0 && !json) err(`sluice: ${ended} more ended and left something behind; clean up with: sluice sweep`)
  return exitCode.done
}

const foresee = async (journal: JournalApi, sessionId: string, file: string, { out }: World): Promise<number> => {
  const session = await Effect.runPromise(journal.get(sessionId))
  const [kept] = await Effect.runPromise(keptUploads(journal, [session], Date.now()))
  if (kept === undefined) throw new Error("it has ended; what is left of it is sluice sweep's to clean up")
  const { size, stored, uri } = kept
  const rest = size === undefined ? "the rest" : formatSize(size - stored)
  out(`${uri}  ${rest} would be sent from ${printable(file)}, ${formatSize(stored)} is stored`)
  return exitCode.done
}

const resumeOne = async (
  journal: JournalApi,
  sessionId: string,
  { dryRun, file: named, json, settings }: ResumeJob,
  world: World
): Promise<number> => {
  const { bucket, key, ...session } = await Effect.runPromise(journal.get(sessionId))
  const note = noteOf(session)
  const file = named === undefined || named === stdin ? (named ?? note?.file) : resolve(named)
  if (file === undefined || (file === stdin && named !== stdin)) {
    throw new Error(
      `which bytes s3://${bucket}/${key} began with is not known; name their file: sluice resume SESSION FILE (or - for a pipe)`
    )
  }
  if (dryRun) return foresee(journal, sessionId, file, world)
  const place = settings.placeOf(note)
  const plugins = await pluginsNamed(session.plugins, place)
  await using sluice = openEngine({ ...settings, bucket, place, journal, plugins }, world)
  const running = sluice.resume(sessionId, {
    body: file === stdin ? Source.stdin() : Source.file(file),
    annotations: annotationsFor(file)
  })
  const shown = { name: file === stdin ? key : file, json, resumeLine: resumeLine(file, settings.journal) }
  return await followUpload(running, shown, world)
}
