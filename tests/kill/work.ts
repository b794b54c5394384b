import type { S3Options } from "@sluice/core/s3/S3ObjectStore"

/** What a child process does. */
export interface Work {
  readonly store: S3Options
  /** The journal's directory. */
  readonly journal: string
  readonly file: string
  readonly key: string
  /** Continue what the journal has of the key, else start. */
  readonly resume: boolean
  /** The step at which it dies, from 1; none where undefined. */
  readonly killAt?: number | undefined
}
