/**
 * `sluice upload` of many files.
 *
 * @module
 */
import { constants } from "node:fs"
import { access } from "node:fs/promises"
import { resolve } from "node:path"
import * as Batch from "@sluice/core/Batch"
import type { JournalApi } from "@sluice/core/Journal"
import { isUploadError, type Progress, type Sluice, Source, type Upload, type UploadEvent } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import { type BatchReport, makeBatchReport } from "./BatchReport.ts"
import type { World } from "./Command.ts"
import { keptSession, outcomeOf } from "./follow-upload.ts"
import { isOpen } from "./KeptUpload.ts"
import { type PlannedFile, planFiles } from "./plan-files.ts"
import { storedLine } from "./progress-line.ts"
import { annotationsFor, noteOf } from "./ResumeNote.ts"
import { resumeLine } from "./resume-line.ts"
import { type BatchJob, isJournalled, type UploadJob } from "./UploadJob.ts"
import { formatSize } from "./units.ts"

/** The engines of one batch: what has parts to go on with is kept, the rest is not. */
export interface Engines {
  readonly keeping: Sluice
  readonly passing: Sluice
  readonly journal: JournalApi | undefined
}

interface FileItem {
  readonly path: string
  readonly key: string
  readonly source: Source.Source
}

type Item = FileItem | Exclude<PlannedFile, { readonly _tag: "File" }>

const isFile = (item: Item): item is FileItem => "source" in item

/** Stores them all, whatever becomes of each; answers with the exit code. */
export const uploadFiles = async (job: UploadJob, batch: BatchJob, engines: Engines, world: World): Promise<number> => {
  const report = makeBatchReport({ ...job, verb: "stored" }, world)
  const kept = batch.resume ? await keptByKey(engines.journal, job) : new Map<string, string>()
  async function* items(): AsyncGenerator<Item> {
    for await (const found of planFiles(job, batch)) {
      if (world.signal.aborted) return
      if (found._tag !== "File") yield found
      // A file is looked at when its turn is near, not when the batch begins.
      else yield { path: found.path, key: found.key, source: Source.file(found.path) }
    }
  }
  const work = (item: Item): Effect.Effect<boolean> =>
    Effect.promise(async () => {
      if (!isFile(item)) {
        const { path, why } = item
        if (item._tag === "Failed") report.fail(path, why)
        else report.tell({ from: path, result: "skipped", words: `skipped: ${why}` })
      } else if (!world.signal.aborted) {
        await one(item, job, batch, engines, kept.get(`${item.key}\0${resolve(item.path)}`), report, world)
      }
      return true
    })
  const all = Batch.run(items(), work, {
    concurrency: batch.files,
    isLarge: (item) => isFile(item) && isJournalled(item.source.size, job.engine)
  })
  await Effect.runPromise(all)
  const code = report.end()
  if (world.signal.aborted && job.journal !== undefined) {
    world.err("sluice: stopped; go on with the same command and --resume")
  }
  return code
}

/** The newest session that can be gone on with, by key and file. */
const keptByKey = async (
  journal: JournalApi | undefined,
  { bucket, place }: Pick<UploadJob, "bucket" | "place">
): Promise<ReadonlyMap<string, string>> => {
  const sessions = journal === undefined ? [] : await Effect.runPromise(journal.listExpired(Number.POSITIVE_INFINITY))
  const mine = sessions.filter((session) => {
    const note = noteOf(session)
    return session.bucket === bucket && isOpen(session) && note?.file !== undefined && note.endpoint === place.endpoint
  })
  return new Map(
    mine
      .sort((a, b) => a.createdAt - b.createdAt)
      .map((session) => [`${session.key}\0${noteOf(session)?.file}`, session.sessionId] as const)
  )
}

const one = async (
  { key, path, source }: FileItem,
  job: UploadJob,
  { dryRun, resume }: BatchJob,
  { keeping, passing }: Engines,
  sessionId: string | undefined,
  report: BatchReport,
  world: World
): Promise<void> => {
  const uri = `s3://${job.bucket}/${key}`
  const { size } = source
  const at = { from: path, to: uri, size }
  try {
    if (resume && sessionId === undefined && (await hasIt(passing, key, source, world.signal))) {
      report.tell({ ...at, result: "skipped", words: "skipped: the store has it" })
      return
    }
    if (dryRun) {
      await access(path, constants.R_OK)
      const goesOn = sessionId === undefined ? "" : " (goes on)"
      report.tell({ ...at, result: "planned", words: `${formatSize(size ?? 0)}  from ${path}${goesOn}` })
      return
    }
    const began = performance.now()
    const sluice = isJournalled(size, job.engine) || sessionId !== undefined ? keeping : passing
    const what = {
      body: source,
      annotations: annotationsFor(resolve(path)),
      onProgress: ({ sent, total }: Progress) => report.moved(path, sent, total)
    }
    const running =
      sessionId === undefined ? sluice.upload({ key, ...what, ...job.attributes }) : sluice.resume(sessionId, what)
    const ended = await outcomeOf(running)
    if ("stored" in ended) {
      const words = storedLine(ended.stored, (performance.now() - began) / 1000).slice(ended.stored.uri.length + 2)
      report.tell({ ...at, size: ended.stored.size, result: "done", words })
      return
    }
    const kept = keptSession(await lastEvent(running))
    const goOn = kept === undefined || job.journal === undefined ? undefined : resumeLine(path, job.journal)(kept)
    if (world.signal.aborted) {
      report.tell({ ...at, result: "stopped", words: goOn === undefined ? "stopped" : `kept: ${goOn}`, kept })
    } else report.fail(path, ended.error, { kept, goOn })
  } catch (error) {
    if (world.signal.aborted) report.tell({ ...at, result: "stopped", words: "stopped" })
    else report.fail(path, error)
  }
}

const lastEvent = async (running: Upload): Promise<UploadEvent | undefined> => {
  let last: UploadEvent | undefined
  for await (const event of running.events()) last = event
  return last
}

/** Whether the object has the bytes of the file, by what the store shows of it. */
const hasIt = async (sluice: Sluice, key: string, body: Source.Source, signal: AbortSignal): Promise<boolean> => {
  try {
    return (await sluice.verify({ key, body, signal })).matches === true
  } catch (error) {
    if (isUploadError(error) && error.reason._tag === "NoSuchKey") return false
    throw error
  }
}
