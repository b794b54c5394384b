import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { onEveryStore } from "../engine/target.ts"
import { live, openWorkplace, resumed, sizes, type Workplace } from "./lives.ts"

let place: Workplace
beforeAll(async () => {
  place = await openWorkplace()
})
afterAll(() => place[Symbol.asyncDispose]())

onEveryStore("a process killed at each of its steps, and its upload resumed by another [row 49]", (target) => {
  describe.each(Object.entries(sizes))("%s", (_, size) => {
    it("holds the source's bytes, sends nothing twice and leaves nothing", { timeout: 240_000 }, async () => {
      const whole = await live(place.workOf(target(), size))
      expect(whole.last, whole.errors).toBe(`stored ${size} source`)
      expect(whole.steps[0]).toBe("before journal create")
      expect(whole.steps.at(-1)).toBe("after journal delete")

      const deaths = whole.steps.map((_, index) => index + 1)
      const next = async (): Promise<void> => {
        for (let killAt = deaths.shift(); killAt !== undefined; killAt = deaths.shift()) {
          const work = place.workOf(target(), size)
          const life = await live({ ...work, killAt })
          expect(life.signal, `${whole.steps[killAt - 1]}: ${life.errors}`).toBe("SIGKILL")
          await resumed(target(), work).catch((error: unknown) => {
            throw new Error(`killed ${life.steps.at(-1)}`, { cause: error })
          })
        }
      }
      await Promise.all([next(), next()])
      await target().assertNothingLeft()
    })
  })

  it("survives a second death while it is resumed", { timeout: 120_000 }, async () => {
    for (const [first, second] of [
      [6, 5],
      [9, 7],
      [14, 9],
      [20, 4],
      [24, 6]
    ]) {
      const work = place.workOf(target(), sizes["a multipart upload"])
      expect(await live({ ...work, killAt: first })).toMatchObject({ signal: "SIGKILL" })
      expect(await live({ ...work, resume: true, killAt: second })).toMatchObject({ signal: "SIGKILL" })
      await resumed(target(), work).catch((error: unknown) => {
        throw new Error(`killed at ${first} and ${second}`, { cause: error })
      })
    }
    await target().assertNothingLeft()
  })
})
