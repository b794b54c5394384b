import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { AsStored } from "../Plugin.ts"
import type { UploadError } from "../UploadError.ts"
import type { ReadEngine } from "./open-object.ts"

/** What stands at a key, and its stored bytes, which no plugin touches. */
export const asStored = Effect.fnUntraced(function* (
  { options, store }: Pick<ReadEngine<never>, "store" | "options">,
  key: string
): Effect.fn.Return<AsStored, UploadError> {
  // Loaded where it is needed: most programs only upload.
  const { objectAndSource } = yield* Effect.promise(() => import("./object-source.ts"))
  return yield* objectAndSource({ store, options, plugins: [] }, { key, raw: true }, Context.empty())
})
