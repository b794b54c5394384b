/**
 * One run of an upload in a process of its own, which dies by SIGKILL at a labelled step.
 *
 * A step is a call to the store or a write of the journal, before or after: between two of them nothing changes
 * that anybody could see. Each is printed before it is taken; what was printed last is where the process died.
 *
 * Run by `node`; the work is the JSON in its first argument.
 */
import { writeSync } from "node:fs"
import * as FileJournal from "@sluice/core/FileJournal"
import * as Journal from "@sluice/core/Journal"
import * as ObjectStore from "@sluice/core/ObjectStore"
import * as Source from "@sluice/core/Source"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import { Uploader } from "@sluice/core/Uploader"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Work } from "./work.ts"

const work: Work = JSON.parse(process.argv[2] ?? "{}")
const say = (line: string): void => void writeSync(1, `${line}\n`)

const die = (afterMs: number): void => {
  if (afterMs === 0) process.kill(process.pid, "SIGKILL")
  else setTimeout(() => process.kill(process.pid, "SIGKILL"), afterMs).unref()
}

let taken = 0
/** Takes one step, and dies there if it is the one. */
const step = (label: string): Effect.Effect<void> =>
  Effect.sync(() => {
    say(`step ${label}`)
    if (++taken === work.killAt) die(work.killAfterMs ?? 0)
  })

const around = <A, E>(label: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  step(`before ${label}`).pipe(Effect.andThen(effect), Effect.tap(step(`after ${label}`)))

const store = Layer.effect(
  ObjectStore.ObjectStore,
  Effect.map(ObjectStore.ObjectStore, (inner) =>
    ObjectStore.around(inner, (operation, run) => {
      const { _tag, input } = operation
      return around("partNumber" in input ? `${_tag} ${input.partNumber}` : _tag, run)
    })
  )
).pipe(Layer.provide(S3ObjectStore.layer(work.store)))

const journal = Layer.effect(
  Journal.Journal,
  Effect.map(Journal.Journal, (inner) =>
    Journal.Journal.of({
      ...inner,
      create: (session) => around("journal create", inner.create(session)),
      update: (session) => around(`journal ${session.state}`, inner.update(session)),
      putReceipt: (id, receipt) => around(`journal receipt ${receipt.partNumber}`, inner.putReceipt(id, receipt)),
      acquire: (id, ttlMs) => around("journal acquire", inner.acquire(id, ttlMs)),
      delete: (id) => around("journal delete", inner.delete(id))
    })
  )
).pipe(Layer.provide(FileJournal.layer(work.journal)))

const program = Effect.gen(function* () {
  const uploader = yield* Uploader
  const { key } = work
  const source = Source.file(work.file)
  if (!work.resume) return yield* uploader.upload({ key, source })
  return yield* uploader
    .resume({ key }, { source })
    .pipe(Effect.catchReason("UploadError", "SessionNotFound", () => uploader.upload({ key, source })))
})

const layer = Uploader.layer({ partSize: 5 * 1024 * 1024, concurrency: 2 }).pipe(Layer.provide([store, journal]))
const stored = await Effect.runPromise(Effect.provide(program, layer))
say(`stored ${stored.size} ${stored.proof}`)
