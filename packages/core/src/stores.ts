/**
 * Several stores by name, for the promise API: one journal, and an upload goes to one of the list or nowhere.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { createSluice } from "./create-sluice.ts"
import { makeRunPromise } from "./internal/run-promise.ts"
import { Journal, layerMemory } from "./Journal.ts"
import { named } from "./NamedJournal.ts"
import type { Session } from "./Session.ts"
import type { Sluice, Upload } from "./Sluice.ts"
import type { Abortable, ResumeOptions, SluiceOptions, Store } from "./SluiceOptions.ts"
import { invalidRequest, uploadError } from "./UploadError.ts"

/** Several stores, one journal. */
export interface Stores<Name extends string> extends AsyncDisposable {
  readonly names: ReadonlyArray<Name>
  /** The engine over one of them. Throws `InvalidRequest`, which names those that are, for any other name. */
  readonly at: (name: string) => Sluice
  /** The uploads in the journal, of all stores; `store` says where each went. */
  readonly sessions: (options?: Abortable) => Promise<ReadonlyArray<Session>>
  /** Continues an upload at the store that it went to. Rejects with `SessionNotFound`. */
  readonly resume: (sessionId: string, options: ResumeOptions) => Promise<Upload>
  /** Ends an upload for good, at the store that it went to. Rejects with `SessionNotFound`. */
  readonly cancel: (sessionId: string, options?: Abortable) => Promise<void>
  /** Aborts what runs at any of them and frees every connection. */
  readonly dispose: () => Promise<void>
}

/**
 * The engine over several stores: buckets, regions, endpoints, folders. Options hold for each of them; memory is the
 * process's, and one budget.
 *
 * ```ts
 * import { s3 } from "@sluice/core/promise"
 * import { createStores } from "@sluice/core/stores"
 *
 * await using stores = createStores({
 *   media: s3({ bucket: "media", region: "eu-west-1" }),
 *   archive: s3({ bucket: "cold", region: "eu-north-1", prefix: "media/" })
 * })
 * const stored = await stores.at("archive").upload({ key: "talks/intro.mp4", body: new Uint8Array(9) }).done()
 * ```
 */
export const createStores = <Name extends string>(
  stores: Readonly<Record<Name, Store>>,
  { journal = layerMemory, ...options }: Omit<SluiceOptions, "store"> = {}
): Stores<Name> => {
  const shared = ManagedRuntime.make(journal)
  const list = Object.keys(stores).filter((name): name is Name => Object.hasOwn(stores, name))
  const engines = new Map<string, Sluice>(
    list.map((name) => [
      name,
      createSluice({
        ...options,
        store: stores[name],
        journal: Layer.effect(
          Journal,
          Effect.map(shared.contextEffect, (context) => named(Context.get(context, Journal), name))
        )
      })
    ])
  )
  const at = (name: string): Sluice => {
    const engine = engines.get(name)
    if (engine === undefined) {
      throw invalidRequest(`there is no store "${name}"; there are ${list.map((known) => `"${known}"`).join(", ")}`)
    }
    return engine
  }
  const run = makeRunPromise(shared)
  /** The store of a session. */
  const ofSession = async (sessionId: string, signal: AbortSignal | undefined): Promise<Sluice> => {
    const { store } = await run(
      Effect.flatMap(Journal, (journal) => journal.get(sessionId)),
      signal
    )
    if (store === undefined) throw uploadError({ _tag: "SessionNotFound" }, { sessionId })
    return at(store)
  }
  const dispose = async (): Promise<void> => {
    await Promise.all([...engines.values()].map((engine) => engine.dispose()))
    await shared.dispose()
  }
  return {
    names: list,
    at,
    sessions: ({ signal } = {}) =>
      run(
        Effect.flatMap(Journal, ({ listExpired }) => listExpired(Number.POSITIVE_INFINITY)),
        signal
      ),
    resume: async (sessionId, request) => (await ofSession(sessionId, request.signal)).resume(sessionId, request),
    cancel: async (sessionId, options = {}) => (await ofSession(sessionId, options.signal)).cancel(sessionId, options),
    dispose,
    [Symbol.asyncDispose]: dispose
  }
}
