import type { JournalApi, Lease } from "@sluice/core/Journal"
import * as Journal from "@sluice/core/Journal"
import type { Capabilities } from "@sluice/core/Limits"
import type { PartReceipt } from "@sluice/core/Part"
import { metadataToken, type Session } from "@sluice/core/Session"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { FaultPlan } from "./FaultPlan.ts"
import type { StoreFault, Trouble, Weather } from "./Faults.ts"
import type { HistoryEvent, OperationName } from "./History.ts"
import { makePrng } from "./Prng.ts"
import { type ProcessOptions, VirtualProcess } from "./VirtualProcess.ts"
import { VirtualS3 } from "./VirtualS3.ts"
import { VirtualTime } from "./VirtualTime.ts"

export interface WorldOptions {
  readonly seed: number
  /** Only the faults at these sites happen; default: all that the seed brings. */
  readonly keep?: ReadonlySet<string> | undefined
  readonly capabilities: Capabilities
  readonly weather: Weather
  /** Whether the journal outlives its processes. */
  readonly durable: boolean
  readonly idempotentComplete: boolean
  /** Entries a page of the store's lists. */
  readonly pageSize: number
  /** An object's bytes as a reader sees them, where plugins change them. */
  readonly decode?: ((bytes: Uint8Array, partSizes: ReadonlyArray<number>) => Uint8Array) | undefined
}

/** A time in which most calls fail. Milliseconds since the epoch. */
interface Storm {
  readonly from: number
  readonly to: number
  readonly trouble: Trouble
  readonly share: number
}

interface HeldLease {
  readonly fence: number
  /** Undefined when it was given back. */
  readonly until: number | undefined
}

interface Recorded {
  readonly etag: string
  readonly at: number
}

/** 2026-01-01, in milliseconds since the epoch. */
const beginning = 1_767_225_600_000

type Happening = HistoryEvent extends infer Event ? (Event extends HistoryEvent ? Omit<Event, "at"> : never) : never

/** What lasts when processes die: time, the store, what the journal has written; and the history of it all. */
export class World {
  readonly bucket = "media"
  readonly time: VirtualTime
  readonly faults: FaultPlan
  readonly s3: VirtualS3
  readonly weather: Weather
  readonly durable: boolean
  readonly journal: JournalApi
  readonly journalClock: Clock.Clock
  readonly history: Array<HistoryEvent> = []
  readonly #seed: number
  readonly #storms: Array<Storm> = []
  readonly #began = new Map<string, number>()
  readonly #sessionOfActor = new Map<string, string>()
  readonly #sessionOfToken = new Map<string, string>()
  readonly #tokenOfUpload = new Map<string, string>()
  readonly #leases = new Map<string, HeldLease>()
  readonly #thawsAtLease = new Map<string, number>()
  readonly #receipts = new Map<string, Map<number, Recorded>>()
  #calls = 0

  constructor({ seed, keep, capabilities, weather, durable, idempotentComplete, pageSize, decode }: WorldOptions) {
    this.#seed = seed
    this.weather = weather
    this.durable = durable
    this.time = new VirtualTime(makePrng(seed, "order"), beginning)
    this.faults = new FaultPlan(seed, keep)
    const now = (): number => this.time.now
    this.s3 = new VirtualS3({
      ...{ capabilities, idempotentComplete, pageSize, now },
      onWrite: ({ attributes, bytes, etag, key, partSizes }) =>
        this.record({
          ...{ _tag: "Written", key, etag, size: bytes.length },
          writeToken: attributes.metadata?.[metadataToken],
          content: decode === undefined ? bytes : decode(bytes, partSizes)
        })
    })
    this.journal = Effect.runSync(Journal.makeMemory)
    const server = this.process("journal")
    this.journalClock = Context.get(server.context, Clock.Clock)
  }

