import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EngineOptions } from "../Defaults.ts"
import type { PluginDescription } from "../Description.ts"
import type { JournalApi } from "../Journal.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import type { Plugin } from "../Plugin.ts"

/** What all uploads of one uploader share. */
export interface Engine<R> {
  readonly store: ObjectStoreApi
  readonly journal: JournalApi
  readonly options: EngineOptions
  readonly plugins: ReadonlyArray<Plugin<R>>
  /** Lives as long as the uploader: deliveries go on after their upload has ended. */
  readonly scope: Scope.Scope
  /** What the plugins hooked in the upload that was opened last. */
  readonly seen: { last: ReadonlyArray<PluginDescription> }
  /** Uploads that run here, by session id. */
  readonly running: Map<string, RunningUpload>
}

/** An upload that runs in this process. */
export interface RunningUpload {
  /** Ends and aborts it, and waits until it is over. */
  readonly cancel: Effect.Effect<void>
}
