import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { expect, it } from "vitest"
import * as Batch from "./Batch.ts"
import { type UploadError, uploadError } from "./UploadError.ts"

const failed = uploadError({ _tag: "AccessDenied", message: "no" })
const named = (result: Batch.BatchResult<number, unknown>): string => `${result._tag} ${result.item}`

/** Work that ends when the test says so. */
const gated = () => {
  const begun: Array<number> = []
  const gates = new Map<number, Deferred.Deferred<string, UploadError>>()
  return {
    begun,
    work: (item: number) =>
      Effect.suspend(() => {
        const gate = Deferred.makeUnsafe<string, UploadError>()
        begun.push(item)
        gates.set(item, gate)
        return Effect.ensuring(
          Deferred.await(gate),
          Effect.sync(() => gates.delete(item))
        )
      }),
    running: () => [...gates.keys()].sort((a, b) => a - b),
    end: async (item: number) => {
      const gate = gates.get(item)
      if (gate === undefined) throw new Error(`${item} does not run`)
      Deferred.doneUnsafe(gate, Exit.succeed("ok"))
      await settled()
    }
  }
}

/** Until nothing moves any more: no clock, only turns. */
const settled = async () => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
}

it("one item's failure is its result alone, and results come as items end", async () => {
  const { end, work } = gated()
  const told: Array<string> = []
  const running = Effect.runPromise(
    Batch.run(
      [1, 2, 3, 4, 5],
      (item) => (item === 2 ? Effect.fail(failed) : item === 3 ? Effect.succeed(undefined) : work(item)),
      {
        onItem: (result) => void told.push(named(result))
      }
    )
  )
  await settled()
  await end(5)
  await end(1)
  await end(4)
  expect(await running).toEqual({ done: 3, skipped: 1, failed: 1 })
  expect(told).toEqual(["Failed 2", "Skipped 3", "Done 5", "Done 1", "Done 4"])
})

it("what interrupts one item fails that item alone", async () => {
  const told: Array<string> = []
  const summary = await Effect.runPromise(
    Batch.run([1, 2], (item) => (item === 1 ? Effect.interrupt : Effect.succeed("ok")), {
      onItem: (result) => void told.push(result._tag === "Failed" ? result.error.reason._tag : result._tag)
    })
  )
  expect(summary).toEqual({ done: 1, skipped: 0, failed: 1 })
  expect(told.sort()).toEqual(["Done", "SessionBusy"])
})

it("without continueOnError the first failure interrupts the others, and is what it fails with", async () => {
  const { begun, running, work } = gated()
  const batch = Batch.run([1, 2, 3, 4, 5], (item) => (item === 2 ? Effect.fail(failed) : work(item)), {
    concurrency: 2,
    continueOnError: false
  })
  expect(await Effect.runPromise(Effect.flip(batch))).toBe(failed)
  expect(begun).toEqual([1])
  expect(running()).toEqual([])
})

it("interrupting the batch interrupts what runs, begins nothing else, and lets go of the items", async () => {
  const { begun, running, work } = gated()
  let closed = false
  function* items() {
    try {
      for (let i = 0; ; i++) yield i
    } finally {
      closed = true
    }
  }
  const told: Array<string> = []
  const fiber = Effect.runFork(
    Batch.run(items(), work, { concurrency: 3, onItem: (result) => void told.push(named(result)) })
  )
  await settled()
  expect(running()).toEqual([0, 1, 2])
  await Effect.runPromise(Fiber.interrupt(fiber))
  expect([running(), begun, told, closed]).toEqual([[], [0, 1, 2], [], true])
})

it("items are taken as places become free, never listed", async () => {
  const { end, work } = gated()
  let taken = 0
  async function* items() {
    for (; taken < 10_000; ) yield taken++
  }
  const fiber = Effect.runFork(Batch.run(items(), work, { concurrency: 4 }))
  await settled()
  expect(taken).toBe(4)
  await end(2)
  expect(taken).toBe(5)
  await Effect.runPromise(Fiber.interrupt(fiber))
})

it("small items are not kept waiting behind large ones, and large ones keep half of the places", async () => {
  const { end, running, work } = gated()
  // Large ones come first.
  const isLarge = (item: number) => item < 20
  const items = [...Array.from({ length: 8 }, (_, i) => i), 20, 21, 22, 23]
  const batch = Effect.runPromise(Batch.run(items, work, { concurrency: 4, isLarge }))
  await settled()
  expect(running()).toEqual([0, 1, 20, 21])
  await end(20)
  await end(21)
  expect(running()).toEqual([0, 1, 22, 23])
  // No small ones are left: every place takes large ones.
  await end(22)
  await end(23)
  expect(running()).toHaveLength(4)
  for (const item of [0, 1, 2, 3, 4, 5, 6, 7]) {
    await settled()
    await end(item)
  }
  expect(await batch).toEqual({ done: 12, skipped: 0, failed: 0 })
})

it("no more than 64 large items are held while a small one is looked for", async () => {
  const { running, work } = gated()
  let taken = 0
  function* items() {
    for (; taken < 100_000; ) yield taken++
  }
  const fiber = Effect.runFork(Batch.run(items(), work, { concurrency: 4, isLarge: () => true }))
  await settled()
  await settled()
  await expect.poll(() => running().length).toBe(4)
  expect(taken).toBeLessThanOrEqual(64 + 4)
  await Effect.runPromise(Fiber.interrupt(fiber))
})

it("items that end in an error fail the batch, after what runs was interrupted", async () => {
  const { running, work } = gated()
  async function* items() {
    yield 1
    throw new Error("the list broke")
  }
  const error = await Effect.runPromise(Effect.flip(Batch.run(items(), work)))
  expect(error.message).toContain("the list broke")
  expect(running()).toEqual([])
})

it("refuses a concurrency that cannot be meant", async () => {
  for (const concurrency of [0, 1.5, Number.NaN, 1_001]) {
    const error = await Effect.runPromise(Effect.flip(Batch.run([1], () => Effect.void, { concurrency })))
    expect(error.message).toContain("1 to 1,000")
  }
})
