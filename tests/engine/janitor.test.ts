import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CreateMultipartUploadCommand, UploadPartCommand } from "@aws-sdk/client-s3"
import * as FileJournal from "@sluice/core/FileJournal"
import { Janitor, type SweepReport } from "@sluice/core/Janitor"
import { Journal } from "@sluice/core/Journal"
import { createSluice, s3 } from "@sluice/core/promise"
import type { Session } from "@sluice/core/Session"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import { exampleSession } from "@sluice/testkit/conformance/journal"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, expect, it } from "vitest"
import { MiB, pattern } from "./bytes.ts"
import { abortBehindItsBack, onEveryStore, type Target } from "./target.ts"
import { freshKey, quick } from "./trial.ts"

const day = 86_400_000

let directories = ""
beforeAll(async () => {
  directories = await mkdtemp(join(tmpdir(), "sluice-janitor-"))
})
afterAll(() => rm(directories, { recursive: true, force: true }))

/** The journal of one test. */
const journalOf = (key: string) => FileJournal.layer(join(directories, key))

/** The same clock, some days ahead. */
const daysLater = <A, E, R>(days: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Clock.clockWith((clock) => {
    const nowMs = (): number => clock.currentTimeMillisUnsafe() + days * day
    return Effect.provideService(effect, Clock.Clock, {
      ...clock,
      currentTimeMillisUnsafe: nowMs,
      currentTimeMillis: Effect.sync(nowMs),
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
      sleep: (duration) => clock.sleep(duration)
    })
  })

const sweep = ({ store }: Target, key: string, days: number): Promise<SweepReport> =>
  Janitor.pipe(
    Effect.flatMap((janitor) => janitor.sweep()),
    (sweeping) => daysLater(days, sweeping),
    Effect.provide(Layer.provide(Janitor.layer(quick), [S3ObjectStore.layer(store), journalOf(key)])),
    Effect.runPromise
  )

const sessions = (key: string): Promise<ReadonlyArray<Session>> =>
  Journal.pipe(
    Effect.flatMap((journal) => journal.listExpired(Number.POSITIVE_INFINITY)),
    Effect.provide(journalOf(key)),
    Effect.runPromise
  )

/** Two parts, and then nothing more. */
async function* hanging(): AsyncGenerator<Uint8Array> {
  yield pattern(10 * MiB)
  await new Promise(() => undefined)
}

onEveryStore("an upload that nobody came back for", (target) => {
  it("is gone after a week, and not before", async () => {
    const key = freshKey("abandoned")
    const sluice = createSluice({ ...quick, store: s3(target().store), journal: journalOf(key), onFailure: "keep" })
    const upload = sluice.upload({ key, body: hanging() })
    for await (const { _tag } of upload.events()) if (_tag === "PartStored") break
    await sluice.dispose()
    await upload.done().catch(() => undefined)
    const [session] = await sessions(key)
    expect(session).toMatchObject({ key, state: "uploading" })

    expect((await sweep(target(), key, 6)).sessions).toEqual([])
    expect(await sessions(key)).toEqual([session])
    expect(await sweep(target(), key, 8)).toMatchObject({ counts: { abandoned: 1, left: 0 } })
    expect(await sessions(key)).toEqual([])
    await target().assertNothingLeft()
  })

  it("is found by its key where its process was killed before it heard of the upload", async () => {
    const { bucket, client } = target()
    const key = freshKey("unheard")
    const create = () => client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: key }))
    const now = Date.now()
    const session = exampleSession({ sessionId: "killed", bucket, key, createdAt: now, updatedAt: now })
    await Effect.runPromise(
      Journal.pipe(
        Effect.flatMap((journal) => journal.create(session)),
        Effect.provide(journalOf(key))
      )
    )
    await create()
    const { UploadId } = await create()
    await client.send(
      new UploadPartCommand({ Bucket: bucket, Key: key, UploadId, PartNumber: 1, Body: pattern(5 * MiB) })
    )

    expect(await sweep(target(), key, 8)).toMatchObject({ counts: { abandoned: 1, left: 0 } })
    // The one with bytes is somebody else's, and the only one left.
    await abortBehindItsBack(target(), key)
    expect(await sessions(key)).toEqual([])
    await target().assertNothingLeft()
  })
})