  /** A process in this world. */
  process(name: string, options: Omit<ProcessOptions, "name" | "time" | "prng"> = {}): VirtualProcess {
    return new VirtualProcess({ ...options, name, time: this.time, prng: makePrng(this.#seed, `process ${name}`) })
  }

  readonly record = (event: Happening): void => {
    if (event._tag === "Began") this.#began.set(event.actor, this.time.now)
    if (event._tag === "Applied" && event.uploadId !== undefined) {
      const token = this.s3.uploads.get(event.uploadId)?.input.metadata?.[metadataToken]
      if (token !== undefined) this.#tokenOfUpload.set(event.uploadId, token)
    }
    this.history.push({ ...event, at: this.time.now })
  }

  /** Ends a process as SIGKILL does. */
  kill(process: VirtualProcess): void {
    process.kill()
    this.record({ _tag: "Killed", process: process.name })
  }

  /** Stops a process for a while. */
  freeze(process: VirtualProcess, ms: number): void {
    process.freeze(ms)
    this.record({ _tag: "Frozen", process: process.name })
  }

  /** From now on, for a while, most calls of the store meet this trouble. */
  addStorm(storm: Omit<Storm, "from" | "to"> & { readonly ms: number }): void {
    const { now } = this.time
    this.#storms.push({ ...storm, from: now, to: now + storm.ms })
  }

  /** What a storm does to the call at this site. */
  storm(site: string): StoreFault | undefined {
    const { now } = this.time
    const storm = this.#storms.find(({ from, to }) => from <= now && now < to)
    if (storm === undefined || !this.faults.drawAt(`${site} in a storm`).chance(storm.share)) return undefined
    return { _tag: "Refused", trouble: storm.trouble }
  }

  /** Notes a call that leaves for the store, and what is to be known about it at this moment. */
  sent(call: {
    readonly operation: OperationName
    readonly key: string
    readonly uploadId?: string | undefined
    readonly partNumber?: number | undefined
    readonly parts?: ReadonlyArray<{ readonly partNumber: number; readonly etag: string }>
    readonly writeToken?: string | undefined
    readonly actor: string
    readonly process: VirtualProcess
  }): number {
    const { actor, key, operation, partNumber, process, uploadId } = call
    const token = call.writeToken ?? (uploadId === undefined ? undefined : this.#tokenOfUpload.get(uploadId))
    const sessionId = token === undefined ? undefined : this.#sessionOfToken.get(token)
    const thaws = this.#thawsAtLease.get(`${actor} ${sessionId}`)
    const receipts = sessionId === undefined ? undefined : this.#receipts.get(sessionId)
    const recorded = partNumber === undefined ? undefined : receipts?.get(partNumber)
    const stored = uploadId === undefined ? undefined : this.s3.uploads.get(uploadId)?.parts.get(partNumber ?? 0)
    this.record({
      ...{
        _tag: "Sent",
        call: ++this.#calls,
        actor,
        process: process.name,
        operation,
        key,
        sessionId,
        uploadId,
        partNumber
      },
      thawed: thaws !== undefined && thaws !== process.thaws,
      unrecorded: (call.parts ?? [])
        .filter((part) => receipts?.get(part.partNumber)?.etag !== part.etag)
        .map((part) => part.partNumber),
      known:
        recorded !== undefined &&
        recorded.etag === stored?.etag &&
        recorded.at < (this.#began.get(actor) ?? Number.NEGATIVE_INFINITY)
    })
    return this.#calls
  }

  journalled(actor: string, { sessionId, writeToken }: Session): void {
    this.#sessionOfActor.set(actor, sessionId)
    if (writeToken !== undefined) this.#sessionOfToken.set(writeToken, sessionId)
    this.record({ _tag: "Journalled", actor, sessionId, writeToken })
  }

  receipted(sessionId: string, { partNumber, stored }: PartReceipt): void {
    const receipts = this.#receipts.get(sessionId) ?? new Map<number, Recorded>()
    receipts.set(partNumber, { etag: stored.etag, at: this.time.now })
    this.#receipts.set(sessionId, receipts)
  }

  leased(tag: "LeaseTaken" | "LeaseRenewed", actor: string, process: VirtualProcess, lease: Lease): void {
    const { expiresAt: until, fence, sessionId } = lease
    this.#leases.set(sessionId, { fence, until })
    this.#thawsAtLease.set(`${actor} ${sessionId}`, process.thaws)
    this.record({ _tag: tag, actor, sessionId, fence, until })
  }

  released(actor: string, { fence, sessionId }: Lease): void {
    const held = this.#leases.get(sessionId)
    if (held?.fence === fence) this.#leases.set(sessionId, { ...held, until: undefined })
    this.record({ _tag: "LeaseReleased", actor, sessionId, fence })
  }

  /** The session that a run has made. */
  sessionOf(actor: string): string | undefined {
    return this.#sessionOfActor.get(actor)
  }

  /** What the journal has now. */
  sessions(): ReadonlyArray<Session> {
    return Effect.runSync(Effect.orDie(this.journal.listExpired(Number.POSITIVE_INFINITY)))
  }

  /** Open uploads of a session that nothing in the journal leads to. */
  unnamed(sessionId: string | undefined): ReadonlyArray<string> {
    if (sessionId === undefined) return []
    const sessions = this.sessions()
    // Somebody else works on it already.
    const lease = this.#leases.get(sessionId)
    if (lease?.until !== undefined && lease.until > this.time.now) return []
    // What a Create has left that nobody heard of is looked for as long as the session says so.
    if (sessions.some((session) => session.sessionId === sessionId && session.state === "created")) return []
    const named = new Set(sessions.flatMap(({ suspects, uploadId }) => [uploadId, ...suspects]))
    return [...this.s3.uploads.keys()].filter((uploadId) => {
      const token = this.#tokenOfUpload.get(uploadId)
      return token !== undefined && this.#sessionOfToken.get(token) === sessionId && !named.has(uploadId)
    })
  }
}
