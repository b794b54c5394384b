import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { slabSize } from "../Defaults.ts"
import { makeSlabPool, type SlabTicket } from "./slab-pool.ts"

const never = new AbortController().signal

/** What `take` gave at once, or undefined when it waits. */
const now = (taken: ReturnType<SlabTicket["take"]>): ReadonlyArray<Uint8Array> | undefined =>
  taken instanceof Promise ? undefined : taken

describe("the slab pool", () => {
  it("gives slabs until the budget is spent, then makes takers wait for a release", async () => {
    const pool = makeSlabPool(4 * slabSize)
    const ticket = pool.open(4 * slabSize)
    const first = now(ticket.take(4, never))
    expect(first).toHaveLength(4)
    expect(pool.inUse()).toBe(4 * slabSize)
    const waiting = ticket.take(1, never)
    expect(now(waiting)).toBeUndefined()
    pool.release(first ?? [])
    expect(await waiting).toHaveLength(1)
    expect(pool.inUse()).toBe(slabSize)
  })

  it("keeps a whole part back for the oldest part being filled, so that it never waits for younger ones", () => {
    const pool = makeSlabPool(6 * slabSize)
    const oldest = pool.open(4 * slabSize)
    const younger = pool.open(4 * slabSize)
    expect(now(younger.take(2, never))).toHaveLength(2)
    expect(now(younger.take(1, never))).toBeUndefined()
    for (let i = 0; i < 4; i++) expect(now(oldest.take(1, never))).toBeUndefined()
  })

  it("serves the oldest part first even when others queued before it", async () => {
    const pool = makeSlabPool(4 * slabSize)
    const oldest = pool.open(4 * slabSize)
    const held = now(oldest.take(3, never)) ?? []
    const younger = pool.open(4 * slabSize)
    const order: Array<string> = []
    const late = Promise.resolve(younger.take(1, never)).then(() => order.push("younger"))
    const early = Promise.resolve(oldest.take(1, never)).then(() => order.push("oldest"))
    await early
    oldest.close()
    pool.release(held)
    await late
    expect(order).toEqual(["oldest", "younger"])
  })

  it("frees what was reserved when a part is closed", async () => {
    const pool = makeSlabPool(4 * slabSize)
    const oldest = pool.open(4 * slabSize)
    const younger = pool.open(2 * slabSize)
    const waiting = younger.take(2, never)
    expect(now(waiting)).toBeUndefined()
    oldest.close()
    expect(await waiting).toHaveLength(2)
  })

  it("lets a part that was planned under a larger budget end after the budget shrank", async () => {
    const pool = makeSlabPool(8 * slabSize)
    const ticket = pool.open(6 * slabSize)
    const held = [...(now(ticket.take(3, never)) ?? [])]
    pool.resize(2 * slabSize)
    held.push(...(await ticket.take(3, never)))
    expect(held).toHaveLength(6)
    ticket.close()
    pool.release(held)
    expect(pool.inUse()).toBe(0)
    expect(now(pool.open(slabSize).take(2, never))).toHaveLength(2)
  })

  it("forgets a taker that gave up", async () => {
    const pool = makeSlabPool(slabSize)
    const ticket = pool.open(slabSize)
    const held = now(ticket.take(1, never)) ?? []
    const controller = new AbortController()
    const waiting = Promise.resolve(ticket.take(1, controller.signal))
    controller.abort()
    await expect(waiting).rejects.toThrow("given up")
    pool.release(held)
    expect(pool.inUse()).toBe(0)
  })

  it("never holds more than the budget and always lets every part finish, whatever the interleaving", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 4, max: 16 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 24 }),
        async (budget, parts) => {
          const pool = makeSlabPool(budget * slabSize)
          const fill = async (slabs: number): Promise<void> => {
            const ticket = pool.open(slabs * slabSize)
            const held: Array<Uint8Array> = []
            while (held.length < slabs) {
              held.push(...(await ticket.take(1, never)))
              expect(pool.inUse()).toBeLessThanOrEqual(budget * slabSize)
            }
            ticket.close()
            await Promise.resolve()
            pool.release(held)
          }
          await Promise.all(parts.map(fill))
          expect(pool.inUse()).toBe(0)
        }
      )
    )
  })
})
