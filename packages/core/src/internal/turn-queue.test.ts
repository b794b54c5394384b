import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { makeTurnQueue, type Priority, patience } from "./turn-queue.ts"

const priorities = ["low", "normal", "high"] as const

/** Everybody who waits, in the order of their turns. */
const drain = (queue: { readonly next: () => string | undefined }): ReadonlyArray<string> => {
  const turns: Array<string> = []
  for (let turn = queue.next(); turn !== undefined; turn = queue.next()) turns.push(turn)
  return turns
}

describe("a turn queue", () => {
  it("serves the more urgent first, and equals in the order in which they came", () => {
    const queue = makeTurnQueue<string>()
    for (const name of ["low 1", "normal 1", "high 1", "high 2", "low 2", "normal 2"]) {
      queue.add(name, name.startsWith("high") ? "high" : name.startsWith("low") ? "low" : "normal")
    }
    expect(queue.size()).toBe(6)
    expect(drain(queue)).toEqual(["high 1", "high 2", "normal 1", "normal 2", "low 1", "low 2"])
    expect(queue.size()).toBe(0)
  })

  it("forgets who leaves", () => {
    const queue = makeTurnQueue<string>()
    queue.add("first", "normal")
    queue.add("second", "normal")
    expect(queue.remove("first")).toBe(true)
    expect(queue.remove("first")).toBe(false)
    expect(queue.size()).toBe(1)
    expect(drain(queue)).toEqual(["second"])
  })

  it("gives the least urgent their turn however many urgent ones keep coming", () => {
    const queue = makeTurnQueue<Priority>()
    const turns: Array<Priority | undefined> = []
    queue.add("low", "low")
    queue.add("normal", "normal")
    for (let i = 0; i < 3 * patience; i++) {
      queue.add("high", "high")
      turns.push(queue.next())
    }
    expect(turns.slice(0, patience)).toEqual(Array.from({ length: patience }, () => "high"))
    expect([...turns.slice(patience, patience + 2)].sort()).toEqual(["low", "normal"])
  })

  it("makes a line whose turn has come wait its patience again", () => {
    const queue = makeTurnQueue<string>()
    for (let i = 0; i < 3; i++) queue.add(`low ${i}`, "low")
    const turns = Array.from({ length: 3 * (patience + 1) }, (_, i) => {
      queue.add(`high ${i}`, "high")
      return queue.next()
    })
    expect(turns.flatMap((turn, i) => (turn?.startsWith("low") ? [i] : []))).toEqual(
      [1, 2, 3].map((round) => round * (patience + 1) - 1)
    )
  })

  it("a line that was empty begins its patience anew", () => {
    const queue = makeTurnQueue<Priority>()
    const urgent = (turns: number): ReadonlyArray<Priority | undefined> =>
      Array.from({ length: turns }, () => {
        queue.add("high", "high")
        return queue.next()
      })
    queue.add("low", "low")
    urgent(patience)
    queue.remove("low")
    queue.add("low", "low")
    expect(urgent(patience)).not.toContain("low")
    queue.add("high", "high")
    expect(queue.next()).toBe("low")
  })

  it("keeps the order among equals, loses nobody and starves nobody, whatever comes and goes", () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...priorities) },
      { weight: 3, arbitrary: fc.constant("turn" as const) },
      { weight: 1, arbitrary: fc.nat().map((which) => ({ leave: which })) }
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const queue = makeTurnQueue<number>()
        let names = 0
        const waiting = new Map<number, { readonly priority: Priority; passedOver: number }>()
        const rank = (priority: Priority): number => priorities.indexOf(priority)
        for (const step of steps) {
          if (step === "turn") {
            const turn = queue.next()
            if (turn === undefined) {
              expect(waiting.size).toBe(0)
              continue
            }
            const served = waiting.get(turn)
            waiting.delete(turn)
            if (served === undefined) throw new Error("served, but not waiting")
            const equals = [...waiting].filter(([, { priority }]) => priority === served.priority)
            for (const [name] of equals) expect(name).toBeGreaterThan(turn)
            // The head of each line: a less urgent line waits at most its patience and the turn of the other due line.
            for (const priority of priorities) {
              const head = [...waiting.values()].find((waiter) => waiter.priority === priority)
              if (head === undefined) continue
              head.passedOver++
              if (rank(priority) <= rank(served.priority)) expect(head.passedOver).toBeLessThanOrEqual(patience + 1)
            }
          } else if (typeof step === "string") {
            queue.add(names, step)
            waiting.set(names++, { priority: step, passedOver: 0 })
          } else {
            const [name] = [...waiting.keys()].slice(step.leave % Math.max(1, waiting.size))
            if (name === undefined) continue
            expect(queue.remove(name)).toBe(true)
            waiting.delete(name)
          }
          expect(queue.size()).toBe(waiting.size)
        }
      })
    )
  })
})
