import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as FileJournal from "@sluice/core/FileJournal"
import { makeMemory } from "@sluice/core/Journal"
import { named } from "@sluice/core/NamedJournal"
import type { Session } from "@sluice/core/Session"
import * as Effect from "effect/Effect"
import { describe, it } from "vitest"
import { type FreshJournal, journalSuite } from "../src/conformance/journal.ts"

const inDirectory: FreshJournal = Effect.map(
  Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "sluice-journal-"))),
    (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
  ),
  FileJournal.make
)

/** One store's of a journal that others share, without the name that it adds. */
const shared: FreshJournal = Effect.map(makeMemory, (journal) => {
  const own = named(journal, "media")
  const nameless = Effect.map(({ store: _, ...session }: Session) => session)
  return Effect.succeed({
    ...own,
    get: (sessionId) => nameless(own.get(sessionId)),
    update: (session) => nameless(own.update(session))
  })
})

const journals = { memory: Effect.map(makeMemory, Effect.succeed), file: inDirectory, named: shared }

for (const [name, fresh] of Object.entries(journals)) {
  describe(`the ${name} journal`, () => {
    for (const { name, run } of journalSuite(fresh)) it(name, run)
  })
}
