import { s3sFs } from "./deviations/s3s-fs.ts"
import { seaweedfs } from "./deviations/seaweedfs.ts"
import { versitygw } from "./deviations/versitygw.ts"
import type { differences } from "./facts.ts"

/**
 * What a store does not do as S3 documents it, where there is no other answer to hold it to. Each case is run there all
 * the same and has to fail: a store that has learnt it turns the run red, and its line goes.
 */
export interface Deviation {
  readonly why: string
  /** Groups of cases, or `group > case`, by the names that the suite gives them. */
  readonly cases: ReadonlyArray<string>
}

export const deviations: Partial<Record<keyof typeof differences, ReadonlyArray<Deviation>>> = {
  versitygw,
  "s3s-fs": s3sFs,
  seaweedfs
}
