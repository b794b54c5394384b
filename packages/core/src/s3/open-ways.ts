import * as Effect from "effect/Effect"
import { withWays } from "../internal/store-ways.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import { prefixed } from "../PrefixedStore.ts"
import type { UploadError } from "../UploadError.ts"
import type { S3Options } from "./S3Options.ts"

/** The store behind `given`: with the ways over its other endpoints, and below its prefix. */
export const openWays = <Options extends Pick<S3Options, "alternatives" | "endpoint" | "prefix">, R>(
  given: Options,
  open: (options: Options) => Effect.Effect<ObjectStoreApi, UploadError, R>
): Effect.Effect<ObjectStoreApi, UploadError, R> =>
  Effect.gen(function* () {
    const { alternatives = [], prefix } = given
    const first = yield* open(given)
    const others = yield* Effect.forEach(alternatives, (endpoint) => open({ ...given, endpoint }))
    const store = withWays([first, ...others])
    return prefix === undefined ? store : yield* prefixed(store, prefix)
  })
