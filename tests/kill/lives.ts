/**
 * Processes that upload and die, and what must stand when another has resumed their upload.
 */
import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ListMultipartUploadsCommand, ListPartsCommand } from "@aws-sdk/client-s3"
import * as FileJournal from "@sluice/core/FileJournal"
import { Janitor } from "@sluice/core/Janitor"
import { Journal } from "@sluice/core/Journal"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import { secretsScanner } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { MiB, pattern, sha256 } from "../engine/bytes.ts"
import { download, secretsOf, type Target } from "../engine/stores.ts"
import type { Work } from "./work.ts"

const child = new URL("./child.ts", import.meta.url).pathname

export const sizes = { "a multipart upload": 2 * 5 * MiB + 12_345, "a single PUT": 100_000 } as const

export interface Life {
  readonly steps: ReadonlyArray<string>
  readonly signal: NodeJS.Signals | undefined
  readonly last: string
  readonly errors: string
}

/** Runs a process to its end, by itself or by SIGKILL. It tells no secret, on its outputs or in its journal. */
export const live = async (work: Work): Promise<Life> => {
  const life = await new Promise<Life>((resolve) => {
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
  const scanner = secretsScanner(secretsOf(work))
  scanner.assertNone(`${life.steps.join("\n")}\n${life.last}\n${life.errors}`, "what the process printed")
  await scanner.assertNoneInDirectory(work.journal)
  return life
}

/** A directory of files to upload and journals; `workOf` is a new upload. */
export interface Workplace extends AsyncDisposable {
  readonly workOf: (target: Target, size: number) => Work
}

export const openWorkplace = async (): Promise<Workplace> => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-kill-"))
  for (const size of Object.values(sizes)) await writeFile(join(directory, String(size)), pattern(size))
  let keys = 0
  return {
    workOf: ({ store }, size) => {
      const key = `kill/${++keys}`
      const journal = join(directory, `journal-${keys}`)
      return { store, journal, file: join(directory, String(size)), key, resume: false }
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true })
  }
}

/** What the store has of a key's uploads: part numbers by upload id. */
const storedParts = async (
  { bucket: Bucket, client }: Target,
  Key: string
): Promise<Map<string, ReadonlyArray<number>>> => {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key }))
  const parts = new Map<string, ReadonlyArray<number>>()
  for (const { UploadId, Key: key } of Uploads) {
    // The key is a prefix of others' (kill/1, kill/10).
    if (UploadId === undefined || key !== Key) continue
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

/** MinIO refuses the whole of an upload whose Complete lost its client; it is aborted then (decision 0043). */
export const isRefused = ({ errors }: Life): boolean => /ChecksumMismatch: .*\[CompleteMultipartUpload/.test(errors)

/**
 * Resumes, and demands the source's bytes, no part sent that was there, and nothing left. Answers with whether the
 * upload was refused and had to begin anew.
 */
export const resumed = async (target: Target, work: Work): Promise<{ readonly anew: boolean }> => {
  const before = [...(await storedParts(target, work.key)).values()].flat()
  const again = { ...work, resume: true, killAt: undefined, killAfterMs: undefined }
  let life = await live(again)
  const anew = isRefused(life)
  if (anew) {
    assert.deepEqual([await sessions(work.journal), [...(await storedParts(target, work.key))]], [[], []])
    assert.equal(await download(target, work.key), undefined)
    life = await live(again)
  }
  assert.match(life.last, /^stored \d+ source$/, `${life.steps.join(", ")}\n${life.errors}`)
  if (!anew) {
    assert.deepEqual(
      sentParts(life).filter((part) => before.includes(part)),
      [],
      "parts sent though they were stored"
    )
  }
  const object = await download(target, work.key)
  assert.equal(object === undefined ? "absent" : sha256(object), sha256(pattern(object?.length ?? 0)))
  assert.equal(`stored ${object?.length} source`, life.last)

  // A Create that was answered to a dead process leaves an empty upload, and a record of it for the Janitor.
  const left = await storedParts(target, work.key)
  const kept = await sessions(work.journal)
  assert.deepEqual(
    kept.flatMap(({ suspects }) => suspects),
    [...left.keys()]
  )
  assert.deepEqual([...left.values()].flat(), [])
  assert.ok(kept.every(({ state, suspects }) => state === "completed" && suspects.length > 0))
  if (kept.length > 0) await sweep(work)
  assert.deepEqual(await sessions(work.journal), [])
  assert.deepEqual([...(await storedParts(target, work.key)).keys()], [])
  return { anew }
}
