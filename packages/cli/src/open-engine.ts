import { type Journal, type JournalApi, Journal as JournalService } from "@sluice/core/Journal"
import { createSluice, type Plugin, type Sluice, type SluiceOptions, s3 } from "@sluice/core/promise"
import * as Layer from "effect/Layer"
import type { World } from "./Command.ts"
import { noteName, notePlugin } from "./ResumeNote.ts"
import type { Place, Settings } from "./Settings.ts"

export interface EngineSetup extends Pick<Settings, "bandwidth" | "engine"> {
  readonly bucket: string
  readonly place: Place
  /** Undefined: in this process's memory, so that nothing is kept. */
  readonly journal: JournalApi | undefined
  readonly plugins?: ReadonlyArray<Plugin>
}

const layerOf = (journal: JournalApi): Layer.Layer<Journal> => Layer.succeed(JournalService, journal)

/**
 * An engine over one bucket. When the user wants to stop, its uploads are interrupted: what can be resumed is kept,
 * the rest is aborted.
 */
export const openEngine = (
  { bandwidth, bucket, engine, journal, place, plugins = [] }: EngineSetup,
  { signal }: Pick<World, "signal">
): Sluice => {
  const options: SluiceOptions = {
    ...engine,
    store: s3({ ...place, bucket, bandwidth }),
    plugins,
    ...(journal === undefined ? {} : { journal: layerOf(journal) })
  }
  const sluice = createSluice(options)
  // Not `abort()`, which ends an upload for good.
  const stop = () => void sluice.dispose()
  if (signal.aborted) stop()
  else signal.addEventListener("abort", stop, { once: true })
  return sluice
}

const sseName = "sluice/encryption/sse-s3"

/** Loaded only where they are asked for. */
const makers: ReadonlyMap<string, (place: Place) => Promise<Plugin>> = new Map([
  [sseName, async () => (await import("@sluice/plugins/encryption/sse-s3")).sseS3()],
  [noteName, async (place: Place) => notePlugin(place)]
])

/** The plugins of a new upload. */
export const pluginsFor = (job: { readonly sse: boolean; readonly place: Place }): Promise<ReadonlyArray<Plugin>> =>
  pluginsNamed(job.sse ? [sseName, noteName] : [noteName], job.place)

/** Those with these names; the engine refuses a session where one is missing. */
export const pluginsNamed = (names: ReadonlyArray<string>, place: Place): Promise<ReadonlyArray<Plugin>> =>
  Promise.all(names.flatMap((name) => makers.get(name)?.(place) ?? []))
