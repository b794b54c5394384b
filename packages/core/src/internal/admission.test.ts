import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as fc from "fast-check"
import { invalidRequest, type UploadError } from "../UploadError.ts"
import { type Admission, makeAdmission } from "./admission.ts"
import type { Priority } from "./turn-queue.ts"

interface Visit {
  readonly began: () => boolean
  readonly end: Effect.Effect<void>
  readonly interrupt: Effect.Effect<void>
  readonly result: Effect.Effect<void, UploadError>
}

/** Lets every fiber go as far as it can. */
const settle = Effect.gen(function* () {
  for (let i = 0; i < 5; i++) yield* Effect.yieldNow
})

/** An upload that runs until the test ends it. */
const visit = Effect.fnUntraced(function* (
  admission: Admission,
  priority: Priority = "normal"
): Effect.fn.Return<Visit> {
  let began = false
  const end = yield* Deferred.make<void>()
  const fiber = yield* Effect.forkDetach(
    admission.admitted(priority)(
      Effect.suspend(() => {
        began = true
        return Deferred.await(end)
      })
    )
  )
  yield* settle
  return {
    began: () => began,
    end: Effect.andThen(Deferred.succeed(end, undefined), settle),
    interrupt: Effect.andThen(Fiber.interrupt(fiber), settle),
    result: Fiber.join(fiber)
  }
})

const visits = (admission: Admission, count: number): Effect.Effect<ReadonlyArray<Visit>> =>
  Effect.all(Array.from({ length: count }, () => visit(admission)))

describe("admission", () => {
  it.effect("runs as many uploads as it may, the others in the order in which they came", () =>
    Effect.gen(function* () {
      const admission = makeAdmission({ maxUploads: 2, maxQueuedUploads: 10 })
      const [first, second, third, fourth] = yield* visits(admission, 4)
      expect([first, second, third, fourth].map((one) => one?.began())).toEqual([true, true, false, false])
      expect([admission.running(), admission.waiting()]).toEqual([2, 2])
      yield* second?.end ?? Effect.void
      expect([third?.began(), fourth?.began()]).toEqual([true, false])
      yield* third?.end ?? Effect.void
      expect(fourth?.began()).toBe(true)
    })
  )

  it.effect("lets the urgent go before those who came earlier", () =>
    Effect.gen(function* () {
      const admission = makeAdmission({ maxUploads: 1, maxQueuedUploads: 10 })
      const running = yield* visit(admission)
      const low = yield* visit(admission, "low")
      const normal = yield* visit(admission)
      const high = yield* visit(admission, "high")
      const began = () => [low, normal, high].map((one) => one.began())
      yield* running.end
      expect(began()).toEqual([false, false, true])
      yield* high.end
      expect(began()).toEqual([false, true, true])
      yield* normal.end
      expect(began()).toEqual([true, true, true])
    })
  )

  it.effect("turns away at once who would be one too many in the queue, and says what to do", () =>
    Effect.gen(function* () {
      const admission = makeAdmission({ maxUploads: 1, maxQueuedUploads: 2 })
      const [running] = yield* visits(admission, 3)
      const error = yield* Effect.flip((yield* visit(admission, "high")).result)
      expect(error).toMatchObject({ retry: "temporary", reason: { _tag: "Rejected", status: 429 } })
      expect(error.message).toMatch(/1 uploads run and 2 wait.*try again later.*raise/)
      yield* running?.end ?? Effect.void
      expect((yield* visit(admission)).began()).toBe(false)
      expect([admission.running(), admission.waiting()]).toEqual([1, 2])
    })
  )

  it.effect("with no queue, only a free place is let in", () =>
    Effect.gen(function* () {
      const admission = makeAdmission({ maxUploads: 1, maxQueuedUploads: 0 })
      const running = yield* visit(admission)
      expect(running.began()).toBe(true)
      expect((yield* Effect.flip((yield* visit(admission)).result)).reason._tag).toBe("Rejected")
      yield* running.end
      expect((yield* visit(admission)).began()).toBe(true)
    })
  )

  it.effect("an upload that is interrupted while it waits leaves the queue and never begins", () =>
    Effect.gen(function* () {
      const admission = makeAdmission({ maxUploads: 1, maxQueuedUploads: 2 })
      const [running, leaving, staying] = yield* visits(admission, 3)
      yield* leaving?.interrupt ?? Effect.void
      expect(admission.waiting()).toBe(1)
      yield* running?.end ?? Effect.void
      expect([leaving?.began(), staying?.began()]).toEqual([false, true])
    })
  )

  it.effect("an upload that fails or dies gives its place back", () =>
    Effect.gen(function* () {
      const admission = makeAdmission({ maxUploads: 1, maxQueuedUploads: 2 })
      const error = invalidRequest("no")
      expect(yield* Effect.flip(admission.admitted("normal")(Effect.fail(error)))).toBe(error)
      yield* Effect.exit(admission.admitted("normal")(Effect.die("broken")))
      expect([admission.running(), admission.waiting()]).toEqual([0, 0])
    })
  )

  it("runs no more than it may, keeps no place free while somebody waits, and loses none", async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom("low" as const, "normal" as const, "high" as const) },
      { weight: 2, arbitrary: fc.record({ which: fc.nat(), interrupt: fc.boolean() }) }
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(4), fc.nat(4), fc.array(step, { maxLength: 50 }), (more, maxQueuedUploads, steps) =>
        Effect.gen(function* () {
          const maxUploads = more + 1
          const admission = makeAdmission({ maxUploads, maxQueuedUploads })
          const all = new Set<Visit>()
          for (const step of steps) {
            if (typeof step === "string") {
              const full = all.size === maxUploads + maxQueuedUploads
              const one = yield* visit(admission, step)
              if (full) expect((yield* Effect.flip(one.result)).reason._tag).toBe("Rejected")
              else all.add(one)
            } else {
              const able = [...all].filter(({ began }) => step.interrupt || began())
              const [one] = able.slice(step.which % Math.max(1, able.length))
              if (one === undefined) continue
              yield* step.interrupt ? one.interrupt : one.end
              all.delete(one)
            }
            const running = [...all].filter(({ began }) => began()).length
            expect(running).toBe(Math.min(maxUploads, all.size))
            expect(admission.running()).toBe(running)
            expect(admission.waiting()).toBe(all.size - running)
          }
          for (const { interrupt } of all) yield* interrupt
          expect([admission.running(), admission.waiting()]).toEqual([0, 0])
        }).pipe(Effect.runPromise)
      ),
      { numRuns: 50 }
    )
  })
})
