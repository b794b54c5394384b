/**
 * `sluice cancel`: ends kept uploads for good.
 *
 * @module
 */
import { parseArgs } from "node:util"
import type { JournalApi } from "@sluice/core/Journal"
import * as Effect from "effect/Effect"
import { type Command, exitCode, type Flags, UsageError, type World } from "../Command.ts"
import { explain } from "../explain.ts"
import { keptUploads } from "../KeptUpload.ts"
import { openEngine } from "../open-engine.ts"
import { openJournal } from "../open-journal.ts"
import { Problems } from "../Problems.ts"
import { readSessionIds } from "../ResumeJob.ts"
import { noteOf } from "../ResumeNote.ts"
import { placeFlags, readSettings, type Settings } from "../Settings.ts"
import { formatSize } from "../units.ts"

const flags = {
  "dry-run": { type: "boolean", help: "print what would be ended, and end nothing" },
  ...placeFlags
} as const satisfies Flags

export const cancel: Command = {
  name: "cancel",
  takes: "SESSION…",
  summary: "Ends kept uploads for good, wherever they run, and shows that the store has nothing left of them.",
  details: [
    "Where another process works on one, it is asked to let go, which takes it some seconds.",
    "An object that stands already stays.",
    "",
    "Exit codes: 0 ended, 1 failed, 2 not understood, 130 interrupted."
  ],
  flags,
  uploads: true,
  run: async (args, world) => {
    const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
    const problems = new Problems()
    if (positionals.length === 0) problems.add("session", "missing; sluice resume lists them")
    const sessionIds = readSessionIds(positionals, problems)
    const settings = readSettings(values, world.env, problems)
    if (problems.lines.length > 0) throw new UsageError(problems.lines)
    const journal = await openJournal(settings.journal.directory)
    let code: number = exitCode.done
    for (const sessionId of sessionIds) {
      try {
        if (values["dry-run"] === true) world.out(await foresee(journal, sessionId))
        else world.out(`${await cancelOne(journal, sessionId, settings, world)}  ended, nothing is left of it`)
      } catch (error) {
        if (world.signal.aborted) return exitCode.stopped
        for (const line of explain(error)) world.err(line)
        code = exitCode.failed
      }
    }
    return code
  }
}

const foresee = async (journal: JournalApi, sessionId: string): Promise<string> => {
  const session = await Effect.runPromise(journal.get(sessionId))
  const [kept] = await Effect.runPromise(keptUploads(journal, [session], Date.now()))
  const { bucket, key } = session
  const size = kept === undefined ? "" : `, ${formatSize(kept.stored)} of it stored`
  return `s3://${bucket}/${key}  would be ended${size}`
}

/** Answers with the upload's URI when nothing of it is left. */
const cancelOne = async (journal: JournalApi, sessionId: string, settings: Settings, world: World): Promise<string> => {
  const session = await Effect.runPromise(journal.get(sessionId))
  const { bucket, key } = session
  const place = settings.placeOf(noteOf(session))
  await using sluice = openEngine({ ...settings, bucket, place, journal }, world)
  await sluice.cancel(sessionId)
  if (await isNamed(journal, sessionId)) {
    throw new Error(
      `the store did not show that s3://${bucket}/${key} is ended; the journal still names it, cancel it again`
    )
  }
  return `s3://${bucket}/${key}`
}

/** The journal forgets an upload when the store has shown that it is gone. */
const isNamed = (journal: JournalApi, sessionId: string): Promise<boolean> =>
  Effect.runPromise(
    Effect.as(journal.get(sessionId), true).pipe(
      Effect.catchReason("UploadError", "SessionNotFound", () => Effect.succeed(false))
    )
  )
