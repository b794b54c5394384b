/**
 * The bucket itself: its settings, read and written, and what its store says of itself.
 *
 * @module
 */
import type { CORSRule, LifecycleRule } from "@aws-sdk/client-s3"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { mergeCors } from "./Cors.ts"
import { mergeLifecycle, type RuleChange } from "./Lifecycle.ts"
import type { UploadError } from "./UploadError.ts"

/** What the store says of itself in every answer, a refusal included. */
export interface StoreAbout {
  /** Its clock, to the second: HTTP's `Date`. */
  readonly date: Date
  /** HTTP's `Server`: `AmazonS3`, `MinIO`, … */
  readonly server: string | undefined
}

/** A lifecycle configuration: the rules, and what S3 keeps beside them. */
export interface LifecycleSettings {
  readonly rules: ReadonlyArray<LifecycleRule>
  /** `x-amz-transition-default-minimum-object-size`, as answered; a write that leaves it out would reset it. */
  readonly transitionMinimumSize: string | undefined
}

/** One bucket's settings. Each verb makes one attempt, and fails as uploads to the bucket would. */
export interface BucketApi {
  readonly bucket: string
  /** Fails with `InvalidResponse` where the answer has no date. */
  readonly about: Effect.Effect<StoreAbout, UploadError>
  /** No rules where none were set. */
  readonly lifecycle: Effect.Effect<LifecycleSettings, UploadError>
  /** Replaces all rules: S3 has no other verb. `applyLifecycle` keeps those of others. */
  readonly putLifecycle: (settings: LifecycleSettings) => Effect.Effect<void, UploadError>
  /** No rules where none were set. */
  readonly cors: Effect.Effect<ReadonlyArray<CORSRule>, UploadError>
  /** Replaces all rules: S3 has no other verb. `applyCors` keeps those of others. */
  readonly putCors: (rules: ReadonlyArray<CORSRule>) => Effect.Effect<void, UploadError>
  /** What the bucket encrypts with by default: `AES256`, `aws:kms`, …; undefined where nothing was set. */
  readonly encryption: Effect.Effect<string | undefined, UploadError>
  readonly versioning: Effect.Effect<"Enabled" | "Suspended" | "Off", UploadError>
}

/** The settings of one bucket. `@sluice/core/s3/S3Bucket` has its layer. */
export class Bucket extends Context.Service<Bucket, BucketApi>()("@sluice/core/Bucket") {}

/** What was done, or with `dryRun` would be done, to a bucket's rules. */
export interface Applied<Rule> {
  /** One entry a rule of ours. */
  readonly changes: ReadonlyArray<RuleChange<Rule>>
  /** All rules as they are to be, those of others included. */
  readonly rules: ReadonlyArray<Rule>
  /** Whether the bucket was written to. */
  readonly written: boolean
}

export interface ApplyOptions {
  /** Reads and compares, and writes nothing. Default false. */
  readonly dryRun?: boolean | undefined
}

const isChange = ({ change }: RuleChange<unknown>): boolean => change !== "unchanged"

/**
 * Brings a bucket's lifecycle to have these rules, known by their `ID`. Rules with another `ID` stay as they are, and
 * where nothing changes nothing is written. S3 replaces all rules at once and has no condition for it, so somebody who
 * writes in the same moment may be overwritten.
 *
 * ```ts
 * import { applyLifecycle } from "@sluice/core/Bucket"
 * import { lifecycleRules } from "@sluice/core/Lifecycle"
 * import * as S3Bucket from "@sluice/core/s3/S3Bucket"
 * import * as Effect from "effect/Effect"
 *
 * const rules = lifecycleRules({ abortAfterDays: 7, expire: [{ prefix: "tmp/", days: 1 }] })
 * const program = applyLifecycle(rules, { dryRun: true }).pipe(Effect.provide(S3Bucket.layer({ bucket: "media" })))
 * ```
 */
export const applyLifecycle = Effect.fn("Bucket.applyLifecycle")(function* (
  rules: ReadonlyArray<LifecycleRule>,
  { dryRun = false }: ApplyOptions = {}
): Effect.fn.Return<Applied<LifecycleRule>, UploadError, Bucket> {
  const bucket = yield* Bucket
  const before = yield* bucket.lifecycle
  const merged = mergeLifecycle(before.rules, rules)
  const written = !dryRun && merged.changes.some(isChange)
  if (written) yield* bucket.putLifecycle({ ...before, rules: merged.rules })
  return { ...merged, written }
})

/** The same for the rules that let pages of other origins in. */
export const applyCors = Effect.fn("Bucket.applyCors")(function* (
  rules: ReadonlyArray<CORSRule>,
  { dryRun = false }: ApplyOptions = {}
): Effect.fn.Return<Applied<CORSRule>, UploadError, Bucket> {
  const bucket = yield* Bucket
  const merged = mergeCors(yield* bucket.cors, rules)
  const written = !dryRun && merged.changes.some(isChange)
  if (written) yield* bucket.putCors(merged.rules)
  return { ...merged, written }
})
