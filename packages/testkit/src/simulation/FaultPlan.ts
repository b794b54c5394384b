import { makePrng, type Prng } from "./Prng.ts"

/** One decision that went against the program: where, and what. */
export interface InjectedFault {
  /** Names the place so that it is the same one whatever else happens: `upload 1 UploadPart 3 #2`. */
  readonly site: string
  /** What was done there, for people. */
  readonly what: string
}

/**
 * Where something goes wrong. What a place draws depends on the seed and its name alone: without one fault all others
 * stay what they were, so that a list of faults can be shrunk.
 */
export class FaultPlan {
  readonly #seed: number
  readonly #keep: ReadonlySet<string> | undefined
  readonly #injected: Array<InjectedFault> = []
  readonly #visits = new Map<string, number>()
  #over = false

  /** @param keep only faults at these sites happen */
  constructor(seed: number, keep?: ReadonlySet<string>) {
    this.#seed = seed
    this.#keep = keep
  }

  /** What was injected so far, in order. */
  get injected(): ReadonlyArray<InjectedFault> {
    return this.#injected
  }

  /** The name of the next visit to a place: the first `#1`, then `#2`. */
  visit(place: string): string {
    const visits = (this.#visits.get(place) ?? 0) + 1
    this.#visits.set(place, visits)
    return `${place} #${visits}`
  }

  /** A generator of this site alone, for what is no fault: how long something takes. */
  drawAt(site: string): Prng {
    return makePrng(this.#seed, site)
  }

  /** Asks once at a site whether something goes wrong there, and what. */
  decide<Fault extends { readonly _tag: string }>(
    site: string,
    draw: (prng: Prng) => Fault | undefined
  ): Fault | undefined {
    if (this.#over || (this.#keep !== undefined && !this.#keep.has(site))) return undefined
    const fault = draw(makePrng(this.#seed, `fault ${site}`))
    if (fault !== undefined) this.#injected.push({ site, what: describe(fault) })
    return fault
  }

  /** From now on nothing goes wrong any more. */
  end(): void {
    this.#over = true
  }
}

const describe = ({ _tag, ...details }: { readonly _tag: string }): string => {
  const words = Object.entries(details).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  return [_tag, ...words].join(" ")
}
