/**
 * Rules for a bucket's objects and uploads as they age. Pure; `applyLifecycle` of `@sluice/core/Bucket` writes them.
 *
 * @module
 */
import type { LifecycleRule } from "@aws-sdk/client-s3"
import { mergeRules, type RuleChange } from "./internal/merge-rules.ts"

export type { RuleChange } from "./internal/merge-rules.ts"

/** Which rules. What is left out is not made, but for the abort of incomplete uploads. All ages in days from 1 on. */
export interface LifecycleOptions {
  /** Multipart uploads that nobody completed are aborted by the store. Default 7; `false`: no such rule. */
  readonly abortAfterDays?: number | false | undefined
  /** Objects move to STANDARD_IA, where reading costs more. S3 wants at least 30. */
  readonly infrequentAccessAfterDays?: number | undefined
  /** Objects move to GLACIER, where they must be restored, for hours, before they can be read. */
  readonly glacierAfterDays?: number | undefined
  /** Whose objects move. Default: all. */
  readonly prefix?: string | undefined
  /** Objects below these prefixes are deleted. */
  readonly expire?: ReadonlyArray<{ readonly prefix: string; readonly days: number }> | undefined
}

/** What storage that is written once and read less and less is commonly given. */
export const tiers = { infrequentAccessAfterDays: 30, glacierAfterDays: 90 } as const satisfies LifecycleOptions

/** The first part of the IDs of our rules: what `applyLifecycle` may replace. */
const id = (name: string): string => `sluice-${name}`

/** What cannot be meant, a line each. */
export const lifecycleProblems = (options: LifecycleOptions): ReadonlyArray<string> => {
  const { abortAfterDays, expire = [], glacierAfterDays, infrequentAccessAfterDays } = options
  const whole = (name: string, days: number | false | undefined, min: number): ReadonlyArray<string> =>
    days === undefined || days === false || (Number.isSafeInteger(days) && days >= min)
      ? []
      : [`${name} must be a whole number of days from ${min} on, not ${days}`]
  const prefixes = expire.map(({ prefix }) => prefix)
  return [
    ...whole("abortAfterDays", abortAfterDays, 1),
    // S3 user guide, "Transitioning objects using Amazon S3 Lifecycle": 30 days before STANDARD_IA, 30 more before GLACIER.
    ...whole("infrequentAccessAfterDays", infrequentAccessAfterDays, 30),
    ...whole(
      "glacierAfterDays",
      glacierAfterDays,
      infrequentAccessAfterDays === undefined ? 1 : infrequentAccessAfterDays + 30
    ),
    ...expire.flatMap(({ days, prefix }) => [
      ...whole(`expire of "${prefix}"`, days, 1),
      // Everything would go.
      ...(prefix === "" ? ["expire needs a prefix: an empty one would delete every object of the bucket"] : [])
    ]),
    ...(new Set(prefixes).size < prefixes.length ? ["expire names a prefix twice"] : [])
  ]
}

const transitions = ({ glacierAfterDays, infrequentAccessAfterDays }: LifecycleOptions) => [
  ...(infrequentAccessAfterDays === undefined
    ? []
    : [{ Days: infrequentAccessAfterDays, StorageClass: "STANDARD_IA" as const }]),
  ...(glacierAfterDays === undefined ? [] : [{ Days: glacierAfterDays, StorageClass: "GLACIER" as const }])
]

/**
 * The rules, in S3's own form. Throws `RangeError` with every line of `lifecycleProblems`.
 *
 * ```ts
 * import { lifecycleRules, tiers } from "@sluice/core/Lifecycle"
 * const rules = lifecycleRules({ ...tiers, expire: [{ prefix: "tmp/", days: 7 }] })
 * ```
 */
export const lifecycleRules = (options: LifecycleOptions = {}): ReadonlyArray<LifecycleRule> => {
  const problems = lifecycleProblems(options)
  if (problems.length > 0) throw new RangeError(problems.join("; "))
  const { abortAfterDays = 7, expire = [], prefix = "" } = options
  const moves = transitions(options)
  return [
    ...(abortAfterDays === false
      ? []
      : [
          {
            ID: id("abort-incomplete-uploads"),
            Status: "Enabled" as const,
            Filter: { Prefix: "" },
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: abortAfterDays }
          }
        ]),
    ...(moves.length === 0
      ? []
      : [{ ID: id("tiers"), Status: "Enabled" as const, Filter: { Prefix: prefix }, Transitions: moves }]),
    ...expire.map(({ days, prefix }) => ({
      ID: id(`expire-${prefix}`),
      Status: "Enabled" as const,
      Filter: { Prefix: prefix },
      Expiration: { Days: days }
    }))
  ]
}

/** After how many days the store ends what is incomplete below every key, by its shortest rule; undefined: never. */
export const abortsAfterDays = (rules: ReadonlyArray<LifecycleRule>): number | undefined => {
  const days = rules.flatMap(({ AbortIncompleteMultipartUpload: abort, Filter, Prefix, Status }) => {
    const everywhere = Filter === undefined ? (Prefix ?? "") === "" : (Filter.Prefix ?? "") === "" && !Filter.And
    return Status === "Enabled" && everywhere ? (abort?.DaysAfterInitiation ?? []) : []
  })
  return days.length === 0 ? undefined : Math.min(...days)
}

/** Ours among those of others: what has our ID is replaced, everything else stays. */
export const mergeLifecycle = (
  theirs: ReadonlyArray<LifecycleRule>,
  ours: ReadonlyArray<LifecycleRule>
): { readonly rules: ReadonlyArray<LifecycleRule>; readonly changes: ReadonlyArray<RuleChange<LifecycleRule>> } =>
  mergeRules(theirs, ours)
