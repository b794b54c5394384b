/**
 * Many uploads under one limit: a result for each, and no failure of one ends the others.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { defaults } from "./Defaults.ts"
import { makeItemQueue } from "./internal/item-queue.ts"
import { sourceFailed } from "./Source.ts"
import type { StoredObject } from "./StoredObject.ts"
import { invalidRequest, type UploadError, uploadError } from "./UploadError.ts"
import { Uploader, type UploadRequest } from "./Uploader.ts"

/** What became of one item. */
export type BatchResult<I, A = StoredObject> =
  | { readonly _tag: "Done"; readonly item: I; readonly value: A }
  /** There was nothing to do. */
  | { readonly _tag: "Skipped"; readonly item: I }
  | { readonly _tag: "Failed"; readonly item: I; readonly error: UploadError }

/** How many items became what. */
export interface BatchSummary {
  readonly done: number
  readonly skipped: number
  readonly failed: number
}

export interface BatchOptions<I, A = StoredObject> {
  /** Items at a time, 1 to 1,000. Default 16. The memory budget and `maxUploads` hold beside it. */
  readonly concurrency?: number | undefined
  /**
   * Told of each item as it ends, in that order; the next item of its place waits until it has returned. What it throws
   * ends the batch.
   */
  readonly onItem?: ((result: BatchResult<I, A>) => void | PromiseLike<void>) | undefined
  /** False: the first failure ends the batch, which fails with it. Default true. */
  readonly continueOnError?: boolean | undefined
}

/** Items as they come: only those that run, and up to 64 large ones that wait, are ever held. Name bytes (a file) rather than hold them. */
export type BatchItems<I> = Iterable<I> | AsyncIterable<I>

const defaultConcurrency = 16

/**
 * Does something with each item. Large ones (`isLarge`) get half of the places at most while there are others, so that
 * small ones are not kept waiting behind them. `work` answers undefined where there was nothing to do.
 *
 * Fails with `InvalidRequest` for options that cannot be meant, with `SourceFailed` where the items themselves end in
 * an error, and with an item's error unless `continueOnError`.
 */
export const run = <I, A, R>(
  items: BatchItems<I>,
  work: (item: I) => Effect.Effect<A | undefined, UploadError, R>,
  options: BatchOptions<I, A> & { readonly isLarge?: ((item: I) => boolean) | undefined } = {}
): Effect.Effect<BatchSummary, UploadError, R> =>
  Effect.suspend(() => {
    const { concurrency = defaultConcurrency, continueOnError = true, isLarge = () => false, onItem } = options
    if (!(Number.isSafeInteger(concurrency) && concurrency >= 1 && concurrency <= 1_000)) {
      return invalidRequest(`concurrency of a batch must be a whole number from 1 to 1,000, not ${concurrency}`)
    }
    const queue = makeItemQueue(items, isLarge)
    const counts = { done: 0, skipped: 0, failed: 0 }
    const tell = (result: BatchResult<I, A>): Effect.Effect<void> =>
      onItem === undefined ? Effect.void : Effect.promise(async () => onItem(result))

    const one = (item: I): Effect.Effect<void, UploadError, R> =>
      ended(work(item)).pipe(
        Effect.matchEffect({
          onSuccess: (value) => {
            if (value === undefined) counts.skipped++
            else counts.done++
            return tell(value === undefined ? { _tag: "Skipped", item } : { _tag: "Done", item, value })
          },
          onFailure: (error) => {
            counts.failed++
            const told = tell({ _tag: "Failed", item, error })
            return continueOnError ? told : Effect.andThen(told, error)
          }
        })
      )
    const place = (takes: "small" | "any"): Effect.Effect<void, UploadError, R> =>
      Effect.gen(function* () {
        while (true) {
          const next = yield* Effect.tryPromise({ try: () => queue.next(takes), catch: sourceFailed })
          if (next === undefined) return
          yield* one(next.item)
        }
      })
    const places = Array.from({ length: concurrency }, (_, i) =>
      place(i < Math.ceil(concurrency / 2) ? "any" : "small")
    )
    return Effect.all(places, { concurrency: "unbounded", discard: true }).pipe(
      Effect.map(() => ({ ...counts })),
      Effect.ensuring(Effect.promise(queue.close))
    )
  })

/** An upload that somebody else took over or ended is a failure of that item alone. */
const ended = <A, R>(work: Effect.Effect<A, UploadError, R>): Effect.Effect<A, UploadError, R> =>
  Effect.catchCause(work, (cause) =>
    Cause.hasInterruptsOnly(cause) ? Effect.fail(uploadError({ _tag: "SessionBusy" })) : Effect.failCause(cause)
  )

/** Whether an upload of it may be one of several parts. */
export const isLarge = ({
  multipartThreshold,
  partSize,
  source: { size }
}: Pick<UploadRequest, "source" | "multipartThreshold" | "partSize">): boolean =>
  size === undefined || size >= (multipartThreshold ?? partSize ?? defaults.partSize)

export interface UploadAllOptions<I> extends BatchOptions<I> {
  /** Asked before an item is uploaded: true skips it. */
  readonly skip?: ((item: I) => Effect.Effect<boolean, UploadError>) | undefined
}

/**
 * Uploads all items, each a request as `Uploader.upload` takes it.
 *
 * ```ts
 * import * as Batch from "@sluice/core/Batch"
 * import * as Source from "@sluice/core/Source"
 *
 * const names = ["a.jpg", "b.jpg"]
 * const all = Batch.uploadAll(
 *   names.map((name) => ({ key: `photos/${name}`, source: Source.file(name) })),
 *   { onItem: (result) => console.log(result.item.key, result._tag) }
 * )
 * ```
 */
export const uploadAll = <I extends UploadRequest>(
  items: BatchItems<I>,
  { skip, ...options }: UploadAllOptions<I> = {}
): Effect.Effect<BatchSummary, UploadError, Uploader> =>
  Effect.flatMap(Uploader, ({ upload }) =>
    run(
      items,
      (item) =>
        Effect.flatMap(skip?.(item) ?? Effect.succeed(false), (skips) =>
          skips ? Effect.succeed(undefined) : upload(item)
        ),
      { ...options, isLarge }
    )
  )
