import type { EngineOptions } from "@sluice/core/Defaults"
import { Janitor } from "@sluice/core/Janitor"
import type { Journal } from "@sluice/core/Journal"
import type { ObjectStore } from "@sluice/core/ObjectStore"
import type { UploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { JanitorConfig } from "./Config.ts"

/** A store, and the journal that names what may be left in it. */
export type Kept = Layer.Layer<ObjectStore | Journal, UploadError>

/** Sweeps now and again and again, until interrupted; at once over where that is switched off. */
export const runJanitor = (
  kept: Kept,
  { everyMs, olderThanMs }: JanitorConfig,
  engine: Partial<EngineOptions>
): Effect.Effect<void, UploadError> =>
  everyMs === undefined
    ? Effect.void
    : Effect.provide(
        Effect.flatMap(Janitor, ({ run }) => run),
        Layer.provide(Janitor.layer({ ...engine, everyMs, olderThanMs }), kept)
      )
