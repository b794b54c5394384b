/** The simulation finds bugs: those that are planted here around the engine. */
import { describeFinding, shrinkSimulation, simulate } from "@sluice/testkit/simulation"
import { describe, expect, it } from "vitest"
import { type PlantedBug, plantedBugs } from "./planted.ts"

describe("an engine that", () => {
  it.each(Object.entries<PlantedBug>(plantedBugs))("%s is found, by its first seed", async (_, bug) => {
    const found = await simulate({ seed: bug.seed, ...bug.plant() })
    expect(found.violations.map(({ rule }) => rule)).toContain(bug.breaks)
    // The same world around the engine as it is breaks nothing.
    expect((await simulate({ seed: bug.seed })).violations).toEqual([])
  })

  it("aborts while unknown is told with the one fault that it takes, and the line that repeats it", async () => {
    const { plant, seed } = plantedBugs["aborts while unknown"]
    const plants = plant()
    const finding = await shrinkSimulation(await simulate({ seed, ...plants }), plants)
    expect(finding.faults).toHaveLength(1)
    const [fault] = finding.faults
    expect(describeFinding(finding)).toContain(`npm run sim -- --from ${seed} --seeds 1 --keep "${fault?.site}"`)
    const keep = new Set(finding.faults.map(({ site }) => site))
    expect((await simulate({ seed, keep, ...plants })).violations).toEqual(finding.violations)
  })
})
