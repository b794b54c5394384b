/** A few seeds of the simulation; `npm run sim` runs more (docs/testkit.md, "Simulation"). */

import { uploadError } from "@sluice/core/UploadError"
import { type HistoryEvent, simulate } from "@sluice/testkit/simulation"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"

const problemsOf = async (seed: number): Promise<ReadonlyArray<string>> =>
  (await simulate({ seed })).violations.map(({ message, rule }) => `seed ${seed}, ${rule}: ${message}`)

it("no seed of a fixed few breaks a promise", async () => {
  for (let seed = 1; seed <= 20; seed++) expect(await problemsOf(seed)).toEqual([])
})

it("a Create that was applied and is never answered leaves nothing in the end", async () => {
  for (const seed of [1, 2, 3]) {
    let silent = false
    const { calls, violations } = await simulate({
      seed,
      keep: new Set(),
      store: (store) => ({
        ...store,
        createMultipartUpload: (input) => {
          const answer = store.createMultipartUpload(input)
          if (silent) return answer
          silent = true
          return Effect.andThen(answer, Effect.never)
        }
      })
    })
    expect(calls).toBeGreaterThan(10)
    expect(violations).toEqual([])
  }
})

it("an upload that can neither be recorded nor aborted stays named", async () => {
  const away = uploadError({ _tag: "Unavailable", message: "nobody is there", away: true })
  const journalAway = uploadError({ _tag: "JournalFailed", message: "the journal is away" })
  for (const seed of [1, 2, 3]) {
    let lost: string | undefined
    let asked = 0
    const { violations } = await simulate({
      seed,
      keep: new Set(),
      store: (store) => ({
        ...store,
        abortMultipartUpload: (input) =>
          input.uploadId === lost && asked < 2 ? Effect.fail(away) : store.abortMultipartUpload(input)
      }),
      journal: (journal) => ({
        ...journal,
        update: (session) => {
          if (lost !== undefined || session.state !== "uploading") return journal.update(session)
          lost = session.uploadId
          return Effect.andThen(journal.update(session), Effect.fail(journalAway))
        },
        get: (id) => (lost !== undefined && asked++ === 0 ? Effect.fail(journalAway) : journal.get(id))
      })
    })
    expect(lost).toBeDefined()
    expect(violations).toEqual([])
  }
})

it("a seed gives the same history each time, to the last request", async () => {
  const seen = (history: ReadonlyArray<HistoryEvent>) => history.map(({ at, _tag }) => `${at} ${_tag}`)
  const [first, second] = [await simulate({ seed: 2 }), await simulate({ seed: 2 })]
  expect(first.calls).toBeGreaterThan(10)
  expect(seen(second.history)).toEqual(seen(first.history))
  expect(second.faults).toEqual(first.faults)
})

it("without one fault the others stay what they were", async () => {
  const all = await simulate({ seed: 2 })
  const [gone, ...rest] = all.faults
  const some = await simulate({ seed: 2, keep: new Set(rest.map(({ site }) => site)) })
  expect(gone).toBeDefined()
  expect(rest.length).toBeGreaterThan(0)
  expect(rest).toEqual(expect.arrayContaining([...some.faults]))
})
