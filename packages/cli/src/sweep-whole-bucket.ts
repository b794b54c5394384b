import {
  type BucketSweepOutcome,
  type BucketSweepReport,
  type SweptUpload,
  sweepBucket
} from "@sluice/core/BucketSweep"
import { Journal, type JournalApi } from "@sluice/core/Journal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { exitCode, type World } from "./Command.ts"
import { runEffect } from "./run-effect.ts"
import type { BucketSweepJob } from "./SweepJob.ts"
import { storeLayers } from "./store-layers.ts"
import { formatSeconds } from "./units.ts"

/** What is printed of an upload; nothing of the young, of which there may be many. */
const words: Readonly<Record<Exclude<BucketSweepOutcome, "young">, string>> = {
  live: "spared: the journal has an open session for it",
  old: "would be ended",
  ended: "ended, nothing is left of it",
  left: "could not be ended; the next sweep tries again"
}

const tell = ({ err, out }: World, bucket: string, { error, initiated, key, outcome, uploadId }: SweptUpload): void => {
  if (outcome === "young") return
  const begun = initiated === undefined ? "" : `; begun ${initiated.toISOString()}`
  const line = `s3://${bucket}/${key}  ${uploadId}  ${words[outcome]}${begun}`
  if (outcome !== "left") out(line)
  else err(`sluice: ${line}${error === undefined ? "" : `: ${error.message}`}`)
}

const summarize = ({ err }: World, job: BucketSweepJob, report: BucketSweepReport): void => {
  const { ended, left, live, old, young } = report.counts
  const age = formatSeconds(job.olderThanMs / 1000)
  err(
    report.dryRun
      ? `sluice: dry run: ${old} would be ended, ${live} spared, ${young} younger than ${age}; end them with --yes`
      : `sluice: ${ended} ended, ${left} left, ${live} spared, ${young} younger than ${age}`
  )
  if (report.listsWholeKeysOnly) {
    err(
      "sluice: MinIO lists open uploads by whole keys only: seen were those that the node asked knows. It ends the others itself, a day after their last part (mc admin config get ALIAS api: stale_uploads_expiry)"
    )
  }
}

/** `sluice sweep --all`. */
export const sweepWholeBucket = (journal: JournalApi, job: BucketSweepJob, world: World): Promise<number> => {
  const { bucket, dryRun, olderThanMs, prefix, settings } = job
  const onUpload = (upload: SweptUpload) => tell(world, bucket, upload)
  const sweeping = sweepBucket({ ...settings.engine, dryRun, olderThanMs, prefix, onUpload }).pipe(
    Effect.tap((report) => Effect.sync(() => summarize(world, job, report))),
    Effect.map(({ counts }): number => (counts.left > 0 ? exitCode.failed : exitCode.done)),
    Effect.provide(Layer.merge(storeLayers(bucket, settings), Layer.succeed(Journal, journal)))
  )
  return runEffect(sweeping, world)
}
