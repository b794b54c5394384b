import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const report = process.env["SLUICE_TEST_REPORT"]

// What tests start, they start by the hundred, and most of its time it compiles the same modules.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("node_modules/.cache/compiled", import.meta.url))

/** Processes by the hundred, and uploads of a size: `npm run test:processes`, which .ci/run calls. */
const heavy = [
  "tests/kill/**/*.test.ts",
  "tests/acceptance/kept.test.ts",
  "tests/acceptance/many-files.test.ts",
  "tests/acceptance/resume.test.ts",
  "tests/big/interrupt.test.ts",
  "tests/big/read-back.test.ts"
]

/** One process runs these file after file: to load Effect and the SDK for each of them took longer than they do. */
const shared = ["packages/*/{src,test}/**/*.test.ts", "tests/{engine,faults,peers}/**/*.test.ts"]

/** But not these: they put a module in the place of one that is loaded already, or hold what a process remembers. */
const alone = [
  "packages/core/src/s3/fetch-send.test.ts",
  "packages/plugins/src/events/webhook/index.test.ts",
  // Counts on the whole of the process's memory for its parts.
  "tests/faults/patience.test.ts",
  "tests/engine/telemetry.test.ts"
]

const exclude = ["**/node_modules/**", "**/dist/**", ...(process.env["SLUICE_HEAVY"] === undefined ? heavy : [])]

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "alone",
          include: [
            "tests/!(engine|faults|peers)/**/*.test.ts",
            "bench/**/*.test.js",
            "gauntlet/**/*.test.js",
            ...alone
          ],
          exclude
        }
      },
      {
        extends: true,
        test: { name: "shared", include: shared, exclude: [...exclude, ...alone], isolate: false }
      }
    ],
    // Tests wait for sockets and processes as much as they compute: two cores do three files at a time.
    maxWorkers: availableParallelism() + 1,
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
