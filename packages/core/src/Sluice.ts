/**
 * The engine as `createSluice` makes it: promises, `AbortSignal`, async iterators, no Effect.
 *
 * @module
 */
import type { CORSRule, LifecycleRule } from "@aws-sdk/client-s3"
import type { Advice } from "./Advice.ts"
import type { BatchItems, BatchSummary } from "./Batch.ts"
import type { Applied } from "./Bucket.ts"
import type { BucketSweepReport } from "./BucketSweep.ts"
import type { Description } from "./Description.ts"
import type { SweepReport } from "./Janitor.ts"
import type { Capabilities } from "./Limits.ts"
import type { ListedObject, ListedUpload, ObjectContent, ObjectHead } from "./ObjectStore.ts"
import type { CopiedObject, DownloadedObject, ObjectVersion, RestoredObject } from "./Objects.ts"
import type { Progress } from "./Progress.ts"
import type { Session } from "./Session.ts"
import type {
  Abortable,
  AdviseOptions,
  ApplyRulesOptions,
  CopyOptions,
  DownloadOptions,
  GetOptions,
  ListOptions,
  ReadOptions,
  RestoreOptions,
  ResumeOptions,
  SourceOptions,
  SweepBucketOptions,
  SweepOptions,
  UploadAllOptions,
  UploadItem,
  UploadOptions,
  VerifyOptions,
  VersionOptions
} from "./SluiceOptions.ts"
import type { Source } from "./Source.ts"
import type { Proof, StoredObject } from "./StoredObject.ts"
import type { UploadEvent } from "./UploadEvent.ts"
import type { ResumeTarget } from "./Uploader.ts"
import type { Verification } from "./Verification.ts"

/** A running upload. It started when it was made. Disposing of it is `abort()`, which does nothing to one that has ended. */
export interface Upload extends AsyncDisposable {
  /** The result; memoised. A failure that nobody awaits is no unhandled rejection. */
  readonly done: () => Promise<StoredObject>
  /** Ends the upload; resolves when no socket is open and nothing of it is left in the store. */
  readonly abort: () => Promise<void>
  /** No new part starts; parts in flight finish. */
  readonly pause: () => void
  readonly resume: () => void
  /** All events from the first on (the newest 1,024 for a late listener); ends after the terminal one. */
  readonly events: () => AsyncIterable<UploadEvent>
  /** The newest snapshot. */
  readonly progress: () => Progress
}

/** An object that is being read. Read its stream, cancel it, or dispose of the object. */
export interface ReadObject extends AsyncDisposable {
  readonly head: ObjectHead
  /** Bytes that will come, where that is known before. */
  readonly size: number | undefined
  /** Bytes of the whole object as it was meant, of which `range` is a part; undefined where a plugin does not know before. */
  readonly wholeSize: number | undefined
  /**
   * The bytes, once; also an async iterable. Errors with `PreconditionFailed` when the object is replaced meanwhile, and
   * at its end with `ChecksumMismatch` when what came is not what the store says it has.
   */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>
  /** What the bytes have shown: `source` once all came and have the digest that the store shows. */
  readonly proof: () => Proof
}

/** The engine over one store. Every failure is an `UploadError`, or an `AbortError` where a signal was aborted. */
export interface Sluice extends AsyncDisposable {
  readonly upload: (options: UploadOptions) => Upload
  /**
   * Uploads all items under one limit; small ones are not kept waiting behind large ones. Answers when all have ended,
   * whatever became of each: `onItem` is told. Rejects where the items themselves end in an error, or with the first
   * failure if `continueOnError` is false.
   */
  readonly uploadAll: <I extends UploadItem>(
    items: BatchItems<I>,
    options?: UploadAllOptions<I>
  ) => Promise<BatchSummary>
  /**
   * Continues an earlier upload, by its session id, or by its key (and the store's uploadId). The body is read from
   * its start; what the store has is compared and not sent again. `done()` rejects with `SessionNotFound`,
   * `SessionBusy`, `ResumeMismatch` or `SourceChanged`.
   */
  readonly resume: (target: ResumeTarget, options: ResumeOptions) => Upload
  /** Ends an upload for good, wherever it runs; resolves when nothing of it is left in the store. */
  readonly cancel: (sessionId: string, options?: Abortable) => Promise<void>
  /** The uploads in the journal. */
  readonly sessions: (options?: Abortable) => Promise<ReadonlyArray<Session>>
  /** The multipart uploads that are open in the bucket, whoever began them. MinIO answers only to exact keys. */
  readonly openUploads: (options?: ListOptions) => AsyncIterable<ListedUpload>

