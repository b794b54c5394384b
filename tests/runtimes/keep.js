/**
 * Runs a suite and prints a line for each promise that is broken, and one for all.
 *
 * @param {string} name
 * @param {ReadonlyArray<{ name: string, run: () => Promise<void> }>} suite
 * @returns how many are broken
 */
export async function keep(name, suite) {
  let broken = 0
  for (const { name: promise, run } of suite) {
    try {
      await run()
    } catch (error) {
      broken++
      console.log(`  FAIL ${name}: ${promise}: ${error instanceof Error ? error.message : error}`)
    }
  }
  const kept = suite.length - broken
  console.log(`  ${broken === 0 ? "ok  " : "FAIL"} ${name} keeps ${kept} of ${suite.length} promises`)
  return broken
}
