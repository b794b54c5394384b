import { execFile } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ListMultipartUploadsCommand, ListPartsCommand } from "@aws-sdk/client-s3"
import * as FileJournal from "@sluice/core/FileJournal"
import { Janitor } from "@sluice/core/Janitor"
import { Journal } from "@sluice/core/Journal"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { MiB, pattern, sha256 } from "../engine/bytes.ts"
import { download, onEveryStore, type Target } from "../engine/target.ts"
import type { Work } from "./work.ts"

const child = new URL("./child.ts", import.meta.url).pathname

interface Life {
  readonly steps: ReadonlyArray<string>
  readonly signal: NodeJS.Signals | undefined
  readonly last: string
  readonly errors: string
}

/** Runs a process to its end, by itself or by SIGKILL. */
const live = (work: Work): Promise<Life> =>
  new Promise((resolve) => {
    execFile(process.execPath, [child, JSON.stringify(work)], (error, stdout, errors) => {
      const lines = stdout.trimEnd().split("\n")
      resolve({
        steps: lines.flatMap((line) => (line.startsWith("step ") ? [line.slice(5)] : [])),
        signal: error?.signal,
        last: lines.at(-1) ?? "",
        errors
      })
    })
  })

const sizes = { "a multipart upload": 2 * 5 * MiB + 12_345, "a single PUT": 100_000 } as const

let directory = ""
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-kill-"))
  for (const size of Object.values(sizes)) await writeFile(join(directory, String(size)), pattern(size))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

let keys = 0
const workOf = (target: Target, size: number): Work => {
  const key = `kill/${++keys}`
  return {
    store: target.store,
    journal: join(directory, `journal-${keys}`),
    file: join(directory, String(size)),
    key,
    resume: false
  }
}

/** What the store has of a key's uploads: part numbers by upload id. */
const storedParts = async (
  { bucket: Bucket, client }: Target,
  Key: string
): Promise<Map<string, ReadonlyArray<number>>> => {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key }))
  const parts = new Map<string, ReadonlyArray<number>>()
  for (const { UploadId } of Uploads) {
    if (UploadId === undefined) continue
    const { Parts = [] } = await client.send(new ListPartsCommand({ Bucket, Key, UploadId }))
    parts.set(
      UploadId,
      Parts.flatMap(({ PartNumber }) => PartNumber ?? [])
    )
  }
  return parts
}

const sentParts = ({ steps }: Life): ReadonlyArray<number> =>
  steps.flatMap((step) => (step.startsWith("before UploadPart ") ? [Number(step.slice(18))] : []))

const sessions = (journal: string) =>
  Effect.runPromise(
    Effect.provide(
      Effect.flatMap(Journal, (api) => api.listExpired(Number.POSITIVE_INFINITY)),
      FileJournal.layer(journal)
    )
  )

/** What the Janitor does when everything is old. */
const sweep = ({ journal, store }: Work) =>
  Effect.runPromise(
    Effect.provide(
      Effect.flatMap(Janitor, (janitor) => janitor.sweep({ olderThanMs: 0 })),
      Janitor.layer().pipe(Layer.provide([S3ObjectStore.layer(store), FileJournal.layer(journal)]))
    )
  )

/** Resumes, and demands the source's bytes, no part sent that was there, and nothing left. */
const resumed = async (target: Target, work: Work): Promise<void> => {
  const before = [...(await storedParts(target, work.key)).values()].flat()
  const life = await live({ ...work, resume: true, killAt: undefined })
  expect(life.last, life.errors).toMatch(/^stored \d+ source$/)
  expect(
    sentParts(life).filter((part) => before.includes(part)),
    "parts sent though they were stored"
  ).toEqual([])
  const object = await download(target, work.key)
  expect(object === undefined ? "absent" : sha256(object)).toBe(sha256(pattern(object?.length ?? 0)))
  expect(`stored ${object?.length} source`).toBe(life.last)

  // A Create that was answered to a dead process leaves an empty upload, and a record of it for the Janitor.
  const left = await storedParts(target, work.key)
  const kept = await sessions(work.journal)
  expect(kept.flatMap(({ suspects }) => suspects)).toEqual([...left.keys()])
  expect([...left.values()].flat()).toEqual([])
  expect(kept.every(({ state, suspects }) => state === "completed" && suspects.length > 0)).toBe(true)
  if (kept.length > 0) await sweep(work)
  expect(await sessions(work.journal)).toEqual([])
  expect([...(await storedParts(target, work.key)).keys()]).toEqual([])
}

onEveryStore("a process killed at each of its steps, and its upload resumed by another", (target) => {
  describe.each(Object.entries(sizes))("%s", (_, size) => {
    it("holds the source's bytes, sends nothing twice and leaves nothing", { timeout: 240_000 }, async () => {
      const whole = await live(workOf(target(), size))
      expect(whole.last, whole.errors).toBe(`stored ${size} source`)
      expect(whole.steps[0]).toBe("before journal create")
      expect(whole.steps.at(-1)).toBe("after journal delete")

      const deaths = whole.steps.map((_, index) => index + 1)
      const next = async (): Promise<void> => {
        for (let killAt = deaths.shift(); killAt !== undefined; killAt = deaths.shift()) {
          const work = workOf(target(), size)
          const life = await live({ ...work, killAt })
          expect(life.signal, `${whole.steps[killAt - 1]}: ${life.errors}`).toBe("SIGKILL")
          await resumed(target(), work).catch((error: unknown) => {
            throw new Error(`killed ${life.steps.at(-1)}`, { cause: error })
          })
        }
      }
      await Promise.all([next(), next()])
      await target().assertNothingLeft()
    })
  })

  it("survives a second death while it is resumed", { timeout: 120_000 }, async () => {
    for (const [first, second] of [
      [6, 5],
      [9, 7],
      [14, 9],
      [20, 4],
      [24, 6]
    ]) {
      const work = workOf(target(), sizes["a multipart upload"])
      expect(await live({ ...work, killAt: first })).toMatchObject({ signal: "SIGKILL" })
      expect(await live({ ...work, resume: true, killAt: second })).toMatchObject({ signal: "SIGKILL" })
      await resumed(target(), work).catch((error: unknown) => {
        throw new Error(`killed at ${first} and ${second}`, { cause: error })
      })
    }
    await target().assertNothingLeft()
  })
})
