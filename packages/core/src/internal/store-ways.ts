/**
 * Several endpoints that lead to one bucket: which of them a new upload takes, and how an earlier one finds its own.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { defaults } from "../Defaults.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import type { Session } from "../Session.ts"
import { invalidRequest, type UploadError } from "../UploadError.ts"
import { watchedCall } from "./guarded-call.ts"
import { wrapping } from "./store-identity.ts"

/** How long an endpoint that answered counts as there, in milliseconds. */
const rememberedMs = 10_000

/** Whether no way led to the store: no name, no connection, silence, a proxy alone. A store that refuses is there. */
const isAway = ({ reason, requestId }: UploadError): boolean =>
  requestId === undefined && (reason._tag === "Stalled" || (reason._tag === "Unavailable" && reason.away === true))

/** `stores` as one: the first, with the ways to all. */
export const withWays = (stores: readonly [ObjectStoreApi, ...ReadonlyArray<ObjectStoreApi>]): ObjectStoreApi => {
  const [first] = stores
  if (stores.length === 1) return first
  let last: { readonly store: ObjectStoreApi; readonly until: number } | undefined
  const choose = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    if (last !== undefined && now < last.until) return last.store
    for (const store of stores) {
      const away = yield* watchedCall(defaults, "HeadBucket", store.headBucket()).pipe(
        Effect.as(false),
        Effect.catch((error) => Effect.succeed(isAway(error)))
      )
      if (away) continue
      last = { store, until: (yield* Clock.currentTimeMillis) + rememberedMs }
      return store
    }
    // None answers: the first, and its trouble is outlived or told as that of any store.
    return first
  })
  return wrapping(first, {
    ...first,
    ways: { choose, at: (endpoint) => stores.find((store) => store.endpoint === endpoint) }
  })
}

/** The way that a new upload takes to the store, and keeps. */
export const chosenWay = (store: ObjectStoreApi): Effect.Effect<ObjectStoreApi> =>
  store.ways === undefined ? Effect.succeed(store) : store.ways.choose

/** The way that the session was given. Its parts are behind that endpoint, and nobody knows whether behind another. */
export const ownWay = (
  store: ObjectStoreApi,
  { endpoint, key, sessionId }: Session
): Effect.Effect<ObjectStoreApi, UploadError> => {
  if (endpoint === undefined) return Effect.succeed(store)
  const way = store.ways === undefined ? [store].find((only) => only.endpoint === endpoint) : store.ways.at(endpoint)
  return way === undefined
    ? Effect.fail(
        invalidRequest(
          `the upload went to ${endpoint}, which is none of this store's endpoints; name it among them to continue`,
          { bucket: store.bucket, key, sessionId }
        )
      )
    : Effect.succeed(way)
}
