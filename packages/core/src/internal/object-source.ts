/**
 * A stored object as a source: replayable, known by its ETag, opened at any place.
 *
 * @module
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { ObjectHead } from "../ObjectStore.ts"
import type { ReadRequest } from "../Objects.ts"
import type { ChunkReader, Source } from "../Source.ts"
import { type UploadError, uploadError } from "../UploadError.ts"
import { openObject, provenBy, type ReadEngine } from "./open-object.ts"

/** What stood at the key, and its bytes as they were meant or, if those are asked for, as they are stored. */
interface ObjectAsSource {
  readonly head: ObjectHead
  readonly source: Source
}

/**
 * Looks at the object now; opens it anew with each reading, and holds it to what it was.
 */
export const objectAndSource = Effect.fnUntraced(function* <R>(
  engine: ReadEngine<R>,
  { key, raw, versionId }: Omit<ReadRequest, "range">,
  context: Context.Context<R>
): Effect.fn.Return<ObjectAsSource, UploadError> {
  const opening = (whole: boolean) => Effect.provideContext(openObject(engine, key, { versionId, raw, whole }), context)
  const { bytes, head } = yield* Effect.scoped(opening(false))
  const { bucket } = engine.store
  const source: Source = {
    size: bytes.size,
    replayable: true,
    name: key,
    contentType: head.contentType,
    identity: {
      name: `s3://${bucket}/${key}`,
      modifiedMs: head.lastModified?.getTime(),
      inode: head.versionId === undefined ? head.etag : `${head.etag} ${head.versionId}`,
      size: bytes.size
    },
    open: (offset) =>
      Effect.gen(function* () {
        // The stored bytes end before whoever reads them: a reader that waits for more waits no longer.
        const outer = yield* Effect.scope
        const scope = yield* Scope.make()
        const opened = yield* Effect.provideService(opening(offset === 0), Scope.Scope, scope).pipe(
          Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
        )
        if (opened.head.etag !== head.etag) {
          yield* Scope.close(scope, Exit.void)
          return yield* uploadError(
            { _tag: "SourceChanged", message: `the object "${key}" was written again since it was named as a source` },
            { bucket, key }
          )
        }
        const chunks = opened.bytes.open(offset)[Symbol.asyncIterator]()
        yield* Scope.addFinalizer(
          outer,
          Effect.andThen(
            Scope.close(scope, Exit.void),
            Effect.promise(async () => chunks.return?.().catch(() => undefined))
          )
        )
        const reader: ChunkReader = {
          _tag: "Chunks",
          rest: new Uint8Array(0),
          next: async () => {
            const next = await chunks.next()
            if (next.done === true) await Effect.runPromise(provenBy(opened.witness, head))
            return next
          }
        }
        return reader
      })
  }
  return { head, source }
})

/** The same, where its head is no matter. */
export const objectSource = <R>(
  engine: ReadEngine<R>,
  request: Omit<ReadRequest, "range">,
  context: Context.Context<R>
): Effect.Effect<Source, UploadError, R> =>
  Effect.map(objectAndSource(engine, request, context), ({ source }) => source)
