import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

const report = process.env["SLUICE_TEST_REPORT"]

/** Processes by the hundred, and uploads of a size: `npm run test:processes`, which .ci/run calls. */
const heavy = [
  "tests/kill/**/*.test.ts",
  "tests/acceptance/kept.test.ts",
  "tests/acceptance/many-files.test.ts",
  "tests/acceptance/resume.test.ts",
  "tests/big/interrupt.test.ts",
  "tests/big/read-back.test.ts"
]

export default defineConfig({
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      "packages/*/test/**/*.test.ts",
      "tests/**/*.test.ts",
      "bench/**/*.test.js",
      "gauntlet/**/*.test.js"
    ],
    exclude: ["**/node_modules/**", "**/dist/**", ...(process.env["SLUICE_HEAVY"] === undefined ? heavy : [])],
    // Tests wait for sockets and processes as much as they compute: two cores do two files at a time.
    maxWorkers: Math.max(2, availableParallelism()),
    // How long a test may hang before it is given up; nothing is told by it of how fast anything is, so a slow machine
    // gets its time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000, interval: 2 } },
    reporters: [
      "default",
      "./scripts/skipped-services-reporter.js",
      // .ci/run counts from this file.
      ...(report === undefined ? [] : [["json", { outputFile: report }] as ["json", { outputFile: string }]])
    ]
  }
})
