/**
 * An upload's steps, one by one: a call to the store or a write of the journal, before and after. Between two of
 * them nothing changes that anybody could see.
 */
import * as Journal from "@sluice/core/Journal"
import * as ObjectStore from "@sluice/core/ObjectStore"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import type { UploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { StoreOptions } from "../engine/target.ts"

/** Told of each step as it is taken; may let it fail. */
export type OnStep<E extends UploadError = never> = (label: string) => Effect.Effect<void, E>

const around =
  (onStep: OnStep<UploadError>) =>
  <A>(label: string, effect: Effect.Effect<A, UploadError>): Effect.Effect<A, UploadError> =>
    onStep(`before ${label}`).pipe(Effect.andThen(effect), Effect.tap(onStep(`after ${label}`)))

/** A store that tells its steps. */
export const steppingStore = (
  options: StoreOptions,
  onStep: OnStep<UploadError>
): Layer.Layer<ObjectStore.ObjectStore, unknown> =>
  Layer.effect(
    ObjectStore.ObjectStore,
    Effect.map(ObjectStore.ObjectStore, (inner) =>
      ObjectStore.around(inner, ({ _tag, input }, run) =>
        around(onStep)("partNumber" in input ? `${_tag} ${input.partNumber}` : _tag, run)
      )
    )
  ).pipe(Layer.provide(S3ObjectStore.layer(options)))

/** A journal that tells its steps. */
export const steppingJournal = (
  inner: Journal.JournalApi,
  onStep: OnStep<UploadError>
): Layer.Layer<Journal.Journal> => {
  const step = around(onStep)
  return Layer.succeed(
    Journal.Journal,
    Journal.Journal.of({
      ...inner,
      create: (session) => step("journal create", inner.create(session)),
      update: (session) => step(`journal ${session.state}`, inner.update(session)),
      putReceipt: (id, receipt) => step(`journal receipt ${receipt.partNumber}`, inner.putReceipt(id, receipt)),
      acquire: (id, ttlMs) => step("journal acquire", inner.acquire(id, ttlMs)),
      delete: (id) => step("journal delete", inner.delete(id))
    })
  )
}
