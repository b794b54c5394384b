/**
 * `sluice doctor`: looks at a bucket from end to end, and says what to change.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { type Command, exitCode } from "../Command.ts"
import { flags, readDoctorJob } from "../DoctorJob.ts"
import { examine } from "../doctor/examine.ts"
import { type Finding, linesOf } from "../doctor/Finding.ts"
import { runEffect } from "../run-effect.ts"
import { storeLayers } from "../store-layers.ts"

export const doctor: Command = {
  name: "doctor",
  takes: "s3://BUCKET",
  summary: "Looks at a bucket from end to end with a small real upload, and says what to change.",
  details: [
    "Clock, rights, listings, checksums (a wrong one must be refused), encryption, an upload in two parts and one",
    "that is aborted, CORS as a browser sees it, lifecycle, versions. 5 MiB are written below .sluice-doctor/ and",
    "removed. What is wrong comes with the command or the document that mends it; nothing is changed here.",
    "",
    "Exit codes: 0 all is well, 1 something is wrong, 2 not understood, 130 interrupted."
  ],
  flags,
  uploads: true,
  run: (args, world) => {
    const { bucket, json, origin, readOnly, settings } = readDoctorJob(args, world.env)
    let code: number = exitCode.done
    const report = (finding: Finding): void => {
      if (finding.status === "wrong") code = exitCode.failed
      for (const line of json ? [JSON.stringify(finding)] : linesOf(finding)) world.out(line)
    }
    const examination = examine({ origin, readOnly, report }).pipe(
      Effect.map(() => code),
      Effect.provide(storeLayers(bucket, settings))
    )
    return runEffect(examination, world)
  }
}
