import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { slabSize } from "../Defaults.ts"
import { makeSlabPool, type SlabPool, type SlabShare, type SlabTicket } from "./slab-pool.ts"

const never = new AbortController().signal

/** What `take` gave at once, or undefined when it waits. */
const now = (taken: ReturnType<SlabTicket["take"]>): ReadonlyArray<Uint8Array> | undefined =>
  taken instanceof Promise ? undefined : taken

describe("the slab pool", () => {
  it("gives slabs until the budget is spent, then makes takers wait for a release", async () => {
    const pool = makeSlabPool(4 * slabSize)
    const share = pool.join()
    const ticket = share.open(4 * slabSize)
    const first = now(ticket.take(4, never))
    expect(first).toHaveLength(4)
    expect(pool.inUse()).toBe(4 * slabSize)
    const waiting = ticket.take(1, never)
    expect(now(waiting)).toBeUndefined()
    share.release(first ?? [])
    expect(await waiting).toHaveLength(1)
    expect(pool.inUse()).toBe(slabSize)
  })

  it("keeps a whole part back for the oldest part being filled, so that it never waits for younger ones", () => {
    const pool = makeSlabPool(6 * slabSize)
    const share = pool.join()
    const oldest = share.open(4 * slabSize)
    const younger = share.open(4 * slabSize)
    expect(now(younger.take(2, never))).toHaveLength(2)
    expect(now(younger.take(1, never))).toBeUndefined()
    for (let i = 0; i < 4; i++) expect(now(oldest.take(1, never))).toBeUndefined()
  })

  it("serves the oldest part first even when others queued before it", async () => {
    const pool = makeSlabPool(4 * slabSize)
    const share = pool.join()
    const oldest = share.open(4 * slabSize)
    const held = now(oldest.take(3, never)) ?? []
    const younger = share.open(4 * slabSize)
    const order: Array<string> = []
    const late = Promise.resolve(younger.take(1, never)).then(() => order.push("younger"))
    const early = Promise.resolve(oldest.take(1, never)).then(() => order.push("oldest"))
    await early
    oldest.close()
    share.release(held)
    await late
    expect(order).toEqual(["oldest", "younger"])
  })

  it("frees what was reserved when a part is closed", async () => {
    const pool = makeSlabPool(4 * slabSize)
    const share = pool.join()
    const oldest = share.open(4 * slabSize)
    const younger = share.open(2 * slabSize)
    const waiting = younger.take(2, never)
    expect(now(waiting)).toBeUndefined()
    oldest.close()
    expect(await waiting).toHaveLength(2)
  })

  it("lets a part that was planned under a larger budget end after the budget shrank", async () => {
    const pool = makeSlabPool(8 * slabSize)
    const share = pool.join()
    const ticket = share.open(6 * slabSize)
    const held = [...(now(ticket.take(3, never)) ?? [])]
    pool.resize(2 * slabSize)
    held.push(...(await ticket.take(3, never)))
    expect(held).toHaveLength(6)
    ticket.close()
    share.release(held)
    expect(pool.inUse()).toBe(0)
    expect(now(share.open(slabSize).take(2, never))).toHaveLength(2)
  })

  it("forgets a taker that gave up", async () => {
    const pool = makeSlabPool(slabSize)
    const share = pool.join()
    const ticket = share.open(slabSize)
    const held = now(ticket.take(1, never)) ?? []
    const controller = new AbortController()
    const waiting = Promise.resolve(ticket.take(1, controller.signal))
    controller.abort()
    await expect(waiting).rejects.toThrow("given up")
    share.release(held)
    expect(pool.inUse()).toBe(0)
  })

  it("never holds more than the budget and always lets every part finish, whatever the interleaving", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 4, max: 16 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 24 }),
        async (budget, parts) => {
          const pool = makeSlabPool(budget * slabSize)
          const share = pool.join()
          const fill = async (slabs: number): Promise<void> => {
            const ticket = share.open(slabs * slabSize)
            const held: Array<Uint8Array> = []
            while (held.length < slabs) {
              held.push(...(await ticket.take(1, never)))
              expect(pool.inUse()).toBeLessThanOrEqual(budget * slabSize)
            }
            ticket.close()
            await Promise.resolve()
            share.release(held)
          }
          await Promise.all(parts.map(fill))
          expect(pool.inUse()).toBe(0)
        }
      )
    )
  })

  /** Slabs of a part that is filled and on its way. */
  const sending = (share: SlabShare, count: number): ReadonlyArray<Uint8Array> => {
    const ticket = share.open(count * slabSize)
    const slabs = now(ticket.take(count, never)) ?? []
    ticket.close()
    return slabs
  }

  /** Who gets memory in which order when all comes back at once; the first asks as the oldest part. */
  const orderOf = async (
    pool: SlabPool,
    takers: ReadonlyArray<readonly [string, SlabShare]>,
    release: () => void
  ): Promise<ReadonlyArray<string>> => {
    const order: Array<string> = []
    const oldest = pool.join().open(slabSize)
    const all = takers.map(([name, share]) =>
      Promise.resolve(share.open(slabSize).take(1, never)).then(() => order.push(name))
    )
    release()
    await Promise.all(all)
    oldest.close()
    return order
  }

  it("gives memory to the upload that holds least, whoever asked first", async () => {
    const pool = makeSlabPool(8 * slabSize)
    const [large, small] = [pool.join(), pool.join()]
    const slabs = sending(large, 8)
    const takers = [["large", large] as const, ["small", small] as const]
    expect(await orderOf(pool, takers, () => large.release(slabs.slice(0, 4)))).toEqual(["small", "large"])
  })

  it("counts what is held for its priority", async () => {
    const pool = makeSlabPool(8 * slabSize)
    const [low, high, other] = [pool.join("low"), pool.join("high"), pool.join()]
    sending(low, 1)
    sending(high, 3)
    const slabs = sending(other, 4)
    const takers = [["low", low] as const, ["high", high] as const]
    expect(await orderOf(pool, takers, () => other.release(slabs))).toEqual(["high", "low"])
  })

  /**
   * Uploads of so many parts each, `concurrency` in flight, the parts sent in an order of chance: what they hold and
   * the order in which they end. `joins` is the turn at which an upload begins.
   */
  const simulate = async (
    budget: number,
    uploads: ReadonlyArray<{ readonly parts: number; readonly slabs: number; readonly joins: number }>,
    pick: (count: number) => number
  ): Promise<ReadonlyArray<number>> => {
    const pool = makeSlabPool(budget * slabSize)
    const ended: Array<number> = []
    const inTheStore: Array<() => void> = []
    const begin = async (upload: number): Promise<void> => {
      const { parts, slabs } = uploads[upload] ?? { parts: 0, slabs: 0 }
      const share = pool.join()
      const inFlight = new Set<Promise<void>>()
      for (let part = 0; part < parts; part++) {
        while (inFlight.size >= 4) await Promise.race(inFlight)
        const ticket = share.open(slabs * slabSize)
        const held: Array<Uint8Array> = []
        // Every other upload reads a file, the others a stream.
        const step = upload % 2 === 0 ? slabs : 1
        while (held.length < slabs) held.push(...(await ticket.take(step, never)))
        ticket.close()
        expect(pool.inUse()).toBeLessThanOrEqual(budget * slabSize)
        const gone = new Promise<void>((resolve) => inTheStore.push(resolve)).then(() => {
          share.release(held)
          inFlight.delete(gone)
        })
        inFlight.add(gone)
      }
      await Promise.all(inFlight)
      ended.push(upload)
    }
    const waiting = new Set(uploads.keys())
    const running: Array<Promise<void>> = []
    for (let turn = 0, idle = 0; ended.length < uploads.length; turn++) {
      for (const upload of waiting) {
        if ((uploads[upload]?.joins ?? 0) <= turn && waiting.delete(upload)) running.push(begin(upload))
      }
      await new Promise((resolve) => setImmediate(resolve))
      const [stored] = inTheStore.splice(pick(inTheStore.length), 1)
      stored?.()
      // Nothing to send, and nobody is still to come: a deadlock.
      idle = stored === undefined && waiting.size === 0 ? idle + 1 : 0
      expect(idle).toBeLessThan(10)
    }
    await Promise.all(running)
    expect(pool.inUse()).toBe(0)
    expect(pool.highWater()).toBeLessThanOrEqual(budget * slabSize)
    return ended
  }

  it("lets every upload end within the budget, whatever their sizes, beginnings and the store's order", async () => {
    const upload = fc.record({
      parts: fc.integer({ min: 1, max: 6 }),
      slabs: fc.integer({ min: 1, max: 8 }),
      joins: fc.integer({ min: 0, max: 30 })
    })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 8, max: 40 }),
        fc.array(upload, { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        async (budget, uploads, chance) => {
          const ended = await simulate(budget, uploads, (count) => (chance.next().value ?? 0) % Math.max(1, count))
          expect(ended).toHaveLength(uploads.length)
        }
      ),
      { numRuns: 30 }
    )
  })

  it("lets each of 100 small uploads end before the first of 8 large ones that hold all memory already", async () => {
    const large = Array.from({ length: 8 }, () => ({ parts: 64, slabs: 8, joins: 0 }))
    const small = Array.from({ length: 100 }, () => ({ parts: 2, slabs: 8, joins: 40 }))
    const ended = await simulate(64, [...large, ...small], () => 0)
    expect(ended.slice(0, 100).every((upload) => upload >= 8)).toBe(true)
  })

  it("carries 1,000 uploads at once", async () => {
    const uploads = Array.from({ length: 1_000 }, () => ({ parts: 2, slabs: 8, joins: 0 }))
    expect(await simulate(256, uploads, () => 0)).toHaveLength(1_000)
  })
})
