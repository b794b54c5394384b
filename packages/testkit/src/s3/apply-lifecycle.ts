import { type Bucket, versionIdOf } from "./Bucket.ts"
import { abortStep, type LifecycleStep, versionSteps } from "./lifecycle.ts"
import { isLocked } from "./lock/ObjectLock.ts"
import type { Version } from "./Records.ts"
import { S3Error } from "./S3Error.ts"
import type { S3Model } from "./S3Model.ts"

/** One thing that lifecycle did. */
export interface LifecycleEvent {
  readonly action: LifecycleStep["action"]
  readonly ruleId: string
  readonly bucket: string
  readonly key: string
  /** Of an object's version. */
  readonly versionId?: string
  /** Of an upload. */
  readonly uploadId?: string
}

/**
 * Does everything that the buckets' lifecycle rules have due at `now` (milliseconds since the epoch), and tells what.
 * Nothing here runs by itself: S3 does this once a day, a test when it wants to.
 */
export async function applyLifecycle(model: S3Model, now: number): Promise<ReadonlyArray<LifecycleEvent>> {
  const events: Array<LifecycleEvent> = []
  for (const bucket of model.buckets.values()) {
    if (bucket.settings.lifecycle === undefined) continue
    const { name } = bucket.record
    for (const upload of [...model.uploads.values()].filter(({ record }) => record.bucket === name)) {
      const { key, uploadId } = upload.record
      const abort = abortStep(bucket, upload)
      if (abort === undefined || abort.at > now) continue
      if (!(await unlessGone(model.abortUpload(upload)))) continue
      events.push({ action: "abort", ruleId: abort.ruleId, bucket: name, key, uploadId })
    }
    for (const key of [...bucket.keys()]) {
      // Oldest first: an expired version is gone before the marker above it is looked at.
      for (const version of bucket.versions(key).toReversed()) {
        const due = lastDue(versionSteps(bucket, version), now)
        if (due === undefined || !(await perform(model, bucket, version, due, now))) continue
        const { action, ruleId } = due
        events.push({ action, ruleId, bucket: name, key, versionId: versionIdOf(version) })
      }
    }
  }
  return events
}

/** Removal goes before any transition; of several transitions the last one due holds. */
function lastDue(steps: ReadonlyArray<LifecycleStep>, now: number): LifecycleStep | undefined {
  const due = steps.filter(({ at }) => at <= now).toSorted((a, b) => a.at - b.at)
  return due.find(({ action }) => action !== "transition") ?? due.at(-1)
}

/** `false` if it is not so any more, or was done already. */
async function perform(
  model: S3Model,
  { record: { name: bucket } }: Bucket,
  version: Version,
  { action, storageClass }: LifecycleStep,
  now: number
): Promise<boolean> {
  if (action === "transition") {
    if (version.kind !== "object" || storageClass === undefined) return false
    if (version.headers["x-amz-storage-class"] === storageClass) return false
    await model.updateObject(version, (object) => ({
      ...object,
      headers: { ...object.headers, "x-amz-storage-class": storageClass }
    }))
    return true
  }
  const check = (current: Version | undefined) => {
    if (current !== version || (action !== "expire" && isLocked(current, now))) throw new S3Error("PreconditionFailed")
  }
  const versionId = action === "expire" ? undefined : versionIdOf(version)
  return unlessGone(model.deleteObject(bucket, version.key, { now, versionId, check }))
}

/** `false` if somebody else was quicker (the upload is completed, a newer version came), or the version is locked. */
const unlessGone = (step: Promise<unknown>): Promise<boolean> =>
  step.then(
    () => true,
    (error: unknown) => {
      if (error instanceof S3Error && ["NoSuchUpload", "PreconditionFailed"].includes(error.code)) return false
      throw error
    }
  )
