import type { Problems } from "./Problems.ts"
import { parseTarget, type Target } from "./Target.ts"

/** The one target among the arguments that names a bucket; what is wrong is added to `problems`. */
export const readBucketTarget = (positionals: ReadonlyArray<string>, problems: Problems): Target | undefined => {
  const [target] = positionals
  if (target === undefined || positionals.length > 1) {
    problems.add("TARGET", "name one bucket, as in s3://bucket")
    return undefined
  }
  return problems.read("TARGET", target, parseTarget)
}

/** The same, with no path behind it. */
export const readBucket = (positionals: ReadonlyArray<string>, problems: Problems): string | undefined => {
  const target = readBucketTarget(positionals, problems)
  if (target === undefined || target.path === "") return target?.bucket
  problems.add("TARGET", `name the bucket alone, as in s3://${target.bucket}`)
  return undefined
}
