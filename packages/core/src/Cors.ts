/**
 * Rules that let a page of another origin upload to a bucket. Pure; `applyCors` of `@sluice/core/Bucket` writes them.
 *
 * @module
 */
import type { CORSRule } from "@aws-sdk/client-s3"
import { mergeRules, type RuleChange } from "./internal/merge-rules.ts"

/** What a page must be able to read of an answer: an upload in parts cannot be completed without its ETags. */
export const exposedHeaders: ReadonlyArray<string> = [
  "ETag",
  "x-amz-checksum-crc32",
  "x-amz-checksum-crc32c",
  "x-amz-checksum-crc64nvme",
  "x-amz-checksum-sha256",
  "x-amz-version-id",
  "x-amz-server-side-encryption",
  "x-amz-request-id"
]

/** The ID of our rule, which `applyCors` may replace. */
export const corsRuleId = "sluice-uploads"

/** Who may upload. */
export interface CorsOptions {
  /** Origins of pages: `https://app.example.com`, `https://*.example.com`, or `*` for any page of the web. */
  readonly origins: ReadonlyArray<string>
  /** Seconds that a browser remembers the answer, 0 … 86,400. Default 3,600. */
  readonly maxAgeSeconds?: number | undefined
}

const isOrigin = (text: string): boolean =>
  text === "*" || /^https?:\/\/(\*\.)?[A-Za-z0-9.-]+(:(\d{1,5}|\*))?$/.test(text)

/** What cannot be meant, a line each. */
export const corsProblems = ({ maxAgeSeconds = 0, origins }: CorsOptions): ReadonlyArray<string> => [
  ...(origins.length === 0 ? ["name an origin, such as https://app.example.com"] : []),
  ...origins.flatMap((origin) =>
    isOrigin(origin) ? [] : [`"${origin}" is no origin; write it as https://app.example.com, without a path`]
  ),
  ...(Number.isSafeInteger(maxAgeSeconds) && maxAgeSeconds >= 0 && maxAgeSeconds <= 86_400
    ? []
    : [`maxAgeSeconds must be a whole number from 0 to 86400, not ${maxAgeSeconds}`])
]

/**
 * The rule, in S3's own form. Throws `RangeError` with every line of `corsProblems`.
 *
 * ```ts
 * import { corsRules } from "@sluice/core/Cors"
 * const rules = corsRules({ origins: ["https://app.example.com"] })
 * ```
 */
export const corsRules = (options: CorsOptions): ReadonlyArray<CORSRule> => {
  const problems = corsProblems(options)
  if (problems.length > 0) throw new RangeError(problems.join("; "))
  return [
    {
      ID: corsRuleId,
      AllowedOrigins: [...options.origins],
      AllowedMethods: ["GET", "HEAD", "PUT"],
      AllowedHeaders: ["*"],
      ExposeHeaders: [...exposedHeaders],
      MaxAgeSeconds: options.maxAgeSeconds ?? 3_600
    }
  ]
}

/** Ours among those of others: what has our ID is replaced, everything else stays. */
export const mergeCors = (
  theirs: ReadonlyArray<CORSRule>,
  ours: ReadonlyArray<CORSRule>
): { readonly rules: ReadonlyArray<CORSRule>; readonly changes: ReadonlyArray<RuleChange<CORSRule>> } =>
  mergeRules(theirs, ours)
