import type { JournalApi, Lease } from "@sluice/core/Journal"
import { type UploadError, uploadError } from "@sluice/core/UploadError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Actor } from "./Actor.ts"
import { drawJournalFault } from "./Faults.ts"
import type { VirtualProcess } from "./VirtualProcess.ts"
import type { World } from "./World.ts"

const away = (): UploadError =>
  uploadError({ _tag: "JournalFailed", message: "the journal is away" }, { retry: "temporary" })

/**
 * The world's journal as one process sees it: a server with a clock of its own, over a network where things go wrong.
 * What it has written survives the process.
 */
export const makeVirtualJournal = (world: World, process: VirtualProcess, inner: JournalApi): JournalApi => {
  const { faults, time } = world

  /** Waits, in this process. */
  const pause = (ms: number): Effect.Effect<void> =>
    Effect.callback((resume) => {
      const cancel = time.in(ms, () => process.soon(() => resume(Effect.void)))
      return Effect.sync(cancel)
    })
  const die = Effect.suspend(() => {
    world.kill(process)
    return Effect.never
  })

  const calling = <A, E>(name: string, call: Effect.Effect<A, E>, fail: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(Actor, (actor) => {
      if (!process.alive) return Effect.never
      const site = faults.visit(`${actor} journal ${name}`)
      const fault = faults.decide(site, (prng) => drawJournalFault(prng, world.weather))
      const draw = faults.drawAt(site)
      const [upMs, downMs] = [draw.between(0, 5), draw.between(0, 5)]
      const done = Effect.provideService(call, Clock.Clock, world.journalClock)
      if (fault?._tag === "Killed" && fault.when === "sent") return die
      if (fault?._tag === "Frozen") world.freeze(process, fault.ms)
      if (fault !== undefined && fault._tag !== "Killed") world.record({ _tag: "NotJournalled", actor })
      const slowMs = fault?._tag === "JournalSlow" ? fault.ms : 0
      return Effect.andThen(
        pause(upMs),
        // What has arrived is done, whether anybody listens or not.
        fault?._tag === "JournalAway"
          ? Effect.andThen(fault.applied ? Effect.exit(done) : Effect.void, Effect.andThen(pause(downMs), fail))
          : fault?._tag === "Killed"
            ? Effect.andThen(Effect.exit(done), die)
            : Effect.flatMap(Effect.exit(done), (exit) => Effect.andThen(pause(downMs + slowMs), exit))
      )
    })
  const reliable = <A>(name: string, call: Effect.Effect<A, UploadError>): Effect.Effect<A, UploadError> =>
    calling(name, call, Effect.fail(away()))

  const leased = (actor: string, ttlMs: number, lease: Lease): Lease => ({
    ...lease,
    renew: reliable(
      "renew",
      Effect.map(lease.renew, (renewed) => {
        world.leased("LeaseRenewed", actor, process, renewed)
        return leased(actor, ttlMs, renewed)
      })
    ),
    release: calling(
      "release",
      Effect.tap(lease.release, () => Effect.sync(() => world.released(actor, lease))),
      Effect.void
    ),
    stopRequested: reliable("stop?", lease.stopRequested)
  })

  return {
    durable: world.durable,
    create: (session) =>
      reliable(
        "create",
        Effect.andThen(
          inner.create(session),
          Effect.map(Actor, (actor) => world.journalled(actor, session))
        )
      ),
    get: (id) => reliable("get", inner.get(id)),
    update: (session) => reliable(`update ${session.state}`, inner.update(session)),
    putReceipt: (id, receipt) =>
      reliable(
        `receipt ${receipt.partNumber}`,
        Effect.tap(inner.putReceipt(id, receipt), () => Effect.sync(() => world.receipted(id, receipt)))
      ),
    receipts: (id, page) => reliable("receipts", inner.receipts(id, page)),
    acquire: (id, ttlMs) =>
      Effect.flatMap(Actor, (actor) =>
        reliable(
          "acquire",
          Effect.map(inner.acquire(id, ttlMs), (lease) => {
            world.leased("LeaseTaken", actor, process, lease)
            return leased(actor, ttlMs, lease)
          })
        )
      ),
    requestStop: (id) => reliable("requestStop", inner.requestStop(id)),
    listExpired: (before) => reliable("listExpired", inner.listExpired(before)),
    listByKey: (bucket, key) => reliable("listByKey", inner.listByKey(bucket, key)),
    listUndelivered: () => reliable("listUndelivered", inner.listUndelivered()),
    delete: (id) => reliable("delete", inner.delete(id))
  }
}
