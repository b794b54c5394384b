import * as Effect from "effect/Effect"
import type { EngineOptions } from "../Defaults.ts"
import type { JournalApi } from "../Journal.ts"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import type { Session } from "../Session.ts"
import type { SessionRun } from "./upload-run.ts"

/** Speaks to the store on behalf of a session that no upload runs for. */
export const sessionRun = (
  {
    journal,
    options,
    store
  }: { readonly journal: JournalApi; readonly options: EngineOptions; readonly store: ObjectStoreApi },
  session: Session
): SessionRun => {
  let current = session
  return {
    store,
    options,
    session: () => current,
    record: (change) =>
      Effect.map(journal.update({ ...current, ...change }), (next) => {
        current = next
      })
  }
}
