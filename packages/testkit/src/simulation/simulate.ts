import { Janitor, type JanitorApi } from "@sluice/core/Janitor"
import { Journal, type JournalApi } from "@sluice/core/Journal"
import { ObjectStore, type ObjectStoreApi } from "@sluice/core/ObjectStore"
import type { Plugin } from "@sluice/core/Plugin"
import * as Source from "@sluice/core/Source"
import type { StoredObject } from "@sluice/core/StoredObject"
import { isUploadError, type UploadError } from "@sluice/core/UploadError"
import { type UploadControl, Uploader, type UploaderApi } from "@sluice/core/Uploader"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { Actor } from "./Actor.ts"
import { checkHistory, type Violation } from "./check-history.ts"
import type { InjectedFault } from "./FaultPlan.ts"
import { guestPlugins, readBack } from "./guests.ts"
import type { History, RunEnd } from "./History.ts"
import { drawScenario, type Job, type Scenario } from "./Scenario.ts"
import { sourceOf } from "./sources.ts"
import type { Pool, VirtualProcess } from "./VirtualProcess.ts"
import { makeVirtualJournal } from "./virtual-journal.ts"
import { makeVirtualStore } from "./virtual-store.ts"
import { World } from "./World.ts"

/** What to simulate, and with what of your own. */
export interface SimulationOptions {
  readonly seed: number
  /** Only the faults at these sites happen; default: all that the seed brings. */
  readonly keep?: ReadonlySet<string> | undefined
  /** Plugins of yours, after those of the simulation; made anew for each process. Keep real clocks and sockets out. */
  readonly plugins?: (() => ReadonlyArray<Plugin>) | undefined
  /** Stands between the engine and the simulated store. */
  readonly store?: ((store: ObjectStoreApi) => ObjectStoreApi) | undefined
  /** Stands between the engine and the simulated journal. */
  readonly journal?: ((journal: JournalApi) => JournalApi) | undefined
  /** Stands between the engine and the memory of each process. */
  readonly pool?: ((pool: Pool) => Pool) | undefined
}

/** What came of one seed. */
export interface Simulation {
  readonly seed: number
  /** Uploads that were begun. */
  readonly uploads: number
  /** Runs of them, resumes included, and how many of those ended with the object stored. */
  readonly runs: number
  readonly succeeded: number
  /** Calls that left for the store. */
  readonly calls: number
  readonly faults: ReadonlyArray<InjectedFault>
  readonly violations: ReadonlyArray<Violation>
  readonly history: History
}

const day = 86_400_000

/** A process with an uploader and a janitor in it. */
interface Node {
  readonly process: VirtualProcess
  readonly uploader: UploaderApi
  readonly janitor: JanitorApi
}

/** Runs the scenario of a seed to its end, and checks what happened. The same options give the same history. */
export const simulate = async (options: SimulationOptions): Promise<Simulation> => {
  const { seed } = options
  const scenario = drawScenario(seed)
  const world = new World({ ...options, ...scenario, ...(scenario.guests.bytes ? { decode: readBack } : {}) })
  const simulation = new Running(world, scenario, options)
  const stuck = await simulation.run()
  simulation.close(stuck)
  const { history } = world
  const count = (wanted: (event: History[number]) => boolean): number => history.filter(wanted).length
  return {
    seed,
    uploads: count((event) => event._tag === "Began" && event.kind === "upload"),
    runs: count((event) => event._tag === "Began" && (event.kind === "upload" || event.kind === "resume")),
    succeeded: count((event) => event._tag === "Ended" && event.end._tag === "Succeeded"),
    calls: count((event) => event._tag === "Sent"),
    faults: world.faults.injected,
    violations: checkHistory(history),
    history
  }
}

