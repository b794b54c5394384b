/**
 * What each method of a `Sluice` is given.
 *
 * @module
 */
import type * as Layer from "effect/Layer"
import type { AdviceInput } from "./Advice.ts"
import type { BatchOptions } from "./Batch.ts"
import type { ApplyOptions } from "./Bucket.ts"
import type { BucketSweepOptions } from "./BucketSweep.ts"
import type { EngineOptions } from "./Defaults.ts"
import type * as Janitor from "./Janitor.ts"
import type { Journal } from "./Journal.ts"
import type { GetObject, ObjectStore } from "./ObjectStore.ts"
import type {
  CopyRequest,
  DownloadRequest,
  ListRequest,
  ObjectName,
  ReadControl,
  ReadRequest,
  RestoreRequest
} from "./Objects.ts"
import type { Plugin } from "./Plugin.ts"
import type { Progress } from "./Progress.ts"
import type { Sluice } from "./Sluice.ts"
import type { Body } from "./Source.ts"
import type { UploadError } from "./UploadError.ts"
import type { ResumeRequest, UploadRequest } from "./Uploader.ts"
import type { VerifyRequest } from "./Verification.ts"

/** Where objects go. Its settings can be asked for and changed where its layer has a `Bucket` as well, as that of `s3` has. */
export type Store = Layer.Layer<ObjectStore, UploadError>

/** The name that `@aws-sdk/lib-storage` has for `concurrency`. */
export interface QueueSize {
  /** Parts of one upload in flight: another name for `concurrency`. `InvalidRequest` where both are given. */
  readonly queueSize?: number | undefined
}

/** The engine, its store and its journal. Engine options given here hold for every call. */
export interface SluiceOptions extends Partial<EngineOptions>, QueueSize {
  readonly store: Store
  /**
   * Where sessions are kept. Default: in memory, so that what fails is aborted. A durable one
   * (`FileJournal.layer`) keeps failed uploads for `resume`, in this process or the next.
   */
  readonly journal?: Layer.Layer<Journal, UploadError> | undefined
  /** In order. Only plugins that need no services, checked by the compiler. */
  readonly plugins?: ReadonlyArray<Plugin> | undefined
}

/** A call that can be ended from outside. */
export interface Abortable {
  /**
   * Aborting it ends the requests of the call, awaits their end, and rejects with an `AbortError`. Where an upload is just
   * being ended (`cancel`, `sweep`, `sweepBucket`), that is seen through first.
   */
  readonly signal?: AbortSignal | undefined
}

/** The bytes of an upload, and who is told of it. */
export interface BodyOptions {
  /** Bytes, Blob, File, web stream, async iterable, Node Readable, or a `Source`. A string is refused. */
  readonly body: Body
  /** Bytes of a stream, when known; checked. */
  readonly size?: number | undefined
  /** File name of a stream, for the content type. */
  readonly name?: string | undefined
  /** Called at every event: at most every 100 ms while bytes move, at each part and retry, and once at the end. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Aborting it is `abort()`. */
  readonly signal?: AbortSignal | undefined
}

/** One upload. */
export interface UploadOptions extends BodyOptions, QueueSize, Omit<UploadRequest, "source"> {}

/** One of many uploads. */
export interface UploadItem extends Omit<UploadOptions, "signal"> {}

/** Many uploads. */
export interface UploadAllOptions<I> extends BatchOptions<I> {
  /** Asked before an item is uploaded: true skips it. */
  readonly skip?: ((item: I) => boolean | PromiseLike<boolean>) | undefined
  /** Aborting it ends every upload that runs for good, and begins no other. */
  readonly signal?: AbortSignal | undefined
}

/** An earlier upload, continued; see `Uploader.resume`. */
export interface ResumeOptions extends BodyOptions, QueueSize, Omit<ResumeRequest, "source"> {}

/** Which version of an object; without one, the newest. */
export interface VersionOptions extends Omit<ObjectName, "key">, Abortable {}

/** One reading. */
export interface ReadOptions extends ReadRequest, ReadControl {
  /** Aborting it ends the reading. */
  readonly signal?: AbortSignal | undefined
}

/** One download. */
export interface DownloadOptions extends DownloadRequest, ReadControl, Abortable {}

/** An object as a body. */
export interface SourceOptions extends Omit<ReadRequest, "range">, Abortable {}

/** One copy. */
export interface CopyOptions extends Omit<CopyRequest, "from">, ReadControl, Abortable {
  readonly from: Omit<CopyRequest["from"], "in"> & {
    /** Where it stands, if that is another store. */
    readonly sluice?: Sluice | undefined
  }
}

/** One restoring. */
export interface RestoreOptions extends Omit<RestoreRequest, "key" | "versionId">, ReadControl, Abortable {}

/** One GET. */
export interface GetOptions extends Pick<GetObject, "ifMatch" | "range" | "versionId">, Abortable {}

/** An object to compare, and with what. */
export interface VerifyOptions extends Omit<VerifyRequest, "source">, Abortable {
  /** What can be read twice: bytes, a Blob or File, or a replayable `Source`. */
  readonly body: Body
}

/** Which part of a bucket to list. */
export interface ListOptions extends ListRequest, Abortable {}

/** One sweep of the journal. */
export interface SweepOptions extends Partial<Janitor.SweepOptions>, Abortable {}

/** One sweep of a whole bucket. */
export interface SweepBucketOptions extends Omit<BucketSweepOptions, keyof EngineOptions>, Abortable {}

/** Rules brought to a bucket, or with `dryRun` only compared. */
export interface ApplyRulesOptions extends ApplyOptions, Abortable {}

/** An object that may be uploaded. */
export interface AdviseOptions extends AdviceInput, QueueSize, Abortable {}
