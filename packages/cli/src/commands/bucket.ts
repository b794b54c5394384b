/**
 * `sluice bucket`: brings a bucket's lifecycle or CORS rules to what uploads need.
 *
 * @module
 */
import { type Applied, applyCors, applyLifecycle, Bucket } from "@sluice/core/Bucket"
import { corsRules } from "@sluice/core/Cors"
import { lifecycleRules } from "@sluice/core/Lifecycle"
import type { UploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import { type BucketJob, flags, readBucketJob } from "../BucketJob.ts"
import { type Command, exitCode, type World } from "../Command.ts"
import { runEffect } from "../run-effect.ts"
import { storeLayers } from "../store-layers.ts"
import { storeRefuses } from "../store-refuses.ts"

export const bucket: Command = {
  name: "bucket",
  takes: "lifecycle|cors s3://BUCKET",
  summary: "Brings a bucket's lifecycle or CORS rules to what uploads need, and leaves all other rules alone.",
  details: [
    "lifecycle: incomplete uploads end after 7 days; where asked for, objects move to colder storage or expire.",
    "cors: pages of the given origins may upload, and read ETag and checksums.",
    "",
    "Prints the rules that it would write, and with --yes writes them. Rules are known by their ID: those that",
    "begin with sluice- are ours; one with the same ID is replaced, all others stay as they are.",
    "",
    "Exit codes: 0 done, 1 failed, 2 not understood, 130 interrupted."
  ],
  flags,
  run: (args, world) => {
    const job = readBucketJob(args, world.env)
    const applied = Effect.gen(function* () {
      const hints = yield* foresee(job)
      const done = yield* Effect.tapError(apply(job), () => Effect.sync(() => hints.forEach(world.err)))
      tell(job, done, world)
      if (!done.written) hints.forEach(world.err)
      return exitCode.done
    })
    return runEffect(Effect.provide(applied, storeLayers(job.bucket, job.settings)), world)
  }
}

const apply = (job: BucketJob): Effect.Effect<Applied<{ readonly ID?: string | undefined }>, UploadError, Bucket> =>
  job.setting === "cors" ? applyCors(corsRules(job.options), job) : applyLifecycle(lifecycleRules(job.options), job)

/** What this store is known to refuse of it. */
const foresee = (job: BucketJob): Effect.Effect<ReadonlyArray<string>, never, Bucket> =>
  Effect.flatMap(Bucket, ({ about }) => about).pipe(
    Effect.map(({ server = "" }) => storeRefuses(server, job).map((line) => `sluice: ${line}`)),
    Effect.orElseSucceed(() => [])
  )

const tell = (
  { bucket, dryRun, json, setting }: BucketJob,
  { changes, rules, written }: Applied<{ readonly ID?: string | undefined }>,
  { err, out }: World
): void => {
  for (const { before, change, rule } of changes) {
    if (json) out(JSON.stringify({ change, rule, ...(before === undefined ? {} : { before }) }))
    else {
      out(`${change.padEnd(10)}${JSON.stringify(before ?? rule)}`)
      if (before !== undefined) out(`${"  with".padEnd(10)}${JSON.stringify(rule)}`)
    }
  }
  const others = `${rules.length - changes.length} other rules stay as they are`
  if (written) err(`sluice: written; ${others}`)
  else if (changes.every(({ change }) => change === "unchanged"))
    err(`sluice: s3://${bucket} has these rules already; ${others}`)
  else if (dryRun) err(`sluice: dry run: ${others}; write the ${setting} rules with --yes`)
}
