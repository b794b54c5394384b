/**
 * The engine in a simulated world: virtual time, a virtual S3, processes that die, and faults anywhere, all from one
 * seed; and a checker of what happened.
 *
 * @module
 */
export { Actor } from "./Actor.ts"
export { checkHistory, type RuleName, rules, type Violation } from "./check-history.ts"
export { describeFinding, type Finding, shrinkSimulation } from "./explore.ts"
export { FaultPlan, type InjectedFault } from "./FaultPlan.ts"
export type { JournalFault, ProcessFault, StoreFault, Trouble, Weather } from "./Faults.ts"
export {
  eventsOf,
  type History,
  type HistoryEvent,
  type OperationName,
  type RunEnd,
  type RunLimits
} from "./History.ts"
export { makePrng, type Prng } from "./Prng.ts"
export { drawScenario, type Scenario } from "./Scenario.ts"
export { shrink } from "./shrink.ts"
export { type Simulation, type SimulationOptions, simulate } from "./simulate.ts"
export { type Pool, type ProcessOptions, VirtualProcess } from "./VirtualProcess.ts"
export { type VirtualObject, VirtualS3, type VirtualS3Options, type VirtualUpload } from "./VirtualS3.ts"
export { type TimeEnd, VirtualTime } from "./VirtualTime.ts"
export { makeVirtualJournal } from "./virtual-journal.ts"
export { makeVirtualStore } from "./virtual-store.ts"
export { World, type WorldOptions } from "./World.ts"
