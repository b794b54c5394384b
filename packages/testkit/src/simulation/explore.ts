import type { Violation } from "./check-history.ts"
import type { InjectedFault } from "./FaultPlan.ts"
import { shrink } from "./shrink.ts"
import { type Simulation, type SimulationOptions, simulate } from "./simulate.ts"

/** A seed that breaks a promise, and the fewest faults that it takes. */
export interface Finding {
  readonly seed: number
  readonly violations: ReadonlyArray<Violation>
  readonly faults: ReadonlyArray<InjectedFault>
}

/** Runs one seed again and again, each time with fewer faults, as long as the same promise is broken. */
export const shrinkSimulation = async (
  found: Simulation,
  options: Omit<SimulationOptions, "seed" | "keep"> = {}
): Promise<Finding> => {
  const { seed } = found
  const broken = new Set(found.violations.map(({ rule }) => rule))
  const rerun = (faults: ReadonlyArray<InjectedFault>): Promise<Simulation> =>
    simulate({ ...options, seed, keep: new Set(faults.map(({ site }) => site)) })
  const faults = await shrink(found.faults, async (some) =>
    (await rerun(some)).violations.some(({ rule }) => broken.has(rule))
  )
  const { violations } = await rerun(faults)
  return { seed, violations, faults }
}

/** The finding in words, with the line that repeats it. */
export const describeFinding = ({ faults, seed, violations }: Finding): string => {
  const keep = faults.length === 0 ? " --fair" : faults.map(({ site }) => ` --keep "${site}"`).join("")
  return [
    `seed ${seed} breaks a promise`,
    ...violations.map(({ message, rule }) => `  ${rule}: ${message}`),
    ...faults.map(({ site, what }) => `  with ${site}: ${what}`),
    `  npm run sim -- --from ${seed} --seeds 1${keep}`
  ].join("\n")
}
