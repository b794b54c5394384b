import type { Middleware, S3Call } from "../s3/S3Call.ts"
import { applyFault } from "./apply-fault.ts"
import type { FaultAction, FaultMatch, FaultRule } from "./FaultRule.ts"

/** A request that a fault struck. */
export interface FaultHit extends Pick<S3Call, "op" | "bucket" | "key" | "uploadId" | "partNumber" | "attempt"> {
  readonly action: FaultAction["type"]
}

/** A rule at work. */
export interface ActiveFault {
  readonly rule: FaultRule
  /** How often it struck. */
  readonly hits: number
  remove(): void
}

/**
 * Faults on demand, by rule and by count: the same requests meet the same faults. Where several rules match one
 * request they all apply, an earlier rule around the later ones.
 */
export class FaultInjector {
  readonly #active: Array<RuleState> = []
  readonly #hits: Array<FaultHit> = []

  /** Every hit so far, in order. */
  get hits(): ReadonlyArray<FaultHit> {
    return this.#hits
  }

  add(rule: FaultRule): ActiveFault {
    const state = new RuleState(rule)
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

  /** Removes every rule; hits stay counted. */
  clear(): void {
    this.#active.length = 0
  }

  /** Stands around a server's operations. */
  readonly middleware: Middleware = (call, next) => {
    const chain = this.#active.reduceRight<(call: S3Call) => ReturnType<typeof next>>(
      (inner, state) => async (call) => {
        if (!state.takes(call)) return inner(call)
        const { op, bucket, key, uploadId, partNumber, attempt } = call
        this.#hits.push({ op, bucket, key, uploadId, partNumber, attempt, action: state.rule.action.type })
        return applyFault(state.rule, call, inner)
      },
      next
    )
    return chain(call)
  }
}

class RuleState {
  readonly rule: FaultRule
  hits = 0
  #matched = 0

  constructor(rule: FaultRule) {
    this.rule = rule
  }

  takes(call: S3Call): boolean {
    const { match = {}, times = 1 } = this.rule
    if (!matches(match, call)) return false
    this.#matched += 1
    if (this.#matched < (match.nth ?? 1) || this.hits >= times) return false
    this.hits += 1
    return true
  }
}

function matches({ key, nth: _nth, phase: _phase, ...exact }: FaultMatch, call: S3Call): boolean {
  if (key !== undefined && !(typeof key === "string" ? key === call.key : key.test(call.key))) return false
  const fields: Partial<S3Call> = exact
  return (["op", "bucket", "uploadId", "partNumber", "attempt"] as const).every(
    (name) => fields[name] === undefined || fields[name] === call[name]
  )
}