const endOf = (exit: Exit.Exit<StoredObject | undefined, UploadError>): RunEnd => {
  if (Exit.isSuccess(exit))
    return exit.value === undefined ? { _tag: "Done" } : { _tag: "Succeeded", object: exit.value }
  if (Cause.hasInterruptsOnly(exit.cause)) return { _tag: "Interrupted" }
  const error = Cause.squash(exit.cause)
  if (!isUploadError(error)) return { _tag: "Crashed", message: String(error) }
  const { message, operation, reason, retry } = error
  return { _tag: "Failed", reason: reason._tag, retry, operation, message }
}

/** One simulation under way. */
class Running {
  readonly #world: World
  readonly #scenario: Scenario
  readonly #options: SimulationOptions
  readonly #supervisor: VirtualProcess
  readonly #nodes: Array<Node | undefined> = []
  readonly #foreign: ReadonlyArray<string>
  #processes = 0
  #ended = false

  constructor(world: World, scenario: Scenario, options: SimulationOptions) {
    this.#world = world
    this.#scenario = scenario
    this.#options = options
    this.#supervisor = world.process("supervisor")
    this.#foreign = scenario.keys.map((key) => {
      const { s3 } = world
      const created = s3.createMultipartUpload({ key, checksum: "none" })
      const uploadId = created._tag === "Success" ? created.success.uploadId : ""
      s3.uploadPart(key, uploadId, 1, { bytes: new Uint8Array([1, 2, 3]), crc32: undefined })
      return uploadId
    })
  }

  /** Undefined when all went to its end; else what did not. */
  async run(): Promise<string | undefined> {
    const { time } = this.#world
    this.#supervisor.start(
      Effect.andThen(
        this.#script,
        Effect.sync(() => (this.#ended = true))
      )
    )
    const end = await time.run(this.#scenario.mostSteps)
    if (end === "endless") return "it goes on for ever"
    return this.#ended ? undefined : "something waits for ever"
  }

  close(stuck: string | undefined): void {
    const { record, s3, sessions } = {
      record: this.#world.record,
      s3: this.#world.s3,
      sessions: this.#world.sessions()
    }
    for (const node of this.#nodes) {
      if (node === undefined || !node.process.alive) continue
      const { name, pool } = node.process
      const [inUse, highWater, budget] = [pool.inUse(), pool.highWater(), pool.capacity()]
      record({ _tag: "Memory", process: name, inUse, highWater, budget })
    }
    record({
      _tag: "Final",
      sessions: sessions.map(({ sessionId, state }) => `${sessionId} (${state})`),
      uploads: [...s3.uploads.keys()].filter((uploadId) => !this.#foreign.includes(uploadId)),
      touched: this.#foreign.filter((uploadId) => s3.uploads.get(uploadId)?.parts.size !== 1),
      deliveries: this.#scenario.guests.deliver,
      stuck
    })
  }

  /** All jobs and disturbances; then fair weather, and a Janitor with time. */
  get #script(): Effect.Effect<void> {
    const { disturbances, jobs, nodes, storms } = this.#scenario
    const { faults } = this.#world
    const spawn = Effect.forEach(
      Array.from({ length: nodes }, (_, slot) => slot),
      (slot) => this.#spawn(slot)
    )
    const work = Effect.all(
      [
        ...jobs.map((job) => this.#runJob(job)),
        ...storms.map(({ atMs, site, ...storm }) =>
          Effect.delay(
            Effect.sync(() => {
              if (faults.decide(site, () => ({ _tag: "Storm" as const, ...storm })) !== undefined)
                this.#world.addStorm(storm)
            }),
            atMs
          )
        ),
        ...disturbances.map((disturbance) => Effect.delay(this.#disturb(disturbance), disturbance.atMs))
      ],
      { concurrency: "unbounded", discard: true }
    )
    const settle = Effect.gen({ self: this }, function* () {
      faults.end()
      // What is late arrives, leases run out, deliveries are made.
      yield* Effect.sleep(day)
      const node = yield* this.#spawn(this.#nodes.length)
      // What a first sweep names is old enough for one a week later.
      for (let sweep = 1; sweep <= 3; sweep++) {
        yield* Effect.sleep(8 * day)
        yield* this.#sweep(node, `last sweep ${sweep}`, 7 * day)
      }
      yield* Effect.sleep(day)
    })
    return Effect.andThen(spawn, Effect.andThen(work, settle))
  }

  #spawn(slot: number): Effect.Effect<Node> {
    return Effect.gen({ self: this }, function* () {
      const world = this.#world
      const { engine, guests, memoryBudget, maxOps, skews } = this.#scenario
      const name = `process ${++this.#processes}`
      const process = world.process(name, {
        skewMs: skews[slot % skews.length] ?? 0,
        memoryBudget,
        maxOpsBeforeYield: maxOps,
        pool: this.#options.pool
      })
      const plugins = [...guestPlugins(world, guests, process), ...(this.#options.plugins?.() ?? [])]
      const store = (this.#options.store ?? ((it) => it))(makeVirtualStore(world, process))
      const journal = (this.#options.journal ?? ((it) => it))(makeVirtualJournal(world, process, world.journal))
      const layer = Layer.mergeAll(Uploader.layer({ ...engine, plugins }), Janitor.layer({ ...engine, plugins })).pipe(
        Layer.provide([Layer.succeed(ObjectStore, store), Layer.succeed(Journal, journal)])
      )
      const services = yield* this.#in(
        process,
        Effect.all({ uploader: Uploader, janitor: Janitor }).pipe(
          // Its scope is never closed: a process ends, or is killed, with all it has.
          (use) => Effect.flatMap(Layer.build(layer), (context) => Effect.provideContext(use, context)),
          Effect.scoped,
          Effect.orDie
        )
      )
      if (services === "died" || Exit.isFailure(services)) return yield* Effect.die("a process did not start")
      const node: Node = { process, ...services.value }
      this.#nodes[slot] = node
      process.onDeath(() => {
        this.#supervisor.start(Effect.delay(this.#spawn(slot), this.#scenario.restartMs))
      })
      return node
    })
  }

  /** Runs an effect in a process, and waits for its end or the process's. */
  #in<A, E>(
    process: VirtualProcess,
    effect: Effect.Effect<A, E>,
    interruptAfterMs?: number
  ): Effect.Effect<Exit.Exit<A, E> | "died"> {
    return Effect.callback((resume) => {
      const finish = (end: Exit.Exit<A, E> | "died"): void => this.#supervisor.soon(() => resume(Effect.succeed(end)))
      if (!process.alive) return finish("died")
      const forget = process.onDeath(() => finish("died"))
      process.soon(() => {
        const fiber = process.start(effect)
        fiber.addObserver((exit) => {
          forget()
          finish(exit)
        })
        if (interruptAfterMs !== undefined) {
          this.#world.time.in(interruptAfterMs, () => process.soon(() => fiber.interruptUnsafe()))
        }
      })
    })
  }

  /** A node that lives, the `preferred` one if it does; waits for one to start. */
  #node(preferred: number): Effect.Effect<Node> {
    return Effect.suspend(() => {
      const { nodes } = this.#scenario
      for (let i = 0; i < nodes; i++) {
        const node = this.#nodes[(preferred + i) % nodes]
        if (node?.process.alive === true) return Effect.succeed(node)
      }
      return Effect.delay(this.#node(preferred), 1_000)
    })
  }

  #run(job: Job, actor: string, node: Node, sessionId: string | undefined): Effect.Effect<RunEnd> {
    const world = this.#world
    const { content, key } = job
    const { engine } = this.#scenario
    const source = sourceOf(world, job, actor)
    const control: UploadControl = {
      onEvent: (event) => node.process.alive && world.record({ _tag: "Told", actor, event })
    }
    const { uploader } = node
    const effect =
      sessionId === undefined
        ? uploader.upload({ key, source, ...job.request }, control)
        : uploader.resume(sessionId, { source: Source.fromBytes(content) }, control)
    return Effect.suspend(() => {
      world.record({
        ...{ _tag: "Began", actor, process: node.process.name, key, content, sessionId, limits: engine },
        kind: sessionId === undefined ? "upload" : "resume"
      })
      const site = `${actor} interrupted`
      const interrupt = world.faults.decide(site, (prng) =>
        prng.chance(world.weather.plugin)
          ? { _tag: "Interrupted" as const, afterMs: prng.between(0, 8_000) }
          : undefined
      )
      return Effect.map(
        this.#in(node.process, Effect.provideService(effect, Actor, actor), interrupt?.afterMs),
        (exit): RunEnd => {
          const end: RunEnd = exit === "died" ? { _tag: "Died" } : endOf(exit)
          const unnamed = end._tag === "Died" ? [] : world.unnamed(sessionId ?? world.sessionOf(actor))
          world.record({ _tag: "Ended", actor, end, unnamed })
          return end
        }
      )
    })
  }

  #runJob(job: Job): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { name } = job
      yield* Effect.sleep(job.atMs)
      let end = yield* this.#run(job, name, yield* this.#node(job.node), undefined)
      for (let round = 2; round <= job.rounds + 1 && end._tag !== "Succeeded"; round++) {
        const sessionId = this.#world.sessionOf(name)
        const open = this.#world.sessions().some((session) => session.sessionId === sessionId)
        if (sessionId === undefined || !open || !job.replayable) return
        yield* Effect.sleep(job.pauseMs)
        const runs = Array.from({ length: job.resumers }, (_, i) =>
          Effect.flatMap(this.#node(job.node + round + i), (node) =>
            this.#run(job, `${name} run ${round}${i === 0 ? "" : ` beside ${i}`}`, node, sessionId)
          )
        )
        const ends = yield* Effect.all(runs, { concurrency: "unbounded" })
        end = ends.find(({ _tag }) => _tag === "Succeeded") ?? ends[0] ?? end
      }
    })
  }

  #sweep(node: Node, actor: string, olderThanMs: number): Effect.Effect<void> {
    return this.#beside(node, actor, "sweep", "", node.janitor.sweep({ olderThanMs }))
  }

  /** What is neither an upload nor a resume. */
  #beside(
    node: Node,
    actor: string,
    kind: "sweep" | "cancel",
    key: string,
    effect: Effect.Effect<unknown, UploadError>
  ): Effect.Effect<void> {
    const { record } = this.#world
    return Effect.suspend(() => {
      const limits = this.#scenario.engine
      record({
        _tag: "Began",
        actor,
        process: node.process.name,
        kind,
        key,
        content: undefined,
        sessionId: undefined,
        limits
      })
      return Effect.map(
        this.#in(node.process, Effect.provideService(Effect.as(effect, undefined), Actor, actor)),
        (exit) => record({ _tag: "Ended", actor, end: exit === "died" ? { _tag: "Died" } : endOf(exit), unnamed: [] })
      )
    })
  }

  #disturb({ at, kind, name, olderThanMs }: Scenario["disturbances"][number]): Effect.Effect<void> {
    const { faults, s3 } = this.#world
    const job = this.#scenario.jobs[at % this.#scenario.jobs.length]
    const sessionId = job && this.#world.sessionOf(job.name)
    if (kind === "sweep") return Effect.flatMap(this.#node(at), (node) => this.#sweep(node, name, olderThanMs))
    const happens = (): boolean => faults.decide(name, () => ({ _tag: kind })) !== undefined
    if (job === undefined || !happens()) return Effect.void
    if (kind === "cancel") {
      return sessionId === undefined
        ? Effect.void
        : Effect.flatMap(this.#node(at), (node) =>
            this.#beside(node, name, "cancel", job.key, node.uploader.cancel(sessionId))
          )
    }
    return Effect.sync(() => {
      if (kind === "foreign put") s3.putObject({ key: job.key }, { bytes: new Uint8Array([9, 9, 9]), crc32: undefined })
      const session = this.#world.sessions().find((one) => one.sessionId === sessionId)
      if (kind === "foreign abort" && session?.uploadId !== undefined)
        s3.abortMultipartUpload(job.key, session.uploadId)
    })
  }
}
