/**
 * Ends a test run with what it did not test and why. A suite that needs a service says so in its name, as in
 * "MinIO (skipped: no minio binary; .ci/run installs it)"; any other skipped suite or test is named as such.
 *
 * @type {import("vitest/reporters").Reporter}
 */
export default class SkippedServicesReporter {
  /** Whether the run asked for some tests by name: the others are then no news. */
  #filtered = false

  /** @param {import("vitest/node").Vitest} vitest */
  onInit(vitest) {
    this.#filtered = vitest.config.testNamePattern !== undefined
  }

  /** @param {ReadonlyArray<import("vitest/node").TestModule>} modules */
  onTestRunEnd(modules) {
    const skipped = modules.flatMap(skippedIn).filter(({ name }) => !this.#filtered || name.includes("(skipped:"))
    if (!this.#filtered && process.env["SLUICE_HEAVY"] === undefined) {
      console.log("\n Not run here: processes that are killed at each of their steps (npm run test:processes)")
    }
    if (skipped.length === 0) return
    const tests = skipped.reduce((sum, { tests }) => sum + tests, 0)
    console.log(`\n Not tested here: ${tests} ${tests === 1 ? "test" : "tests"}`)
    for (const { name, file, tests } of skipped) {
      const reason = name.includes("(skipped:") ? "" : ", skipped without a reason in its name"
      console.log(`   ↓ ${name} – ${tests} in ${file}${reason}`)
    }
    console.log("")
  }
}

/**
 * The outermost skipped suites and tests of a file. What was skipped because its hook failed is a failure, told elsewhere.
 *
 * @param {import("vitest/node").TestModule | import("vitest/node").TestSuite} parent
 * @returns {Array<{ name: string, file: string, tests: number }>}
 */
function skippedIn(parent) {
  if (parent.errors().length > 0) return []
  return Array.from(parent.children).flatMap((task) => {
    const file = task.module.relativeModuleId
    if (task.type === "test") return task.result().state === "skipped" ? [{ name: task.name, file, tests: 1 }] : []
    const tests = task.errors().length > 0 ? [] : Array.from(task.children.allTests())
    const all = tests.length > 0 && tests.every((test) => test.result().state === "skipped")
    return all ? [{ name: task.name, file, tests: tests.length }] : skippedIn(task)
  })
}
