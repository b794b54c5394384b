import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { makePrng } from "./Prng.ts"
import { shrink } from "./shrink.ts"
import { VirtualProcess } from "./VirtualProcess.ts"
import { VirtualTime } from "./VirtualTime.ts"

const makeTime = (seed = 1): VirtualTime => new VirtualTime(makePrng(seed), 0)
const makeProcess = (time: VirtualTime): VirtualProcess => new VirtualProcess({ name: "p", time, prng: makePrng(1) })

it("a day passes in no time, and sleepers wake in the order of their times", async () => {
  const time = makeTime()
  const process = makeProcess(time)
  const woken: Array<number> = []
  for (const hours of [24, 1, 5, 3]) {
    process.start(
      Effect.andThen(
        Effect.sleep(hours * 3_600_000),
        Effect.sync(() => woken.push(hours))
      )
    )
  }
  expect(await time.run()).toBe("quiet")
  expect(woken).toEqual([1, 3, 5, 24])
  expect(time.now).toBe(24 * 3_600_000)
})

it("what is ready at one time runs in an order that the seed chooses", async () => {
  const orderOf = async (seed: number): Promise<string> => {
    const time = makeTime(seed)
    const seen: Array<number> = []
    for (let i = 0; i < 8; i++) time.soon(() => seen.push(i))
    await time.run()
    return seen.join()
  }
  const orders = await Promise.all([1, 1, 2, 3, 4].map(orderOf))
  expect(orders[0]).toBe(orders[1])
  expect(new Set(orders).size).toBeGreaterThan(2)
})

it("promises settle before time goes on", async () => {
  const time = makeTime()
  const process = makeProcess(time)
  let at = -1
  const slowly = async (): Promise<void> => {
    for (let i = 0; i < 100; i++) await null
    at = time.now
  }
  process.start(Effect.promise(slowly))
  time.in(5, () => undefined)
  await time.run()
  expect(at).toBe(0)
})

it("a process that is killed does nothing more, not even its finalizers", async () => {
  const time = makeTime()
  const process = makeProcess(time)
  const seen: Array<string> = []
  process.start(
    Effect.onExit(
      Effect.andThen(
        Effect.sleep(10),
        Effect.sync(() => seen.push("went on"))
      ),
      () => Effect.sync(() => seen.push("finalized"))
    )
  )
  time.in(5, process.kill)
  expect(await time.run()).toBe("quiet")
  expect(seen).toEqual([])
})

it("a process that is frozen goes on later", async () => {
  const time = makeTime()
  const process = makeProcess(time)
  let woken = 0
  process.start(
    Effect.andThen(
      Effect.sleep(10),
      Effect.sync(() => (woken = time.now))
    )
  )
  time.in(5, () => process.freeze(100))
  await time.run()
  expect(woken).toBe(105)
})

it("what never ends is said to be endless", async () => {
  const time = makeTime()
  makeProcess(time).start(Effect.forever(Effect.sleep(1)))
  expect(await time.run(1_000)).toBe("endless")
})

it("a list is shrunk to the fewest entries that still do it", async () => {
  const all = Array.from({ length: 40 }, (_, i) => i)
  expect(await shrink(all, async (some) => some.includes(7) && some.includes(31))).toEqual([7, 31])
  expect(await shrink(all, async () => true)).toEqual([])
  expect(await shrink([1, 2], async (some) => some.length === 2)).toEqual([1, 2])
})
