import type { S3Response } from "../s3/message.ts"
import type { Middleware, S3Call } from "../s3/S3Call.ts"
import { accessKeyOf } from "./access-key-of.ts"
import { applyFault, expired } from "./apply-fault.ts"
import { type FaultClock, realClock } from "./FaultClock.ts"
import { type FaultPlace, isForConnections, isForRequests, placeOf } from "./FaultPlace.ts"
import type { ByteFault, ConnectionFault, FaultAction, FaultRule } from "./FaultRule.ts"
import { type FaultSubject, identityOf, matchRule } from "./match-rule.ts"
import { seeded } from "./seeded.ts"
import { makeTrade } from "./Trade.ts"

/** A request, or a connection, that a fault struck. */
export interface FaultHit
  extends Partial<Pick<S3Call, "op" | "bucket" | "key" | "uploadId" | "partNumber" | "attempt">> {
  readonly connection?: number
  readonly action: FaultAction["type"]
}

/** A rule at work. */
export interface ActiveFault {
  readonly rule: FaultRule
  /** How often it struck. */
  readonly hits: number
  remove(): void
}

export interface FaultInjectorOptions {
  /** What probabilities and random bytes come from; 0 by default. The same seed and requests give the same faults. */
  readonly seed?: number
  /** For every delay; real time by default. */
  readonly clock?: FaultClock
  readonly rules?: ReadonlyArray<FaultRule>
  /** Told of each hit as it happens. */
  readonly onHit?: (hit: FaultHit) => void
}

/** A fault that has struck a connection. */
export interface ConnectionStrike {
  readonly action: ByteFault | ConnectionFault
  readonly phase: "body" | "response" | undefined
  readonly random: () => number
}

/**
 * Faults on demand, by rule and by count: the same requests meet the same faults. Where several rules match one
 * request they all apply, an earlier rule around the later ones.
 */
export class FaultInjector {
  readonly seed: number
  readonly clock: FaultClock
  readonly #places: ReadonlyArray<FaultPlace>
  readonly #onHit: (hit: FaultHit) => void
  readonly #active: Array<RuleState> = []
  readonly #hits: Array<FaultHit> = []
  readonly #expired = new Set<string>()
  #skewMs = 0
  #added = 0

  constructor(options: FaultInjectorOptions = {}, places: ReadonlyArray<FaultPlace> = ["server"]) {
    this.seed = options.seed ?? 0
    this.clock = options.clock ?? realClock
    this.#places = places
    this.#onHit = options.onHit ?? (() => {})
    for (const rule of options.rules ?? []) this.add(rule)
  }

  /** Every hit so far, in order. */
  get hits(): ReadonlyArray<FaultHit> {
    return this.#hits
  }

  /** How far `clockJump` has moved the server's clock, in milliseconds. */
  get skewMs(): number {
    return this.#skewMs
  }

  /** Throws a TypeError for a rule that could never strike where this injector stands. */
  add(rule: FaultRule): ActiveFault {
    const state = new RuleState(rule, placeOf(rule, this.#places), this.seed, this.#added++)
    this.#active.push(state)
    return {
      rule,
      get hits() {
        return state.hits
      },
      remove: () => {
        if (this.#active.includes(state)) this.#active.splice(this.#active.indexOf(state), 1)
      }
    }
  }

  /**
   * Removes every rule and what rules have left behind (expired credentials, a clock that jumped). The seed begins anew;
   * hits stay counted.
   */
  clear(): void {
    this.#active.length = 0
    this.#added = 0
    this.#expired.clear()
    this.#skewMs = 0
  }

  /** Stands around a server's operations. */
  readonly middleware: Middleware = (call, next) => {
    if (this.#expired.has(accessKeyOf(call))) return Promise.resolve(expired())
    const chain = this.#active.reduceRight<(call: S3Call) => Promise<S3Response>>(
      (inner, state) => async (call) => {
        const { rule } = state
        if (!isForRequests(rule.action) || !state.takes(call)) return inner(call)
        const { op, bucket, key, uploadId, partNumber, attempt, signal } = call
        this.#strike({ op, bucket, key, uploadId, partNumber, attempt }, rule)
        return applyFault(rule.action, rule.match?.phase, call, inner, {
          clock: this.clock,
          random: state.random(call),
          signal,
          trade: state.trade,
          expire: (call) => void this.#expired.add(accessKeyOf(call)),
          skew: (ms) => {
            this.#skewMs += ms
          }
        })
      },
      next
    )
    return chain(call)
  }

  /** What strikes the nth connection, while so many others are open. */
  connection(connection: number, open: number): ReadonlyArray<ConnectionStrike> {
    const strikes: Array<ConnectionStrike> = []
    for (const state of this.#active) {
      const { action, match } = state.rule
      if (!isForConnections(action) || (action.type === "connectionLimit" && open < action.max)) continue
      if (!state.takes({ connection })) continue
      this.#strike({ connection }, state.rule)
      const phase = match?.phase === "after" || match?.phase === "response" ? "response" : match?.phase && "body"
      strikes.push({ action, phase, random: state.random({ connection }) })
    }
    return strikes
  }

  #strike(subject: Omit<FaultHit, "action">, { action }: FaultRule): void {
    const hit = { ...subject, action: action.type }
    this.#hits.push(hit)
    this.#onHit(hit)
  }
}

class RuleState {
  readonly rule: FaultRule
  readonly trade = makeTrade<S3Response>()
  readonly #place: FaultPlace
  readonly #seed: number
  readonly #index: number
  hits = 0
  #matched = 0

  constructor(rule: FaultRule, place: FaultPlace, seed: number, index: number) {
    this.rule = rule
    this.#place = place
    this.#seed = seed
    this.#index = index
  }

  takes(subject: FaultSubject): boolean {
    const { match = {}, times = 1 } = this.rule
    if ((subject.connection !== undefined) !== (this.#place === "connections")) return false
    if (!matchRule(match, subject)) return false
    this.#matched += 1
    if (this.#matched < (match.nth ?? 1) || this.hits >= times) return false
    if (match.probability !== undefined && this.#draw("strike", subject)() >= match.probability) return false
    this.hits += 1
    return true
  }

  /** Numbers for what the rule does to this subject. */
  readonly random = (subject: FaultSubject): (() => number) => this.#draw("act", subject)

  #draw(purpose: string, subject: FaultSubject): () => number {
    return seeded(this.#seed, this.#index, purpose, ...identityOf(subject))
  }
}
