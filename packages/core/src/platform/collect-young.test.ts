import { constants, PerformanceObserver } from "node:perf_hooks"
import { expect, it } from "vitest"
import { collectYoung } from "./collect-young.ts"

const MiB = 1024 * 1024

/** Kinds of the collections that V8 makes while `work` runs. */
const collections = async (work: () => void): Promise<ReadonlyArray<unknown>> => {
  const kinds: Array<unknown> = []
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (isGc(entry)) kinds.push(entry.detail.kind)
  })
  observer.observe({ entryTypes: ["gc"] })
  work()
  // Entries are told in a later turn.
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  observer.disconnect()
  return kinds
}

const isGc = (entry: object): entry is { readonly detail: { readonly kind: number } } =>
  "detail" in entry && typeof entry.detail === "object" && entry.detail !== null && "kind" in entry.detail

it("collects the young generation, and it alone, once in 8 MiB of chunks", async () => {
  collectYoung(8 * MiB)
  const kinds = await collections(() => {
    for (let i = 0; i < 4 * 8 * 16; i++) collectYoung(MiB / 16)
  })
  expect(kinds.filter((kind) => kind === constants.NODE_PERFORMANCE_GC_MINOR).length).toBeGreaterThanOrEqual(4)
  expect(kinds).not.toContain(constants.NODE_PERFORMANCE_GC_MAJOR)
})

it("leaves no gc behind for others to find", () => {
  expect("gc" in globalThis).toBe(false)
})
