import { expect, it } from "vitest"
import { sharedRun } from "./shared-run.ts"

/** A run that is over when it is told so. */
function controlled() {
  const runs: Array<PromiseWithResolvers<void>> = []
  const ask = sharedRun(() => {
    const run = Promise.withResolvers<void>()
    runs.push(run)
    return run.promise
  })
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return { ask, runs, settle }
}

it("whoever asks is answered by a run that began after they asked, which the others share", async () => {
  const { ask, runs, settle } = controlled()
  const answered: Array<string> = []
  void ask().then(() => answered.push("first"))
  await settle()
  void ask().then(() => answered.push("second"))
  void ask().then(() => answered.push("third"))
  await settle()
  expect(runs.length).toBe(1)

  runs[0]?.resolve()
  await settle()
  expect(answered).toEqual(["first"])
  expect(runs.length).toBe(2)

  runs[1]?.resolve()
  await settle()
  expect(answered).toEqual(["first", "second", "third"])
  expect(runs.length).toBe(2)
})

it("a run that fails fails those who share it, and no later one", async () => {
  const { ask, runs, settle } = controlled()
  const failed = Promise.allSettled([ask(), ask()])
  await settle()
  const later = ask()
  runs[0]?.reject(new Error("no space"))
  expect((await failed).map(({ status }) => status)).toEqual(["rejected", "rejected"])
  await settle()
  runs[1]?.resolve()
  await expect(later).resolves.toBeUndefined()
})
