import * as Effect from "effect/Effect"
import * as Batch from "../Batch.ts"
import { initial, next } from "../Progress.ts"
import type { UploadAllOptions, UploadItem } from "../SluiceOptions.ts"
import { from, type Source, sourceFailed } from "../Source.ts"
import type { StoredObject } from "../StoredObject.ts"
import { isUploadError, type UploadError } from "../UploadError.ts"
import type { Uploads } from "./make-uploads.ts"
import { withConcurrency } from "./with-concurrency.ts"

interface Named<I> {
  readonly item: I
  readonly source: Source | UploadError
}

/** A stream becomes a source once. */
async function* named<I extends UploadItem>(items: Batch.BatchItems<I>): AsyncGenerator<Named<I>> {
  for await (const item of items) {
    const { body, contentType, name, size } = item
    yield { item, source: from(body, { size, name, contentType }) }
  }
}

/** A batch as the promise API takes it. */
export const uploadItems = <I extends UploadItem>(
  uploads: Pick<Uploads, "upload">,
  items: Batch.BatchItems<I>,
  { onItem, signal, skip, ...options }: UploadAllOptions<I>
): Effect.Effect<Batch.BatchSummary, UploadError> =>
  Batch.run<Named<I>, StoredObject, never>(
    named(items),
    Effect.fnUntraced(function* ({ item, source }: Named<I>): Effect.fn.Return<StoredObject | undefined, UploadError> {
      if (isUploadError(source)) return yield* source
      const request = withConcurrency<UploadItem>(item)
      if (isUploadError(request)) return yield* request
      if (skip !== undefined && (yield* Effect.tryPromise({ try: async () => skip(item), catch: sourceFailed })))
        return undefined
      let progress = initial
      return yield* uploads.upload(
        { ...request, source },
        {
          cancelled: () => signal?.aborted === true,
          onEvent: (event) => {
            progress = next(progress, event)
            item.onProgress?.(progress)
          }
        }
      )
    }),
    {
      ...options,
      isLarge: ({ item, source }) => !isUploadError(source) && Batch.isLarge({ ...item, source }),
      ...(onItem === undefined ? {} : { onItem: (result) => onItem({ ...result, item: result.item.item }) })
    }
  )
