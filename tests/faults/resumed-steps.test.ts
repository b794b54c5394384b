/** An upload whose first run was interrupted, and each step of whose second run fails or is the last (docs/reliability.md). */
import * as Journal from "@sluice/core/Journal"
import * as Source from "@sluice/core/Source"
import { type UploadError, uploadError } from "@sluice/core/UploadError"
import { Uploader } from "@sluice/core/Uploader"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { describe, expect, it } from "vitest"
import { pattern, sha256 } from "../engine/bytes.ts"
import { openRequests } from "../engine/connections.ts"
import { abortBehindItsBack, download, type EmbeddedTarget, onEmbedded } from "../engine/target.ts"
import { freshKey, quick } from "../engine/trial.ts"
import { type OnStep, steppingJournal, steppingStore } from "./stepping.ts"

const bytes = pattern(1_000)

const trouble: Readonly<Record<string, "interrupt" | UploadError>> = {
  "is the last": "interrupt",
  "is refused": uploadError({ _tag: "AccessDenied", message: "not allowed" }),
  "fails in passing, or its answer is lost": uploadError({ _tag: "Unavailable", message: "the connection broke" })
}

interface Upload {
  readonly key: string
  readonly journal: Journal.JournalApi
}

/** One run: new where the journal has none of the key, else resumed. At one step, something happens, once. */
const run = async (
  target: EmbeddedTarget,
  { journal, key }: Upload,
  at = "",
  what: "interrupt" | UploadError = "interrupt",
  onFailure: "auto" | "abort" = "auto"
): Promise<{ readonly exit: Exit.Exit<unknown, UploadError>; readonly steps: ReadonlyArray<string> }> => {
  const steps: Array<string> = []
  let interrupt = (): void => undefined
  const onStep: OnStep<UploadError> = (label) =>
    Effect.suspend(() => {
      const hit = label === at && !steps.includes(label)
      steps.push(label)
      if (!hit) return Effect.yieldNow
      if (what !== "interrupt") return Effect.fail(what)
      interrupt()
      return Effect.yieldNow
    })
  const layer = Uploader.layer({ ...quick, onFailure }).pipe(
    Layer.provide([steppingStore(target.store, onStep), steppingJournal(journal, onStep)])
  )
  const source = Source.fromBytes(bytes)
  const exit = await Effect.runPromise(
    Effect.gen(function* () {
      const uploader = yield* Uploader
      const known = (yield* journal.listByKey(target.bucket, key)).length > 0
      const work = known ? uploader.resume({ key }, { source }) : uploader.upload({ key, source, multipart: "always" })
      const fiber = yield* Effect.forkChild(work)
      interrupt = () => fiber.interruptUnsafe()
      return yield* Fiber.await(fiber)
    }).pipe(Effect.provide(layer), Effect.provide(Logger.layer([])))
  )
  expect(openRequests(target.store.endpoint)).toEqual([])
  return { exit, steps }
}

const sessionsOf = ({ journal }: Upload) => Effect.runPromise(journal.listExpired(Number.POSITIVE_INFINITY))

onEmbedded("a second run, each of whose steps", (target) => {
  const begun = async (first: string): Promise<Upload> => {
    const journal = { ...(await Effect.runPromise(Journal.makeMemory)), durable: true }
    const upload = { key: freshKey("second"), journal }
    await run(target(), upload, first)
    expect(await sessionsOf(upload)).toHaveLength(1)
    return upload
  }

  describe.each([
    "after journal create",
    "after journal receipt 1",
    "after journal completing",
    "after CompleteMultipartUpload"
  ])("of an upload that was interrupted %s", (first) => {
    it.each(Object.entries(trouble))("%s: what stands in the end is the source [row 48]", async (_, what) => {
      const { steps } = await run(target(), await begun(first))
      const problems: Array<string> = []
      for (const step of new Set(steps)) {
        // A journal does not refuse, and a lease that nobody heard of must run out.
        if (what !== "interrupt" && step.includes(" journal ")) continue
        const upload = await begun(first)
        const second = await run(target(), upload, step, what)
        if (target().open(upload.key) > (await sessionsOf(upload)).length)
          problems.push(`${step}: an upload that no session names`)
        const third = Exit.isSuccess(second.exit) ? second : await run(target(), upload)
        const object = (await download(target(), upload.key)) ?? new Uint8Array()
        if (Exit.isFailure(third.exit)) problems.push(`${step}: ${second.exit}, and then ${third.exit}`)
        else if (sha256(object) !== sha256(bytes)) problems.push(`${step}: success without the object`)
        // What a Create that nobody heard of may have left is empty, and named for the Janitor.
        const suspects = (await sessionsOf(upload)).flatMap((session) => session.suspects)
        const open = target()
          .server.openUploads()
          .filter((one) => one.key === upload.key)
        if (open.some(({ parts, uploadId }) => parts.length > 0 || !suspects.includes(uploadId)))
          problems.push(`${step}: an upload is left`)
        if (suspects.length === 0 && (await sessionsOf(upload)).length > 0) problems.push(`${step}: a session is left`)
        if (open.length > 0) await abortBehindItsBack(target(), upload.key)
      }
      expect(problems).toEqual([])
      await target().assertNothingLeft()
    })
  })

  // A bug, until it is mended (run-multipart.ts, `work`): a resumed run whose earlier Complete may have been applied
  // aborts and forgets the upload by `onFailure: "abort"` when ListParts fails, though nobody has looked for the object.
  it("is refused a look at what its Complete made keeps the session, and aborts nothing", async () => {
    const upload = await begun("after CompleteMultipartUpload")
    const { exit, steps } = await run(target(), upload, "before ListParts", trouble["is refused"], "abort")
    expect(Exit.isFailure(exit)).toBe(true)
    expect(steps).not.toContain("before AbortMultipartUpload")
    expect(await sessionsOf(upload)).toHaveLength(1)
  })
})