  /** Rejects with `NoSuchKey` when no object stands there. */
  readonly head: (key: string, options?: VersionOptions) => Promise<ObjectHead>
  /**
   * An object's bytes, or a range of them, through the plugins that made it: parallel ranges in order, each retried from
   * where it broke, compared with the digest that the store shows.
   */
  readonly read: (options: ReadOptions) => Promise<ReadObject>
  /**
   * An object into a file, which is there when it is whole and shown by its digest. The same call continues what a crash
   * or a failure ended.
   */
  readonly download: (options: DownloadOptions) => Promise<DownloadedObject>
  /** An object as a body for `upload`, of this or another store: replayable, so that such uploads can be resumed. */
  readonly source: (options: SourceOptions) => Promise<Source>
  /** Copies an object: by the store among its own where it can, else read and uploaded. */
  readonly copy: (options: CopyOptions) => Promise<CopiedObject>
  /** What the bucket keeps of an object, delete markers included, the newest first; asked for a page at a time. */
  readonly versions: (key: string, options?: Abortable) => AsyncIterable<ObjectVersion>
  /**
   * Makes an older version the newest again, also from below a delete marker: the store copies it above the others, and
   * the copy is compared. Nothing is deleted. Rejects with `NoSuchKey` where there is no such version, and with
   * `InvalidRequest` where it is a delete marker.
   */
  readonly restore: (key: string, versionId: string, options?: RestoreOptions) => Promise<RestoredObject>
  /** One GET of the stored bytes, as the store answers it: neither retried on the way nor compared. Consume or cancel it. */
  readonly get: (key: string, options?: GetOptions) => Promise<ObjectContent>
  /**
   * Whether an object has the bytes of a file, Blob or `Uint8Array`, by the cheapest evidence that is sound; `unknown`
   * where the store shows none and `download` is not set. Rejects with `NoSuchKey`.
   */
  readonly verify: (options: VerifyOptions) => Promise<Verification>
  /** Deletes the object, or one version for good; deleting what is not there succeeds (S3). */
  readonly remove: (key: string, options?: VersionOptions) => Promise<void>
  /** The objects of the bucket, by key, a page at a time. */
  readonly list: (options?: ListOptions) => AsyncIterable<ListedObject>

  /**
   * Ends what nobody came back for, as the journal names it: uploads that nobody has worked on for `olderThanMs` (default
   * 7 days), what a lost answer may have left, deliveries that are still owed. One node sweeps at a time.
   */
  readonly sweep: (options?: SweepOptions) => Promise<SweepReport>
  /**
   * Ends the open uploads of the bucket that are older than `olderThanMs`, whoever began them, sparing those that an open
   * session of the journal needs. A dry run unless `dryRun` is false. Needs a store with settings, as that of `s3`.
   */
  readonly sweepBucket: (options: SweepBucketOptions) => Promise<BucketSweepReport>
  /**
   * Brings the bucket to have these lifecycle rules (`lifecycleRules`), known by their `ID`; all others stay. Writes
   * nothing where nothing changes. Needs a store with settings, as that of `s3`.
   */
  readonly applyLifecycle: (
    rules: ReadonlyArray<LifecycleRule>,
    options?: ApplyRulesOptions
  ) => Promise<Applied<LifecycleRule>>
  /** The same for the rules that let pages of other origins in (`corsRules`). */
  readonly applyCors: (rules: ReadonlyArray<CORSRule>, options?: ApplyRulesOptions) => Promise<Applied<CORSRule>>
  /** How an object of some size is best uploaded to this store: parts, memory, requests. */
  readonly advise: (options: AdviseOptions) => Promise<Advice>
  /** What the store can do, by its profile; with `provider: "probe"`, as it was found out. */
  readonly capabilities: (options?: Abortable) => Promise<Capabilities>
  /**
   * What the plugins do, in which order: those of the list, with the hooks of the upload that was opened last. Opens
   * nothing, asks nobody; `Description.render` says it in words.
   */
  readonly describe: () => Promise<Description>
  /** Rejects when the bucket cannot be used, saying why. */
  readonly ready: (options?: Abortable) => Promise<void>
  /** The bucket's name. */
  readonly bucket: () => Promise<string>
  /** Aborts what runs and frees every connection. */
  readonly dispose: () => Promise<void>
}
