/**
 * An object opened for reading: what it is, its bytes at any place, and what they have shown.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EngineOptions } from "../Defaults.ts"
import type { ObjectHead, ObjectStoreApi } from "../ObjectStore.ts"
import type { Plugin, ReadableBytes } from "../Plugin.ts"
import type { Proof } from "../StoredObject.ts"
import { type UploadError, uploadError, withContext } from "../UploadError.ts"
import { type Evidence, evidenceOf, packagedOf } from "./evidence.ts"
import { guardedCall } from "./guarded-call.ts"
import { type AskedObject, partSizes } from "./part-sizes.ts"
import { clampRange } from "./plan-ranges.ts"
import { throughPlugins } from "./read-layers.ts"
import { type ByteIterator, readOrdered } from "./read-ordered.ts"
import type { ReadRun } from "./read-range.ts"
import { SlabPool } from "./slab-pool.ts"
import { makeWitness, silentWitness, type Witness } from "./witness.ts"

/** What reading an object takes. */
export interface ReadEngine<R> {
  readonly store: ObjectStoreApi
  readonly options: EngineOptions
  readonly plugins: ReadonlyArray<Plugin<R>>
}

export interface OpenObject {
  readonly head: ObjectHead
  /** The bytes that were meant; the stored ones, where those are asked for. */
  readonly bytes: ReadableBytes
  /** Ends what is being read of the stored bytes; whoever waits for more of them waits no longer. */
  readonly end: () => Promise<void>
  /** Whether a plugin stands between the two. */
  readonly changed: boolean
  /** Sees every stored byte that is read. */
  readonly witness: Witness
  /** A new one, for bytes that are read once more from elsewhere. */
  readonly anotherWitness: () => Witness
}

/** What is asked of an object beside its name. */
export interface OpenOptions {
  readonly versionId?: string | undefined
  /** The stored bytes as they are. */
  readonly raw?: boolean | undefined
  /** All of it will be read, and shall be compared with what the store shows. */
  readonly whole: boolean
  readonly onRetry?: ReadRun["onRetry"] | undefined
}

/** A witness by the cheapest digest that can be taken of the bytes as they come. */
const findWitness = Effect.fnUntraced(function* (at: AskedObject): Effect.fn.Return<() => Witness, UploadError> {
  const { head, store } = at
  const evidences: ReadonlyArray<Evidence> = evidenceOf(head, store.capabilities, yield* packagedOf(head))
  for (const evidence of evidences) {
    const sizes = evidence.parts === undefined ? [head.size] : yield* partSizes(at, evidence.parts)
    if (sizes !== undefined) return () => makeWitness(evidence, head.size, sizes)
  }
  return () => silentWitness
})

/** Stored bytes. What is open when the scope closes is ended, and awaited. */
const storedBytes = Effect.fnUntraced(function* (
  run: ReadRun,
  witness: Witness
): Effect.fn.Return<Pick<OpenObject, "bytes" | "end">, never, Scope.Scope> {
  const share = (yield* SlabPool).join()
  const services = yield* Effect.context<never>()
  const open = new Set<ByteIterator>()
  const end = async (): Promise<void> => {
    await Promise.all([...open].map((bytes) => bytes.return()))
  }
  yield* Effect.addFinalizer(() => Effect.promise(end))
  const { size } = run.head
  const bytes: ReadableBytes = {
    size,
    open: (offset, length) => ({
      [Symbol.asyncIterator]: () => {
        const range = clampRange(size, offset, length)
        const bytes = readOrdered(run, share, services, range)
        const tell = witness.from(range.offset)
        open.add(bytes)
        return {
          next: async () => {
            const next = await bytes.next()
            if (next.done === true) open.delete(bytes)
            else tell(next.value)
            return next
          },
          return: () => {
            open.delete(bytes)
            return bytes.return()
          }
        }
      }
    })
  }
  return { bytes, end }
})

/**
 * Looks at an object and opens its bytes. Nothing of them is asked for yet. Closing the scope ends what is being read.
 *
 * Fails with `NoSuchKey`; with `InvalidRequest` where a plugin that made the object is not loaded.
 */
export const openObject = Effect.fnUntraced(function* <R>(
  { store, options, plugins }: ReadEngine<R>,
  key: string,
  { onRetry = () => undefined, raw = false, versionId, whole }: OpenOptions
): Effect.fn.Return<OpenObject, UploadError, R | Scope.Scope> {
  const named = <A>(effect: Effect.Effect<A, UploadError>): Effect.Effect<A, UploadError> =>
    Effect.mapError(effect, (error) => withContext(error, { bucket: store.bucket, key }))
  const head = yield* named(guardedCall(options, "HeadObject", store.headObject({ key, versionId })))
  const anotherWitness = whole ? yield* named(findWitness({ store, options, head, versionId })) : () => silentWitness
  const witness = anotherWitness()
  const { bytes: stored, end } = yield* storedBytes({ store, options, head, versionId, onRetry }, witness)
  const bytes = raw
    ? stored
    : yield* throughPlugins(plugins, { bucket: store.bucket, head }, stored, options.hookTimeoutMs)
  return { head, bytes, end, changed: bytes !== stored, witness, anotherWitness }
})

/** What the bytes have shown, or that they are not those of the object. */
export const provenBy = (witness: Witness, { key }: ObjectHead): Effect.Effect<Proof, UploadError> =>
  Effect.suspend(() => {
    const verdict = witness.verdict()
    if (verdict !== "other") return Effect.succeed(verdict === "same" ? "source" : "transport")
    return Effect.fail(
      uploadError(
        {
          _tag: "ChecksumMismatch",
          message:
            "the bytes that came are not those whose digest the store shows; read the object again, and if that does not help it is damaged in the store"
        },
        { operation: "GetObject", key }
      )
    )
  })
