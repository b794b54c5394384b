import * as Journal from "@sluice/core/Journal"
import * as Source from "@sluice/core/Source"
import { Uploader } from "@sluice/core/Uploader"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { describe, expect, it } from "vitest"
import { pattern, sha256 } from "../engine/bytes.ts"
import { openRequests } from "../engine/connections.ts"
import { abortBehindItsBack, download, type EmbeddedTarget, onEmbedded } from "../engine/target.ts"
import { freshKey, quick } from "../engine/trial.ts"
import { type OnStep, steppingJournal, steppingStore } from "./stepping.ts"

const bytes = pattern(1_000)
const modes = { "in parts": "always", "as one PUT": "never" } as const
type Mode = (typeof modes)[keyof typeof modes]

interface Life {
  readonly key: string
  readonly exit: Exit.Exit<unknown, unknown>
  readonly steps: ReadonlyArray<string>
  readonly journal: Journal.JournalApi
}

const sessions = ({ journal }: Life) => Effect.runPromise(journal.listExpired(Number.POSITIVE_INFINITY))

/** Runs one upload, which is interrupted when it takes step number `at`. */
const live = async (target: EmbeddedTarget, multipart: Mode, durable: boolean, at?: string): Promise<Life> => {
  const key = freshKey("interrupted")
  const steps: Array<string> = []
  const journal = { ...(await Effect.runPromise(Journal.makeMemory)), durable }
  let interrupt = (): void => undefined
  const onStep: OnStep = (label) =>
    Effect.suspend(() => {
      steps.push(label)
      if (label === at) interrupt()
      return Effect.yieldNow
    })
  const layer = Uploader.layer(quick).pipe(
    Layer.provide([steppingStore(target.store, onStep), steppingJournal(journal, onStep)])
  )
  const exit = await Effect.runPromise(
    Effect.gen(function* () {
      const uploader = yield* Uploader
      const fiber = yield* Effect.forkChild(uploader.upload({ key, multipart, source: Source.fromBytes(bytes) }))
      interrupt = () => fiber.interruptUnsafe()
      return yield* Fiber.await(fiber)
    }).pipe(Effect.provide(layer))
  )
  expect(openRequests(target.store.endpoint)).toEqual([])
  return { key, exit, steps, journal }
}

const digest = async (target: EmbeddedTarget, key: string): Promise<string> => {
  const object = await download(target, key)
  return object === undefined ? "absent" : sha256(object)
}

/** Resumes what was kept, or starts anew where nothing was. */
const resumed = async (target: EmbeddedTarget, { journal, key }: Life): Promise<void> => {
  const layer = Uploader.layer(quick).pipe(
    Layer.provide([steppingStore(target.store, () => Effect.void), Layer.succeed(Journal.Journal, journal)])
  )
  const source = Source.fromBytes(bytes)
  await Effect.runPromise(
    Uploader.use((uploader) =>
      uploader
        .resume({ key }, { source })
        .pipe(Effect.catchReason("UploadError", "SessionNotFound", () => uploader.upload({ key, source })))
    ).pipe(Effect.provide(layer))
  )
  expect(await digest(target, key)).toBe(sha256(bytes))
}

/** Interrupts an upload at one step, and says what does not hold then. */
const problemsAfter = async (
  target: EmbeddedTarget,
  mode: Mode,
  durable: boolean,
  at: string
): Promise<ReadonlyArray<string>> => {
  const life = await live(target, mode, durable, at)
  const { exit, key } = life
  const left = await sessions(life)
  const open = target.open(key)
  const object = await digest(target, key)
  const done = Exit.isSuccess(exit)
  const problems = [
    !done && !Exit.hasInterrupts(exit) && `it failed: ${exit}`,
    object !== sha256(bytes) && (done || object !== "absent") && "the object is not the source",
    (done || !durable) && open > 0 && "a multipart upload is left in the store",
    (done || !durable) && left.length > 0 && "a session is left in the journal",
    open > left.length && "a multipart upload is left that no session names"
  ].filter((problem) => problem !== false)
  if (!done && durable) {
    await resumed(target, life)
    if ((await sessions(life)).length > 0) problems.push("a session is left after the resumed upload")
  }
  if (target.open(key) > 0) await abortBehindItsBack(target, key)
  return problems.map((problem) => `interrupted ${at}: ${problem}`)
}

onEmbedded("an upload that is interrupted at each of its steps", (target) => {
  const problemsAt = async (mode: Mode, durable: boolean) => {
    const whole = await live(target(), mode, durable)
    expect(Exit.isSuccess(whole.exit)).toBe(true)
    expect(whole.steps.length).toBeGreaterThan(10)
    const problems: Array<string> = []
    for (const step of whole.steps) problems.push(...(await problemsAfter(target(), mode, durable, step)))
    return problems
  }
  describe.each(Object.entries(modes))("%s", (_, mode) => {
    it("leaves nothing, in store and journal, where it is to be aborted [row 48]", async () => {
      expect(await problemsAt(mode, false)).toEqual([])
      await target().assertNothingLeft()
    })

    it("is kept, or leaves nothing, where it may be resumed; then holds the source's bytes [row 48]", async () => {
      expect(await problemsAt(mode, true)).toEqual([])
      await target().assertNothingLeft()
    })
  })
})
