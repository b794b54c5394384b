import { beforeEach, expect, it, type RunnerTask, type RunnerTestSuite } from "vitest"
import type { Deviation } from "./deviations.ts"

declare module "vitest" {
  interface TaskMeta {
    /** What this store does instead. */
    deviation?: string
  }
}

/** Called last in the suite of a store: the cases that deviate there have to fail, and there have to be such cases. */
export function holdDeviations(deviations: ReadonlyArray<Deviation>): void {
  if (deviations.length === 0) return

  beforeEach(({ task }) => {
    const deviation = deviations.find(({ cases }) => cases.some((name) => covers(name, pathOf(task))))
    if (deviation === undefined) return
    // What `it.fails` sets, which is read when the case has run; Vitest has no public way to decide it this late.
    Object.assign(task, { fails: true })
    task.meta.deviation = deviation.why
  })

  it("deviates in cases that the suite has", ({ task }) => {
    const paths = task.suite === undefined ? [] : task.suite.tasks.flatMap(pathsIn)
    const unknown = deviations.flatMap(({ cases }) => cases.filter((name) => !paths.some((path) => covers(name, path))))
    expect(unknown).toEqual([])
  })
}

const covers = (name: string, path: string): boolean => path === name || path.startsWith(`${name} > `)

/** The names of a case and of the groups that it is in, below the suite's own. */
const pathOf = ({ name, suite }: { readonly name: string; readonly suite?: RunnerTestSuite | undefined }): string =>
  suite?.suite === undefined ? name : `${pathOf(suite)} > ${name}`

const pathsIn = (task: RunnerTask): ReadonlyArray<string> =>
  task.type === "suite" ? task.tasks.flatMap(pathsIn) : [pathOf(task)]
