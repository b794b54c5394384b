import type { Upload } from "./arrange-records.ts"
import type { Bucket } from "./Bucket.ts"
import type { ObjectRecord, Version } from "./Records.ts"
import { DAY_MILLIS, type Due, type LifecycleFilter, type LifecycleRule } from "./settings/LifecycleRule.ts"
import { tagsOf } from "./Tags.ts"

/** S3 counts whole days: the moment plus the days, rounded up to the next midnight UTC. */
export function afterDays(moment: number, days: number): number {
  return Math.ceil((moment + days * DAY_MILLIS) / DAY_MILLIS) * DAY_MILLIS
}

const dueAt = (due: Due, since: number): number => ("date" in due ? due.date : afterDays(since, due.days))

/** What lifecycle does to a thing, by which rule, and from when on. */
export interface LifecycleStep {
  readonly action: "expire" | "removeVersion" | "removeMarker" | "abort" | "transition"
  readonly at: number
  readonly ruleId: string
  /** Of a transition. */
  readonly storageClass?: string
}

/** When an upload that stays open is aborted. */
export function abortStep({ settings }: Bucket, { record }: Pick<Upload, "record">): LifecycleStep | undefined {
  const steps = rulesOf(settings.lifecycle, (filter) => record.key.startsWith(filter.prefix)).flatMap((rule) =>
    rule.abortDays === undefined ? [] : [step("abort", afterDays(record.initiated, rule.abortDays), rule)]
  )
  return earliest(steps)
}

/** When the newest version of a key stops being found. */
export function expirationStep({ settings }: Bucket, object: ObjectRecord): LifecycleStep | undefined {
  const steps = rulesOf(settings.lifecycle, (filter) => selects(filter, object)).flatMap((rule) =>
    rule.expiration === undefined ? [] : [step("expire", dueAt(rule.expiration, object.modified), rule)]
  )
  return earliest(steps)
}

/** Everything that lifecycle has in store for one version, in no order. */
export function versionSteps(bucket: Bucket, version: Version): ReadonlyArray<LifecycleStep> {
  const versions = bucket.versions(version.key)
  const index = versions.indexOf(version)
  const rules = rulesOf(bucket.settings.lifecycle, (filter) => selects(filter, version))
  if (index > 0) return rules.flatMap((rule) => noncurrentSteps(rule, versions, index))
  if (version.kind === "marker") return versions.length === 1 ? rules.flatMap((rule) => markerSteps(rule, version)) : []
  const expiration = expirationStep(bucket, version)
  const transitions = rules.flatMap((rule) =>
    rule.transitions.map(({ due, storageClass }) => ({
      ...step("transition", dueAt(due, version.modified), rule),
      storageClass
    }))
  )
  return expiration === undefined ? transitions : [expiration, ...transitions]
}

/** Newer versions that are noncurrent themselves count, the current one does not. */
function noncurrentSteps(
  rule: LifecycleRule,
  versions: ReadonlyArray<Version>,
  index: number
): ReadonlyArray<LifecycleStep> {
  const since = versions[index - 1]?.modified ?? 0
  const steps: Array<LifecycleStep> = []
  const { noncurrentExpiration: expiration } = rule
  if (expiration !== undefined && index - 1 >= expiration.newer) {
    steps.push(step("removeVersion", afterDays(since, expiration.days), rule))
  }
  if (versions[index]?.kind === "marker") return steps
  for (const { days, newer, storageClass } of rule.noncurrentTransitions) {
    if (index - 1 >= newer) steps.push({ ...step("transition", afterDays(since, days), rule), storageClass })
  }
  return steps
}

/** A marker with nothing left beneath it hides nothing: it goes by its own rule, or by age. */
function markerSteps(rule: LifecycleRule, marker: Version): ReadonlyArray<LifecycleStep> {
  if (rule.expiresMarkers) return [step("removeMarker", marker.modified, rule)]
  return rule.expiration === undefined ? [] : [step("removeMarker", dueAt(rule.expiration, marker.modified), rule)]
}

const step = (action: LifecycleStep["action"], at: number, { id }: LifecycleRule): LifecycleStep => ({
  ...{ action, at, ruleId: id }
})

const rulesOf = (
  rules: ReadonlyArray<LifecycleRule> = [],
  applies: (filter: LifecycleFilter) => boolean
): ReadonlyArray<LifecycleRule> => rules.filter((rule) => rule.enabled && applies(rule.filter))

const earliest = (steps: ReadonlyArray<LifecycleStep>): LifecycleStep | undefined =>
  steps.toSorted((a, b) => a.at - b.at)[0]

/** A marker has neither tags nor a size: a filter by these does not select it. */
function selects({ prefix, tags, largerThan, smallerThan }: LifecycleFilter, version: Version): boolean {
  if (!version.key.startsWith(prefix)) return false
  const narrow = tags.length > 0 || largerThan !== undefined || smallerThan !== undefined
  if (version.kind === "marker") return !narrow
  const has = new Map(tagsOf(version.headers["x-amz-tagging"]))
  return (
    tags.every(([key, value]) => has.get(key) === value) &&
    version.size > (largerThan ?? -1) &&
    version.size < (smallerThan ?? Number.POSITIVE_INFINITY)
  )
}

/** `x-amz-expiration` of an object that will expire. */
export function expirationHeaders(bucket: Bucket, object: ObjectRecord): Record<string, string> {
  if (bucket.settings.lifecycle === undefined || bucket.objects.get(object.key) !== object) return {}
  const expiration = expirationStep(bucket, object)
  if (expiration === undefined) return {}
  const date = new Date(expiration.at).toUTCString()
  return { "x-amz-expiration": `expiry-date="${date}", rule-id="${encodeURIComponent(expiration.ruleId)}"` }
}

/** `x-amz-abort-date` and its rule, of an upload that will be aborted. */
export function abortHeaders(bucket: Bucket, upload: Pick<Upload, "record">): Record<string, string> {
  const abort = abortStep(bucket, upload)
  if (abort === undefined) return {}
  return { "x-amz-abort-date": new Date(abort.at).toUTCString(), "x-amz-abort-rule-id": abort.ruleId }
}
