/**
 * What can be seen of a bucket without writing to it: clock, listings, lifecycle, versions.
 *
 * @module
 */
import { abortsAfterDays } from "@sluice/core/Lifecycle"
import type { ReasonTag, UploadError } from "@sluice/core/UploadError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { formatSeconds } from "../units.ts"
import { ask, type Examination, examined, refusal } from "./Examination.ts"
import { type Finding, note, ok, wrong } from "./Finding.ts"

const anyKey = ".sluice-doctor/"

/** What every other request would hear, too. */
const forAll: ReadonlySet<ReasonTag> = new Set<ReasonTag>([
  "NoSuchBucket",
  "CredentialsUnavailable",
  "TlsFailed",
  "ClockSkewed",
  "Unavailable",
  "Stalled"
])

/** A key that is not the store's, and a bucket that is elsewhere, are told with reasons that others have as well. */
const isForAll = ({ message, reason }: UploadError): boolean =>
  forAll.has(reason._tag) || /does not accept these credentials|is in (another )?region/.test(message)

/** Whether there is a bucket to look at. What stands in the way of everything is told here, once. */
export const examineReach = (examination: Examination): Effect.Effect<Finding> => {
  const { bucket, report, store } = examination
  return ask(store.listMultipartUploads({ prefix: anyKey })).pipe(
    Effect.as(undefined),
    Effect.catch((error) => Effect.succeed(isForAll(error) ? error : undefined)),
    Effect.map((error) =>
      error === undefined
        ? ok("reach", `s3://${bucket.bucket} answers at ${new URL(store.location(anyKey)).origin}`)
        : wrong("reach", error.message)
    ),
    Effect.tap((finding) => Effect.sync(() => report(finding)))
  )
}

/** S3 refuses signatures at 15 minutes (RequestTimeTooSkewed); presigned URLs and tokens suffer before. */
const skewMs = 5 * 60_000

/** What could not be seen is not wrong. */
const unseen =
  (check: "lifecycle" | "versioning", { bucket }: Examination) =>
  (error: UploadError): Effect.Effect<Finding> =>
    Effect.succeed({
      ...refusal(check, bucket.bucket, error),
      status: "note",
      message: `could not be seen: ${error.message}`
    })

/** Whose clock is right is not known here; that they differ is. */
export const examineClock = (examination: Examination): Effect.Effect<Finding> =>
  examined(
    examination,
    "clock",
    Effect.gen(function* () {
      const { date } = yield* ask(examination.bucket.about)
      const aheadMs = (yield* Clock.currentTimeMillis) - date.getTime()
      const apart = formatSeconds(Math.abs(aheadMs) / 1000)
      const finding =
        Math.abs(aheadMs) > skewMs
          ? wrong(
              "clock",
              `this machine's clock is ${apart} ${aheadMs > 0 ? "ahead of" : "behind"} the store's (${date.toISOString()}); signed requests and URLs may be refused`,
              "timedatectl set-ntp true"
            )
          : ok("clock", `within ${apart} of the store's`)
      return finding
    })
  )

/** `key` stands there if it is given. */
export const examineList = (examination: Examination, key?: string): Effect.Effect<Finding> =>
  examined(
    examination,
    "list",
    Effect.gen(function* () {
      const { listObjects } = examination.store
      if (listObjects === undefined) return note("list", "this store cannot list")
      const { objects } = yield* ask(listObjects({ prefix: key ?? anyKey, limit: 10 }))
      const finding =
        key === undefined || objects.some((object) => object.key === key)
          ? ok("list", "objects are listed")
          : wrong(
              "list",
              "the object just written is not in the listing",
              "check that this is the store's own endpoint"
            )
      return finding
    })
  )

export const examineListUploads = (examination: Examination): Effect.Effect<Finding> =>
  examined(
    examination,
    "list-uploads",
    Effect.as(
      ask(examination.store.listMultipartUploads({ prefix: anyKey })),
      ok("list-uploads", "open uploads are listed")
    )
  )

export const examineLifecycle = (examination: Examination): Effect.Effect<Finding> =>
  examined(
    examination,
    "lifecycle",
    Effect.gen(function* () {
      const { rules } = yield* ask(examination.bucket.lifecycle)
      const days = abortsAfterDays(rules)
      const { server = "" } = yield* ask(examination.bucket.about)
      // Measured (docs/operations.md): MinIO refuses such a rule and ends stale uploads by itself.
      const finding =
        days !== undefined
          ? ok("lifecycle", `incomplete uploads are aborted after ${days} ${days === 1 ? "day" : "days"}`)
          : /minio/i.test(server)
            ? note(
                "lifecycle",
                "MinIO takes no rule for incomplete uploads; it ends them itself, a day after their last part"
              )
            : wrong(
                "lifecycle",
                "no rule aborts incomplete uploads: what a crash leaves is billed for ever",
                `sluice bucket lifecycle s3://${examination.bucket.bucket} --yes`
              )
      return finding
    }).pipe(Effect.catch(unseen("lifecycle", examination)))
  )

export const examineVersioning = (examination: Examination): Effect.Effect<Finding> =>
  examined(
    examination,
    "versioning",
    Effect.map(ask(examination.bucket.versioning), (state) => {
      const words = {
        Off: "off: an object that is written again is gone",
        Suspended: "suspended: older versions stay, new ones replace each other",
        Enabled: "on: objects that are written again or deleted stay as versions, and are billed"
      }
      return note("versioning", words[state])
    }).pipe(Effect.catch(unseen("versioning", examination)))
  )
