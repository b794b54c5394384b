/** Each step of an upload fails, before it was taken or after (docs/reliability.md). */
import { Janitor } from "@sluice/core/Janitor"
import * as Journal from "@sluice/core/Journal"
import * as Source from "@sluice/core/Source"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import { isUploadError, type UploadError, uploadError } from "@sluice/core/UploadError"
import { Uploader } from "@sluice/core/Uploader"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { describe, expect, it } from "vitest"
import { pattern, sha256 } from "../engine/bytes.ts"
import { download, type EmbeddedTarget, onEmbedded } from "../engine/target.ts"
import { freshKey, quick } from "../engine/trial.ts"
import { type OnStep, steppingJournal, steppingStore } from "./stepping.ts"

const bytes = pattern(1_000)
const modes = { "in parts": "always", "as one PUT": "never" } as const
type Mode = (typeof modes)[keyof typeof modes]

const refused = uploadError({ _tag: "AccessDenied", message: "not allowed" })
const away = uploadError({ _tag: "Unavailable", message: "the connection broke" })
const journalAway = uploadError({ _tag: "JournalFailed", message: "the journal is away" }, { retry: "temporary" })

/** A lease that was written though nobody heard of it: only its end lets the next one in. */
const leased = "after journal acquire"
/** What a step fails with: a permanent refusal before it; trouble that passes, before it or with its answer lost. */
const faults = {
  refused: (label: string) => (label.startsWith("before ") && !label.includes(" journal ") ? refused : undefined),
  away: (label: string) => (label.includes(" journal ") ? journalAway : away)
} as const
type Fault = (label: string) => UploadError | undefined

const quiet = Logger.layer([])

const live = async (target: EmbeddedTarget, multipart: Mode, durable: boolean, at: string, fault: Fault) => {
  const key = freshKey("step")
  const steps: Array<string> = []
  const journal = { ...(await Effect.runPromise(Journal.makeMemory)), durable }
  const onStep: OnStep<UploadError> = (label) =>
    Effect.suspend(() => {
      const first = !steps.includes(label)
      steps.push(label)
      const error = label === at && first ? fault(label) : undefined
      return error === undefined ? Effect.void : Effect.fail(error)
    })
  const layer = Uploader.layer(quick).pipe(
    Layer.provide([steppingStore(target.store, onStep), steppingJournal(journal, onStep)])
  )
  const upload = Uploader.use((uploader) => uploader.upload({ key, multipart, source: Source.fromBytes(bytes) }))
  const exit = await Effect.runPromiseExit(upload.pipe(Effect.provide(layer), Effect.provide(quiet)))
  return { key, steps, journal, exit }
}

/** A sweep of the journal, in a month. */
const sweep = (target: EmbeddedTarget, journal: Journal.JournalApi) =>
  Clock.clockWith((clock) => {
    const later = (): number => clock.currentTimeMillisUnsafe() + 30 * 86_400_000
    const month = { ...clock, currentTimeMillisUnsafe: later, currentTimeMillis: Effect.sync(later) }
    return Effect.flatMap(Janitor, (janitor) => janitor.sweep()).pipe(
      Effect.provideService(Clock.Clock, {
        ...month,
        currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        sleep: (duration) => clock.sleep(duration)
      })
    )
  }).pipe(
    Effect.provide(
      Janitor.layer(quick).pipe(
        Layer.provide([S3ObjectStore.layer(target.store), Layer.succeed(Journal.Journal, journal)])
      )
    ),
    Effect.provide(quiet),
    Effect.runPromise
  )

/** Lets one step fail, and says what does not hold then. */
const problemsAfter = async (target: EmbeddedTarget, mode: Mode, durable: boolean, at: string, fault: Fault) => {
  const { exit, journal, key } = await live(target, mode, durable, at, fault)
  const sessions = () => Effect.runPromise(journal.listExpired(Number.POSITIVE_INFINITY))
  const digest = async (): Promise<string> => sha256((await download(target, key)) ?? new Uint8Array())
  const named = (await sessions()).flatMap(({ suspects, uploadId }) => [
    ...suspects,
    ...(uploadId === undefined ? [] : [uploadId])
  ])
  const unnamed = target.server.openUploads().filter((open) => open.key === key && !named.includes(open.uploadId))
  const error = Exit.findErrorOption(exit)
  const unknown = error._tag === "Some" && isUploadError(error.value) && error.value.reason._tag === "CompletionUnknown"
  const whole = (await digest()) === sha256(bytes)
  const problems = [
    Exit.isFailure(exit) && error._tag === "None" && `no error with a reason: ${exit}`,
    Exit.isSuccess(exit) && !whole && "success without the object",
    Exit.isFailure(exit) && mode === "always" && whole && !unknown && `${exit} with the object`,
    unnamed.length > 0 && "an upload is left that no session names"
  ]
  if (durable && Exit.isFailure(exit) && at !== leased) {
    const layer = Uploader.layer(quick).pipe(
      Layer.provide([S3ObjectStore.layer(target.store), Layer.succeed(Journal.Journal, journal)])
    )
    const source = Source.fromBytes(bytes)
    const again = Uploader.use((uploader) =>
      uploader
        .resume({ key }, { source })
        .pipe(Effect.catchReason("UploadError", "SessionNotFound", () => uploader.upload({ key, source })))
    )
    const resumed = await Effect.runPromiseExit(again.pipe(Effect.provide(layer), Effect.provide(quiet)))
    problems.push(
      Exit.isFailure(resumed) && `not resumed: ${resumed}`,
      (await digest()) !== sha256(bytes) && "not stored"
    )
  }
  await sweep(target, journal)
  problems.push(
    (await sessions()).length > 0 && "a session is left after the sweep",
    target.open(key) > 0 && "an upload is left after the sweep"
  )
  return problems.filter((problem) => problem !== false).map((problem) => `${at}: ${problem}`)
}

onEmbedded("an upload each of whose steps fails once", (target) => {
  describe.each(Object.entries(modes))("%s", (_, mode) => {
    describe.each(Object.entries(faults))("%s", (_, fault) => {
      it.each([
        ["aborted", false],
        ["kept for resume", true]
      ])(
        "where it is to be %s, ends whole or not at all, and nothing is left that no sweep finds [row 48]",
        async (_, durable) => {
          const { steps } = await live(target(), mode, durable, "", fault)
          const problems: Array<string> = []
          for (const step of new Set(steps)) {
            if (fault(step) === undefined) continue
            problems.push(...(await problemsAfter(target(), mode, durable, step, fault)))
          }
          expect(problems).toEqual([])
        }
      )
    })
  })
})
