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
  /** How long after that step, in milliseconds: somewhere between it and the next ones. Default 0: right there. */
  readonly killAfterMs?: number | undefined
}

/** What a child process downloads. */
export interface DownloadWork {
  readonly store: S3Options
  readonly key: string
  readonly to: string
}

/** What a child process uploads through plugins. */
export interface PluginWork {
  readonly store: S3Options
  /** The journal's directory. */
  readonly journal: string
  readonly file: string
  readonly key: string
  readonly resume: boolean
  /** When it dies; never where undefined. */
  readonly dieAfterParts?: number | undefined
  /** The key for client-side encryption, in hex. */
  readonly secret: string
  readonly webhookSecret: string
  /** Where webhooks go. */
  readonly url: string
}

/** What a child process uploads with a mirror. */
export interface MirrorWork {
  readonly store: S3Options
  readonly second: S3Options
  /** The journal's directory. */
  readonly journal: string
  /** That of the mirror's own journal. */
  readonly copies: string
  readonly file: string
  readonly key: string
}
